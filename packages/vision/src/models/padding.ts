// Padding of convolutions that keep the size, or halve it: torch's, or TensorFlow's where the weights come from there.

import type { Value } from "@ballsight/grad";
import type { Padding } from "./architecture.ts";

/**
 * Top, left, bottom, right for an odd kernel. TensorFlow's SAME gives an output of ceil(size / stride), as torch's padding does, but puts
 * the odd pixel of what a stride needs behind the picture and none before it.
 */
export function samePadding(
  x: Value,
  kernel: number,
  stride: number,
  padding: Padding,
): readonly [number, number, number, number] {
  const side = (kernel - 1) / 2;
  if (padding === "symmetric") return [side, side, side, side];
  const [top, left] = x.shape.slice(2).map((size) => {
    const whole = Math.max((Math.ceil((size as number) / stride) - 1) * stride + kernel - (size as number), 0);
    return [Math.floor(whole / 2), Math.ceil(whole / 2)] as const;
  }) as [readonly [number, number], readonly [number, number]];
  return [top[0], left[0], top[1], left[1]];
}
