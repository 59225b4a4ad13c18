// The weight gradient of a convolution as another convolution whose channels are the samples.

import { NCHWC_DOMAIN } from "../../onnx/graph.ts";
import type { ConvAttributes } from "../../ops/conv.ts";
import type { Node, Value } from "../../ops/graph.ts";
import { fixedShape } from "../../ops/shape.ts";
import type { FilterPart, Lowering } from "../context.ts";
import { splitBy } from "./conv.ts";
import { storedBlocks } from "./storedBlocks.ts";

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
 * dy is moved once, as a whole; as columns it would be written kw times. Columns of zeros beside x, since the kernel takes outputs that its own
 * padding touches one at a time, and these would be two thirds of all.
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
  const [cb, kb, calls] = [context.padded(c) / block, context.padded(k) / block, n / block];
  const [top, left] = padding;
  const right = Math.max(0, (kw - 1) * dilation[1] + stride[1] * (ow - 1) + 1 - w - left);
  const bottom = Math.max(0, (kh - 1) * dilation[0] + stride[0] * (oh - 1) + 1 - h - top);
  const width = w + left + right;
  // Rows and columns of x that the stride does not reach make the result larger than the kernel.
  const rows = Math.floor((h + top + bottom - stride[0] * (oh - 1) - 1) / dilation[0]) + 1;
  const columns = width - stride[1] * (ow - 1);

  const pixels = context.reshape(context.blocked(x!), n, cb, h, w, block);
  let sum: string | undefined;
  for (const [call, part] of splitBy(context, pixels, new Array<number>(calls).fill(block), 0).entries()) {
    const wide = left + right === 0 ? part : g.op("Pad", [part, g.ints(0, 0, 0, left, 0, 0, 0, 0, right, 0)]);
    const samples = context.reshape(wide, 1, block, 1, cb * h * width * block);
    const image = g.op("ReorderInput", [samples], {}, BLOCKED);
    sum = g.op(
      "Conv",
      [
        context.reshape(image, cb, block, h, width * block),
        samplesAsChannels(context, dy!, call * block, block),
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
  const blocks = context.reshape(sum!, cb * kb * rows * columns, block * block);
  const order = `weight from c, k, taps of ${[rows, columns]}`;
  return storedBlocks(context, weight!, blocks, order, (k, c, i, j) => ((c * kb + k) * rows + i) * columns + j);
}

/**
 * Samples `first` to `first + count` of a blocked dy as channels: the filter [K, count, Ho, Wo]. Zeros for samples that the batch lacks.
 */
export function samplesAsChannels(context: Lowering, dy: Value, first: number, count: number): string {
  const { g, block } = context;
  const [n, k, oh, ow] = fixedShape(dy, "conv2dWeightGrad") as Sizes;
  const [kb, positions, groups] = [context.padded(k) / block, oh * ow, count / block];
  const rows = context.reshape(context.blocked(dy), n * kb * positions, block);
  const open = first + count > n ? g.op("Pad", [rows, g.ints(0, 0, 1, 0)]) : rows;
  const moved = context.gatherRows(open, `samples as channels ${[n, kb, positions, first, count]}`, () =>
    Int32Array.from({ length: kb * count * positions }, (_, index) => {
      const [lane, position] = [index % block, Math.floor(index / block) % positions];
      const [group, output] = [
        Math.floor(index / (block * positions)) % groups,
        Math.floor(index / (count * positions)),
      ];
      const sample = first + group * block + lane;
      return sample < n ? (sample * kb + output) * positions + position : n * kb * positions;
    }),
  );
  return context.reshape(moved, kb * block, count, oh, ow);
}
