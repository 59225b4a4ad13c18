// Narrow pictures for the blocked convolution kernel, which takes the pixels that its padding touches one at a time.

import type { Lowering } from "../context.ts";

/** Columns up to which the pixels beside the padding are so large a part that a padded copy of the picture pays. */
const NARROW = 8;

/** A blocked picture [N, C, H, W] with columns of zeros instead of horizontal padding where it is narrow, and the padding that is left. */
export function padNarrow(
  context: Lowering,
  image: string,
  [n, c, h, w]: readonly [n: number, c: number, h: number, w: number],
  padding: readonly number[],
): { readonly image: string; readonly pads: readonly number[] } {
  const [top, left, bottom, right] = padding as readonly [number, number, number, number];
  if (w > NARROW || left + right === 0) return { image, pads: padding };
  const { g, block } = context;
  const channels = context.padded(c);
  const open = context.reshape(image, n, channels / block, h, w, block);
  const wide = g.op("Pad", [open, g.ints(0, 0, 0, left, 0, 0, 0, 0, right, 0)]);
  return { image: context.reshape(wide, n, channels, h, w + left + right), pads: [top, 0, bottom, 0] };
}
