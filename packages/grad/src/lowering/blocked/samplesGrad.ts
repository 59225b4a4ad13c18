// The weight gradient of a convolution as another convolution whose channels are the samples.

import { NCHWC_DOMAIN } from "../../onnx/graph.ts";
import type { ConvAttributes } from "../../ops/conv.ts";
import type { Node } from "../../ops/graph.ts";
import { fixedShape } from "../../ops/shape.ts";
import type { FilterPart, Lowering } from "../context.ts";
import { splitBy } from "./conv.ts";

const BLOCKED = { domain: NCHWC_DOMAIN };
type Sizes = [number, number, number, number];

/**
 * dw[k, c, i, j] = sum over n, p, q of dy[n, k, p, q] · x[n, c, s·p + d·i - top, t·q + j - left], for blocked weights, a horizontal dilation
 * of 1 and whole blocks of samples:
 *
 * - the image has the samples as channels, a block of channels c as the innermost part of its width, and the blocks of c as its batch;
 * - the filter is dy, samples as channels, moved in columns by a whole block of c (as dilation says);
 * - so what comes out per block of c and block of k is [kh, kw, block of c, block of k], a block of the stored weight.
 *
 * Neither x nor dy is copied more than once.
 */
export function samplesWeightGrad(node: Node<ConvAttributes>, context: Lowering): FilterPart[] {
  const {
    inputs: [x, dy, weight],
    attributes: { stride, padding, dilation },
  } = node;
  const { g, block } = context;
  const [n, c, h, w] = fixedShape(x!, "conv2dWeightGrad") as Sizes;
  const [, k, oh, ow] = fixedShape(dy!, "conv2dWeightGrad") as Sizes;
  const [, , kh, kw] = fixedShape(weight!, "conv2dWeightGrad") as Sizes;
  const [cb, kb, calls, positions] = [context.padded(c) / block, context.padded(k) / block, n / block, oh * ow];
  const [top, left] = padding;
  const right = Math.max(0, (kw - 1) * dilation[1] + stride[1] * (ow - 1) + 1 - w - left);
  const bottom = Math.max(0, (kh - 1) * dilation[0] + stride[0] * (oh - 1) + 1 - h - top);
  const width = w + left + right;
  // Rows and columns of x that the stride does not reach make the result larger than the kernel.
  const rows = Math.floor((h + top + bottom - stride[0] * (oh - 1) - 1) / dilation[0]) + 1;
  const columns = width - stride[1] * (ow - 1);

  const pixels = context.reshape(context.blocked(x!), n, cb, h, w, block);
  const dyRows = context.reshape(context.blocked(dy!), n * kb * positions, block);
  let sum: string | undefined;
  for (const [call, part] of splitBy(context, pixels, new Array<number>(calls).fill(block), 0).entries()) {
    const wide = left + right === 0 ? part : g.op("Pad", [part, g.ints(0, 0, 0, left, 0, 0, 0, 0, right, 0)]);
    const samples = context.reshape(wide, 1, block, 1, cb * h * width * block);
    const image = g.op("ReorderInput", [samples], {}, BLOCKED);
    const filter = context.gatherRows(dyRows, `samples last ${[call, kb, positions]}`, () =>
      Int32Array.from({ length: kb * positions * block }, (_, index) => {
        const [lane, row] = [index % block, Math.floor(index / block)];
        return (call * block + lane) * kb * positions + row;
      }),
    );
    sum = g.op(
      "Conv",
      [
        context.reshape(image, cb, block, h, width * block),
        context.reshape(filter, kb * block, block, oh, ow),
        // What was summed over the samples before is added in the same pass.
        ...(sum === undefined ? [] : ["", sum]),
      ],
      {
        pads: [top, 0, bottom, 0],
        strides: [dilation[0], 1],
        dilations: [stride[0], stride[1] * block],
        group: 1,
        kernel_shape: [oh, ow],
      },
      BLOCKED,
    );
  }
  const parts = context.filterParts(weight!)?.map(({ blocks }) => blocks) ?? [kb];
  return toFilter(context, sum!, { kh, kw, parts, cb, rows, columns });
}

/** [C/B, K/B, rows, columns, Bc, Bk] to the stored order of the weight, in parts of so many blocks of k each. */
function toFilter(
  context: Lowering,
  name: string,
  size: { kh: number; kw: number; parts: readonly number[]; cb: number; rows: number; columns: number },
): FilterPart[] {
  const { block } = context;
  const { kh, kw, parts, cb, rows, columns } = size;
  const kb = parts.reduce((sum, blocks) => sum + blocks, 0);
  const taps = context.reshape(name, cb * kb * rows * columns, block * block);
  let start = 0;
  return parts.map((blocks) => {
    const first = start;
    start += blocks;
    const key = `weight from c, k ${[kh, kw, kb, cb, rows, columns, first, blocks]}`;
    const moved = context.gatherRows(taps, key, () =>
      Int32Array.from({ length: blocks * cb * kh * kw }, (_, index) => {
        const [j, i] = [index % kw, Math.floor(index / kw) % kh];
        const [c, k] = [Math.floor(index / (kw * kh)) % cb, first + Math.floor(index / (kw * kh * cb))];
        return ((c * kb + k) * rows + i) * columns + j;
      }),
    );
    return { name: context.reshape(moved, blocks, cb, kh, kw, block, block), blocks };
  });
}
