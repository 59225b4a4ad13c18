// Augmentation as part of the training graph: one GridSample per photo by the drawn matrix, then light, then normalisation.

import {
  add,
  cast,
  clamp,
  div,
  float32,
  type Graph,
  gatherRows,
  gemm,
  gridSample,
  log,
  mul,
  reshape,
  scale,
  sigmoid,
  slice,
  sub,
  transpose,
  type Value,
} from "@ballsight/grad";

export interface AugmentInputs {
  /** uint8 [N, cacheSize, cacheSize, 3]. */
  readonly pixels: Value;
  /** float32 [N, 3, 3]; what drawAugmentation gives. */
  readonly matrices: Value;
  /** float32 [N] each. */
  readonly brightness: Value;
  readonly contrast: Value;
}

export function augmentInputs(graph: Graph, batch: number, cacheSize: number): AugmentInputs {
  return {
    pixels: graph.input("pixels", "uint8", [batch, cacheSize, cacheSize, 3]),
    matrices: graph.input("matrices", "float32", [batch, 3, 3]),
    brightness: graph.input("brightness", "float32", [batch]),
    contrast: graph.input("contrast", "float32", [batch]),
  };
}

/** Photos as [N, 3, size, size] in [0, 1]. */
export function augment({ pixels, matrices, brightness, contrast }: AugmentInputs, size: number): Value {
  const n = pixels.shape[0] as number;
  const image = cast(transpose(pixels, [0, 3, 1, 2]), "float32");
  const sampled = clamp(scale(gridSample(image, sampleGrid(matrices, n, size)), 1 / 255), 0, 1);
  return light(sampled, reshape(brightness, [n, 1, 1, 1]), reshape(contrast, [n, 1, 1, 1]));
}

/** [N, size, size, 2]: every output pixel's place in the source. */
function sampleGrid(matrices: Value, n: number, size: number): Value {
  const { graph } = matrices;
  const area = size * size;
  const points = new Float32Array(3 * area);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const i = y * size + x;
      points[i] = (2 * x) / (size - 1) - 1;
      points[area + i] = (2 * y) / (size - 1) - 1;
      points[2 * area + i] = 1;
    }
  }
  const moved = reshape(gemm(reshape(matrices, [3 * n, 3]), graph.constant(float32(points, [3, area]))), [n, 3, area]);
  const places = div(slice(moved, 1, 0, 2), slice(moved, 1, 2, 3));
  return reshape(transpose(places, [0, 2, 1]), [n, size, size, 2]);
}

/** fastai's lighting: σ((logit(x) + logit(brightness)) · contrast); neutral at 0.5 and 1. */
function light(x: Value, brightness: Value, contrast: Value): Value {
  const one = x.graph.constant(float32([1], []));
  const logit = (p: Value) => log(div(p, sub(one, p)));
  return sigmoid(mul(add(logit(clamp(x, 1e-7, 1 - 1e-7)), logit(brightness)), contrast));
}

/** (x - mean) / std per channel; both on the 0..1 scale. */
export function normalize(x: Value, mean: readonly number[], std: readonly number[]): Value {
  const row = (values: readonly number[]) => x.graph.constant(float32(values, [1, values.length, 1, 1]));
  return div(sub(x, row(mean)), row(std));
}

/**
 * lambda · x + (1 - lambda) · x[partner]: MixUp's photos. lambda float32 [N], partner int64 [N].
 * @param box float32 [4]: CutMix's x0, y0, x1, y1 in whole pixels, the last two beyond it, inside of which the partner alone shows
 */
export function mixPhotos(x: Value, lambda: Value, partner: Value, box?: Value): Value {
  const n = x.shape[0] as number;
  const one = x.graph.constant(float32([1], []));
  const whole = reshape(lambda, [n, 1, 1, 1]);
  const share = box === undefined ? whole : mul(whole, sub(one, boxMask(box, x.shape[2] as number)));
  return add(mul(x, share), mul(gatherRows(x, partner), sub(one, share)));
}

/** [1, 1, size, size]: 1 in the box, 0 outside. */
function boxMask(box: Value, size: number): Value {
  const places = box.graph.constant(float32(Array.from({ length: size }, (_, i) => i)));
  const one = box.graph.constant(float32([1], []));
  const edge = (i: number) => slice(box, 0, i, i + 1);
  // Whole numbers: each clamp is 0 or 1.
  const inside = (low: Value, high: Value) =>
    mul(clamp(add(sub(places, low), one), 0, 1), clamp(sub(high, places), 0, 1));
  const columns = reshape(inside(edge(0), edge(2)), [1, 1, 1, size]);
  return mul(reshape(inside(edge(1), edge(3)), [1, 1, size, 1]), columns);
}

/** For evaluation: uint8 [N, size, size, 3] that are resized and cropped already, to [N, 3, size, size] in [0, 1]. */
export function unitPixels(pixels: Value): Value {
  return scale(cast(transpose(pixels, [0, 3, 1, 2]), "float32"), 1 / 255);
}
