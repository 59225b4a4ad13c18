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
  const slice = (value: string, start: number, end: number) =>
    g.op("Slice", [value, g.ints(start), g.ints(end), g.ints(0)]);
  const shape = g.op("Shape", [image]);
  const sides = slice(shape, 1, 3);
  // int(resize * long / short), as torchvision rounds: the quotient of whole numbers, cut off.
  const target = g.op("Div", [g.op("Mul", [sides, g.ints(resize)]), g.op("ReduceMin", [sides], { keepdims: 1 })]);
  const resized = resizeUint8(g, g.op("Transpose", [image], { perm: [0, 3, 1, 2] }), slice(shape, 0, 1), target);
  // torchvision's offset is Python's round((side - size) / 2): a half goes to the even neighbour, so up when the floor is odd.
  const two = g.ints(2);
  const spare = g.op("Sub", [target, g.ints(size)]);
  const floor = g.op("Div", [spare, two]);
  const start = g.op("Add", [floor, g.op("Mul", [g.op("Mod", [floor, two]), g.op("Mod", [spare, two])])]);
  return g.op("Slice", [resized, start, g.op("Add", [start, g.ints(size)]), g.ints(2, 3)]);
}

/**
 * Pillow's antialiased bilinear on uint8 [N,3,h,w], which is two to three times quicker than on float32; `target` is int64 [2].
 * - `exclude_outside`: without it the taps beyond the border count as copies of the border, and outer pixels differ from Pillow's by up to 10.
 * - All four sizes instead of the attribute `axes`: ORT 1.30 moves Transposes through Resize and then reads `sizes` as four numbers.
 */
function resizeUint8(g: OnnxGraph, nchw: string, batch: string, target: string): string {
  const sizes = g.op("Concat", [batch, g.ints(3), target], { axis: 0 });
  return g.op("Resize", [nchw, "", "", sizes], {
    antialias: 1,
    exclude_outside: 1,
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
  });
}
