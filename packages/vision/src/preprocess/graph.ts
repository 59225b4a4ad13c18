// Preprocessing as part of the model: resize, centre crop and normalise as ONNX nodes, so that every host sees the same pixels.

import { float32, OnnxGraph } from "@ballsight/grad";
import type { Preprocess } from "./contract.ts";

/**
 * Adds preprocessing to a graph: `image` uint8 [N,H,W,3] RGB, H and W free, becomes float32 [N,3,size,size], normalised.
 *
 *     const image = g.input("image", "uint8", ["N", "H", "W", 3]);
 *     const x = addPreprocess(g, image, preprocess);
 */
export function addPreprocess(g: OnnxGraph, image: string, preprocess: Preprocess): string {
  const pixels = g.op("Cast", [addResizeCrop(g, image, preprocess)], { to: 1 });
  // (x / 255 - mean) / std as one multiplication and one addition.
  const perChannel = (values: readonly number[]) => g.constant(float32(values, [1, 3, 1, 1]));
  const scaled = g.op("Mul", [pixels, perChannel(preprocess.std.map((std) => 1 / (255 * std)))]);
  const shift = preprocess.mean.map((mean, channel) => -mean / (preprocess.std[channel] as number));
  return g.op("Add", [scaled, perChannel(shift)]);
}

/**
 * A stand-alone model of the resize and crop: input `image` uint8 [N,H,W,3], output `pixels` uint8 [N,size,size,3].
 * Validation caches are made with it, so that they hold exactly the pixels that the served model computes.
 */
export function resizeCropModel(preprocess: Preprocess): Uint8Array {
  const g = new OnnxGraph("resize_crop");
  const image = g.input("image", "uint8", ["N", "H", "W", 3]);
  const cropped = addResizeCrop(g, image, preprocess);
  const { size } = preprocess;
  g.output(g.op("Transpose", [cropped], { perm: [0, 2, 3, 1] }), "uint8", ["N", size, size, 3], "pixels");
  return g.toModel();
}

/** uint8 [N,H,W,3] to uint8 [N,3,size,size]: short side to `resize`, centre crop to `size`. */
function addResizeCrop(g: OnnxGraph, image: string, { size, resize }: Preprocess): string {
  const shape = g.op("Shape", [image]);
  const sides = g.op("Slice", [shape, g.ints(1), g.ints(3), g.ints(0)]);
  const short = g.op("ReduceMin", [sides], { keepdims: 1 });
  // int(resize * long / short), as torchvision rounds: integer division gives the same for every size that fits a photo.
  const sizes = g.op("Div", [g.op("Mul", [sides, g.ints(resize)]), short]);
  const batch = g.op("Slice", [shape, g.ints(0), g.ints(1), g.ints(0)]);
  const fullSizes = g.op("Concat", [batch, g.ints(3), sizes], { axis: 0 });
  // Resizing stays on uint8: it is two to three times quicker than on float32, and Pillow rounds to uint8 as well.
  const resized = g.op("Resize", [g.op("Transpose", [image], { perm: [0, 3, 1, 2] }), "", "", fullSizes], {
    antialias: 1,
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
  });
  // torchvision's offset is Python's round((side - size) / 2): halves go to the even neighbour, that is q + (q odd and rest odd).
  const spare = g.op("Sub", [sizes, g.ints(size)]);
  const two = g.ints(2);
  const half = g.op("Div", [spare, two]);
  const roundUp = g.op("Mul", [g.op("Mod", [half, two]), g.op("Mod", [spare, two])]);
  const starts = g.op("Add", [half, roundUp]);
  return g.op("Slice", [resized, starts, g.op("Add", [starts, g.ints(size)]), g.ints(2, 3)]);
}
