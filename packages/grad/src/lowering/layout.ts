// Memory layouts: how ONNX Runtime's blocked kernels want activations and weights, and how to get from plain order to theirs and back.
// Activations [N, C, H, W] lie as [N, C/B, H, W, B], channels rounded up to a multiple of B and the rest zero; B is 16 with AVX-512, 8 with AVX2.

import { sizeOf } from "../tensor.ts";

/** Order in which a convolution's weight [K, C/groups, kh, kw] is stored. A linear layer's [K, C] is one of a 1x1 convolution. */
export type FilterLayout =
  /** [K/B, C/B, kh, kw, Bin, Bout]: groups = 1, input channels a multiple of B after padding. */
  | { readonly kind: "dense"; readonly block: number }
  /** [K/B, C, kh, kw, Bout]: the first convolution, whose few input channels stay plain. */
  | { readonly kind: "stem"; readonly block: number }
  /** [C/B, kh, kw, B]: one filter per channel. */
  | { readonly kind: "depthwise"; readonly block: number };

export const roundUp = (size: number, block: number) => Math.ceil(size / block) * block;

/** K, C/groups, kh and kw of a weight of plain shape [K, C/groups, kh, kw] or [K, C]. */
export function filterSizes(plain: readonly number[]): [k: number, c: number, kh: number, kw: number] {
  const [k, c, kh = 1, kw = 1] = plain as [number, number, number?, number?];
  return [k, c, kh, kw];
}

/** The stored shape of a weight of plain shape [K, C, kh, kw] or [K, C]. */
export function filterShape(plain: readonly number[], layout: FilterLayout): number[] {
  const [k, c, kh, kw] = filterSizes(plain);
  const { block } = layout;
  const kb = roundUp(k, block) / block;
  if (layout.kind === "dense") return [kb, roundUp(c, block) / block, kh, kw, block, block];
  return layout.kind === "stem" ? [kb, c, kh, kw, block] : [kb, kh, kw, block];
}

/** For each element of the plain weight, its place in the stored one. */
function places(plain: readonly number[], layout: FilterLayout): (k: number, c: number, tap: number) => number {
  const [, c, kh, kw] = filterSizes(plain);
  const { block } = layout;
  const taps = kh * kw;
  if (layout.kind === "dense") {
    const cb = roundUp(c, block) / block;
    return (k, ci, tap) =>
      (((Math.floor(k / block) * cb + Math.floor(ci / block)) * taps + tap) * block + (ci % block)) * block +
      (k % block);
  }
  if (layout.kind === "stem")
    return (k, ci, tap) => ((Math.floor(k / block) * c + ci) * taps + tap) * block + (k % block);
  return (k, _, tap) => (Math.floor(k / block) * taps + tap) * block + (k % block);
}

function forEachElement(
  plain: readonly number[],
  visit: (index: number, k: number, c: number, tap: number) => void,
): void {
  const [k, c, kh, kw] = filterSizes(plain);
  let index = 0;
  for (let i = 0; i < k; i++)
    for (let j = 0; j < c; j++) for (let tap = 0; tap < kh * kw; tap++) visit(index++, i, j, tap);
}

/** Plain order to stored order; what padding adds is zero. */
export function storeFilter(data: Float32Array, plain: readonly number[], layout: FilterLayout): Float32Array {
  const stored = new Float32Array(sizeOf(filterShape(plain, layout)));
  const place = places(plain, layout);
  forEachElement(plain, (index, k, c, tap) => {
    stored[place(k, c, tap)] = data[index] as number;
  });
  return stored;
}

/** Stored order to plain order. */
export function loadFilter(stored: Float32Array, plain: readonly number[], layout: FilterLayout): Float32Array {
  const data = new Float32Array(sizeOf(plain));
  const place = places(plain, layout);
  forEachElement(plain, (index, k, c, tap) => {
    data[index] = stored[place(k, c, tap)] as number;
  });
  return data;
}
