// The weight gradient of a convolution as another convolution whose channels are the columns of the picture.

import { NCHWC_DOMAIN } from "../../onnx/graph.ts";
import type { ConvAttributes } from "../../ops/conv.ts";
import type { Node } from "../../ops/graph.ts";
import { fixedShape } from "../../ops/shape.ts";
import type { FilterPart, Lowering } from "../context.ts";
import { roundUp } from "../layout.ts";
import { splitBy } from "./conv.ts";
import { storedBlocks } from "./storedBlocks.ts";

const BLOCKED = { domain: NCHWC_DOMAIN };
type Sizes = [number, number, number, number];

/** Rows of dy that are copied for one kernel call: what a kernel reads over and over should stay in the cache. */
const ROWS_AT_ONCE = 1 << 18;

/**
 * dw[k, c, i, j] = sum over n, p, q of dy[n, k, p, q] · x[n, c, s·p + d·i - top, q + d·j - left], for blocked weights and a horizontal
 * stride of 1 (with another one the moved columns of dy would be mostly zeros):
 *
 * - the image has one channel per (n, column of x), the rows of x as its height and the channels c of x as its width;
 * - the filter has one output per (j, k): the columns of dy, moved by j, as channels, and its rows as height;
 * - so a result of kh rows and C columns per (j, k) comes out, with long sums in a kernel that is as quick as the forward pass's.
 *
 * im2col and a matrix product write and read kh·kw copies of x instead, this one of x and kw of dy.
 */
export function columnsWeightGrad(node: Node<ConvAttributes>, context: Lowering): FilterPart[] {
  const {
    inputs: [x, dy, weight],
    attributes,
  } = node;
  const { g, block } = context;
  const [n, c, h, w] = fixedShape(x!, "conv2dWeightGrad") as Sizes;
  const [, k, oh, ow] = fixedShape(dy!, "conv2dWeightGrad") as Sizes;
  const [, , kh, kw] = fixedShape(weight!, "conv2dWeightGrad") as Sizes;
  const { stride, padding, dilation } = attributes;
  const [cp, kp] = [context.padded(c), context.padded(k)];
  const columns = columnBlocks(n, w, block);
  const perCall = samplesPerCall(n, columns.samples, (kw * kp * oh * columns.width) / block);
  const calls = n / perCall;

  const pixels = context.reshape(context.blocked(x!), n, (cp / block) * h, w, block);
  const more = columns.width - w;
  const wide = more === 0 ? pixels : g.op("Pad", [pixels, g.ints(0, 0, 0, 0, 0, 0, more, 0)]);
  const cut = new Array<number>(calls).fill(perCall);
  const [images, grads] = [splitBy(context, wide, cut, 0), splitBy(context, context.blocked(dy!), cut, 0)];
  const runs = perCall * (cp / block) * h * (columns.width / columns.run);
  const gradRows = perCall * (kp / block) * oh * ow;
  const bottom = Math.max(0, (kh - 1) * dilation[0] + stride[0] * (oh - 1) + 1 - h - padding[0]);
  const reached = Math.floor((h + padding[0] + bottom - stride[0] * (oh - 1) - 1) / dilation[0]) + 1;

  const imageKey = `image ${[perCall, cp, h, columns.width, columns.run]}`;
  const filterKey = `filter ${[perCall, kp, oh, ow, w, kw, padding[1], dilation[1]]}`;
  let sum: string | undefined;
  for (let call = 0; call < calls; call++) {
    const moved = context.gatherRows(context.reshape(images[call]!, runs, columns.run * block), imageKey, () =>
      imageIndex(perCall, cp / block, h, columns),
    );
    // Blocks of columns by channels become blocks of channels by columns. Copies of whole blocks first: of the single runs that a plain
    // picture has there are as many times more as a block has channels.
    const blocks = context.reshape(moved, runs / columns.samples, block, 1, block);
    const image = g.op("ReorderOutput", [blocks], { channels: block }, BLOCKED);
    const zero = g.op("Pad", [context.reshape(grads[call]!, gradRows, block), g.ints(0, 0, 1, 0)]);
    const filter = context.gatherRows(zero, filterKey, () =>
      filterIndex(perCall, kp / block, [oh, ow], kw, columns, (xColumn, j) => {
        const column = xColumn + padding[1] - j * dilation[1];
        return xColumn < w && column >= 0 && column < ow ? column : undefined;
      }),
    );
    sum = g.op(
      "Conv",
      [
        context.reshape(image, 1, perCall * columns.width, h, cp),
        context.reshape(filter, kw * kp, perCall * columns.width, oh, 1),
        // What was summed over the samples before is added in the same pass.
        ...(sum === undefined ? [] : ["", sum]),
      ],
      {
        pads: [padding[0], 0, bottom, 0],
        strides: [dilation[0], 1],
        dilations: [stride[0], 1],
        group: 1,
        kernel_shape: [oh, 1],
      },
      BLOCKED,
    );
  }
  const [kb, cb] = [kp / block, cp / block];
  const blocks = context.reshape(sum!, kw * kb * reached * cb, block * block);
  const order = `weight from j, k, rows of ${reached}, c`;
  return storedBlocks(context, weight!, blocks, order, (k, c, i, j) => ((j * kb + k) * reached + i) * cb + c);
}

interface ColumnBlocks {
  /** Columns of x after padding. */
  readonly width: number;
  /** Neighbouring columns of one sample in a block of channels. */
  readonly run: number;
  /** Samples that share a block: run · samples is the block's size. */
  readonly samples: number;
}

/** How columns fill blocks of channels: a narrow picture shares its block with those of other samples, a wide one is padded. */
function columnBlocks(n: number, w: number, block: number): ColumnBlocks {
  const run = 2 ** Math.ceil(Math.log2(Math.min(w, block)));
  const samples = block / run;
  if (n % samples === 0) return { width: roundUp(w, run), run, samples };
  return { width: roundUp(w, block), run: block, samples: 1 };
}

/** The most samples of which the moved rows of dy stay few, in equal parts of the batch and whole blocks. */
function samplesPerCall(n: number, least: number, rowsEach: number): number {
  const parts = Array.from({ length: n }, (_, i) => n - i).filter((m) => n % m === 0 && m % least === 0);
  return parts.find((m) => m * rowsEach <= ROWS_AT_ONCE) ?? least;
}

/** For the image [samples' blocks, h, cb, samples, run, block]: rows of `run` columns of blocked [m, cb, h, width]. */
function imageIndex(m: number, cb: number, h: number, { width, run, samples }: ColumnBlocks): Int32Array {
  const runs = width / run;
  const index = new Int32Array(m * runs * h * cb);
  let at = 0;
  for (let first = 0; first < m; first += samples)
    for (let b = 0; b < runs; b++)
      for (let y = 0; y < h; y++)
        for (let c = 0; c < cb; c++)
          for (let s = first; s < first + samples; s++) index[at++] = ((s * cb + c) * h + y) * runs + b;
  return index;
}

/** For the filter [j, kb, samples' blocks, oh, block of columns, block of k]: rows of blocked dy [m, kb, oh, ow], and its row of zeros behind. */
function filterIndex(
  m: number,
  kb: number,
  [oh, ow]: readonly [number, number],
  kw: number,
  { width, run, samples }: ColumnBlocks,
  columnOf: (xColumn: number, j: number) => number | undefined,
): Int32Array {
  const index = new Int32Array(kw * kb * m * width * oh);
  const zero = m * kb * oh * ow;
  let at = 0;
  for (let j = 0; j < kw; j++) {
    const columns = Array.from({ length: width }, (_, column) => columnOf(column, j));
    for (let k = 0; k < kb; k++)
      for (let first = 0; first < m; first += samples)
        for (let start = 0; start < width; start += run)
          for (let y = 0; y < oh; y++)
            for (let s = first; s < first + samples; s++)
              for (let column = start; column < start + run; column++) {
                const source = columns[column];
                index[at++] = source === undefined ? zero : ((s * kb + k) * oh + y) * ow + source;
              }
  }
  return index;
}
