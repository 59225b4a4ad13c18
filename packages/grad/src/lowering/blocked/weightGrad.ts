// The gradient of a convolution with respect to its weight, by the blocked kernels.

import { NCHWC_DOMAIN } from "../../onnx/graph.ts";
import { type ConvAttributes, conv2dWeightGradOp } from "../../ops/conv.ts";
import type { Node } from "../../ops/graph.ts";
import { fixedShape } from "../../ops/shape.ts";
import { type Lowering, rule } from "../context.ts";
import { columnsWeightGrad } from "./columnsGrad.ts";
import { filterLayoutOf } from "./conv.ts";
import { samplesAsChannels, samplesWeightGrad } from "./samplesGrad.ts";

const BLOCKED = { domain: NCHWC_DOMAIN };
type Sizes = [number, number, number, number];

export const weightGradRules = [
  rule(conv2dWeightGradOp, (node, context) => {
    const {
      inputs: [, , weight],
      outputs: [dw],
      attributes,
    } = node;
    const layout = filterLayoutOf(weight!, attributes.groups, context.block);
    if (layout === undefined) return false;
    const [, , kh, kw] = fixedShape(weight!, "conv2dWeightGrad") as Sizes;
    const convolved = layout.kind === "dense" && kh * kw > 1 ? convolvedGrad(node, context) : undefined;
    if (convolved !== undefined) {
      const parts = convolved(node, context);
      if (parts.length > 1) context.setFilterParts(dw!, parts, layout);
      else context.setFilter(dw!, parts[0]!.name, layout);
      return true;
    }
    const lower = { stem: stemWeightGrad, dense: denseWeightGrad, depthwise: depthwiseWeightGrad }[layout.kind];
    context.setFilter(dw!, lower(node, context), layout);
    return true;
  }),
];

/** Positions of dy from which on a kernel of its size falls out of the cache: with blocks of 16, 64 x 64 took 253 ms where columns took 208; 56 x 56, 90 and 98. */
const LARGE = 64 * 64;

/** The weight gradient as a convolution that copies x and dy least; undefined where only a matrix product is left. */
function convolvedGrad({ inputs: [x, dy], attributes }: Node<ConvAttributes>, { block }: Lowering) {
  const [n] = fixedShape(x!, "conv2dWeightGrad") as Sizes;
  const [, , oh, ow] = fixedShape(dy!, "conv2dWeightGrad") as Sizes;
  if (n % block === 0 && attributes.dilation[1] === 1 && oh * ow < LARGE) return samplesWeightGrad;
  return attributes.stride[1] === 1 ? columnsWeightGrad : undefined;
}

/** One matrix product over N·Ho·Wo, channels last. */
function denseWeightGrad({ inputs: [x, dy, weight], attributes }: Node<ConvAttributes>, context: Lowering): string {
  const { g, block } = context;
  const [n, c, h, w] = fixedShape(x!, "conv2dWeightGrad") as Sizes;
  const [, k, oh, ow] = fixedShape(dy!, "conv2dWeightGrad") as Sizes;
  const [, , kh, kw] = fixedShape(weight!, "conv2dWeightGrad") as Sizes;
  const [cp, kp, count, taps] = [context.padded(c), context.padded(k), n * oh * ow, kh * kw];
  const { stride, padding, dilation } = attributes;
  const [top, left, bottom, right] = padding;
  let columns = context.channelsLast(x!);
  const isPadded = padding.some((pad) => pad > 0);
  if (taps > 1 || stride[0] * stride[1] > 1 || isPadded) {
    if (isPadded) columns = g.op("Pad", [columns, g.ints(0, top, left, 0, 0, bottom, right, 0)]);
    const [rows, width] = [h + top + bottom, w + left + right];
    const key = `im2col ${[n, rows, width, oh, ow, kh, kw, ...stride, ...dilation]}`;
    columns = context.gatherRows(context.reshape(columns, n * rows * width, cp), key, () =>
      Int32Array.from({ length: count * taps }, (_, index) => {
        const [tap, position] = [index % taps, Math.floor(index / taps)];
        const y = (Math.floor(position / ow) % oh) * stride[0] + Math.floor(tap / kw) * dilation[0];
        const z = (position % ow) * stride[1] + (tap % kw) * dilation[1];
        return (Math.floor(position / (oh * ow)) * rows + y) * width + z;
      }),
    );
  }
  const x2 = context.reshape(columns, count, taps * cp);
  const dy2 = context.reshape(context.channelsLast(dy!), count, kp);
  const [kb, cb] = [kp / block, cp / block];
  // A product with few rows runs at up to 1.7 times the speed of its transpose. Both are brought in order by copies of rows: Transpose needs several times as long.
  if (taps * cp <= kp) {
    const rows = context.reshape(g.op("Gemm", [x2, dy2], { transA: 1 }), taps * cp * kb, block);
    const moved = context.gatherRows(rows, `filter from tap, c, k ${[taps, cb, kb]}`, () =>
      Int32Array.from({ length: taps * cp * kb }, (_, index) => {
        const [lane, tap] = [index % block, Math.floor(index / block) % taps];
        const [c, k] = [Math.floor(index / (block * taps)) % cb, Math.floor(index / (block * taps * cb))];
        return ((tap * cb + c) * block + lane) * kb + k;
      }),
    );
    return context.reshape(moved, kb, cb, kh, kw, block, block);
  }
  const product = context.reshape(g.op("Gemm", [dy2, x2], { transA: 1 }), kb, block, taps, cp);
  const blocked = context.reshape(g.op("ReorderInput", [product], {}, BLOCKED), kb * taps * cb, block * block);
  if (taps === 1) return context.reshape(blocked, kb, cb, kh, kw, block, block);
  const moved = context.gatherRows(blocked, `filter from k, tap, c ${[kb, taps, cb]}`, () =>
    Int32Array.from({ length: kb * taps * cb }, (_, index) => {
      const [tap, c, k] = [index % taps, Math.floor(index / taps) % cb, Math.floor(index / (taps * cb))];
      return (k * taps + tap) * cb + c;
    }),
  );
  return context.reshape(moved, kb, cb, kh, kw, block, block);
}

/**
 * The first convolution's: x is plain, with few channels. The samples become the channels that are summed over, the channels of x the
 * samples, and dy the kernel; im2col writes and reads kh·kw copies of x instead.
 */
function stemWeightGrad(node: Node<ConvAttributes>, context: Lowering): string {
  const {
    inputs: [x, dy],
    attributes: { padding },
  } = node;
  const { g, block } = context;
  const [n, c, h, w] = fixedShape(x!, "conv2dWeightGrad") as Sizes;
  const [, k] = fixedShape(dy!, "conv2dWeightGrad") as Sizes;
  const [top, left, bottom, right] = padding;
  const [np, kb] = [context.padded(n), context.padded(k) / block];
  const channels = g.op("Transpose", [context.plain(x!)], { perm: [1, 0, 2, 3] });
  const padded = g.op("Pad", [channels, g.ints(0, 0, top, left, 0, np - n, bottom, right)]);
  const image = g.op("ReorderInput", [padded], {}, BLOCKED);

  const filter = samplesAsChannels(context, dy!, 0, np);
  const size = { samples: c, channels: kb * block, h: h + top + bottom, w: w + left + right };
  const taps = tapsOf(node, context, image, filter, size, {
    pads: [0, 0, 0, 0],
    group: 1,
  });
  return g.op("Transpose", [taps], { perm: [1, 0, 2, 3, 4] });
}

/**
 * A depthwise convolution whose image is x seen as [1, N·C, H, W] and whose kernel is dy seen as [N·C, 1, Ho, Wo], strides and dilations
 * swapped: both views are the blocked memory as it lies, and the sum over N lies in the order of the stored weight.
 */
function depthwiseWeightGrad(node: Node<ConvAttributes>, context: Lowering): string {
  const {
    inputs: [x, dy],
    attributes: { padding },
  } = node;
  const { g } = context;
  const [n, c, h, w] = fixedShape(x!, "conv2dWeightGrad") as Sizes;
  const [, , oh, ow] = fixedShape(dy!, "conv2dWeightGrad") as Sizes;
  const channels = context.padded(c);
  const image = context.reshape(context.blocked(x!), 1, n * channels, h, w);
  const filter = context.reshape(context.blocked(dy!), n * channels, 1, oh, ow);
  const size = { samples: n, channels, h: h + padding[0] + padding[2], w: w + padding[1] + padding[3] };
  const taps = tapsOf(node, context, image, filter, size, { pads: padding, group: n * channels });
  return g.op("ReduceSum", [taps, g.ints(0)], { keepdims: 0 });
}

/** The convolution with dy as its kernel, strides and dilations swapped: [samples, channels/B, kh, kw, B]. */
function tapsOf(
  { inputs: [, dy, weight], attributes: { stride, dilation } }: Node<ConvAttributes>,
  context: Lowering,
  image: string,
  filter: string,
  /** Of the result, and the sides of the padded image. */
  { samples, channels, h, w }: { samples: number; channels: number; h: number; w: number },
  attributes: { pads: readonly number[]; group: number },
): string {
  const { g, block } = context;
  const [, , oh, ow] = fixedShape(dy!, "conv2dWeightGrad") as Sizes;
  const [, , kh, kw] = fixedShape(weight!, "conv2dWeightGrad") as Sizes;
  const taps = g.op(
    "Conv",
    [image, filter],
    { ...attributes, strides: dilation, dilations: stride, kernel_shape: [oh, ow] },
    BLOCKED,
  );
  // Rows and columns that the stride never reached make the result larger than the kernel.
  const th = Math.floor((h - stride[0] * (oh - 1) - 1) / dilation[0]) + 1;
  const tw = Math.floor((w - stride[1] * (ow - 1) - 1) / dilation[1]) + 1;
  const open = context.reshape(taps, samples, channels / block, th, tw, block);
  return th > kh || tw > kw ? g.op("Slice", [open, g.ints(0, 0), g.ints(kh, kw), g.ints(2, 3)]) : open;
}
