// Weight gradients that lie in blocks [Bc, Bk] in an order of their own, brought into the weight's stored order.

import type { Value } from "../../ops/graph.ts";
import { fixedShape } from "../../ops/shape.ts";
import type { FilterPart, Lowering } from "../context.ts";

/**
 * The stored order [K/B, C/B, kh, kw, Bc, Bk], in the parts in which the weight is kept.
 * @param blocks any number of blocks
 * @param key names the order, which layers of one shape share
 * @param blockOf where the block of output channels k and input channels c at tap (i, j) lies
 */
export function storedBlocks(
  context: Lowering,
  weight: Value,
  blocks: string,
  key: string,
  blockOf: (k: number, c: number, i: number, j: number) => number,
): FilterPart[] {
  const { block } = context;
  const [k, c, kh, kw] = fixedShape(weight, "conv2dWeightGrad") as [number, number, number, number];
  const [kb, cb] = [context.padded(k) / block, context.padded(c) / block];
  let start = 0;
  return (context.filterParts(weight)?.map((part) => part.blocks) ?? [kb]).map((count) => {
    const first = start;
    start += count;
    const moved = context.gatherRows(blocks, `${key}: ${[kb, cb, kh, kw, first, count]}`, () =>
      Int32Array.from({ length: count * cb * kh * kw }, (_, index) => {
        const [j, i] = [index % kw, Math.floor(index / kw) % kh];
        const [inputs, outputs] = [Math.floor(index / (kw * kh)) % cb, first + Math.floor(index / (kw * kh * cb))];
        return blockOf(outputs, inputs, i, j);
      }),
    );
    return { name: context.reshape(moved, count, cb, kh, kw, block, block), blocks: count };
  });
}
