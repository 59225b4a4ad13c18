// The gradient of a convolution with respect to its weight, by the blocked kernels.

import { NCHWC_DOMAIN } from "../../onnx/graph.ts";
import { type ConvAttributes, conv2dWeightGradOp } from "../../ops/conv.ts";
import type { Node } from "../../ops/graph.ts";
import { fixedShape } from "../../ops/shape.ts";
import { type Lowering, rule } from "../context.ts";
import { im2col } from "../plain/conv.ts";
import { columnsWeightGrad } from "./columnsGrad.ts";
import { filterLayoutOf } from "./conv.ts";

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
    const byColumns = kh * kw > 1 && attributes.stride[1] === 1;
    const dense = byColumns ? columnsWeightGrad : denseWeightGrad;
    const lower = { stem: stemWeightGrad, dense, depthwise: depthwiseWeightGrad }[layout.kind];
    context.setFilter(dw!, lower(node, context), layout);
    return true;
  }),
];

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
  // A product with few rows runs at up to 1.7 times the speed of its transpose.
  const xFirst = taps * cp <= kp;
  const product = g.op("Gemm", xFirst ? [x2, dy2] : [dy2, x2], { transA: 1 });
  const split = xFirst
    ? context.reshape(product, taps, cp / block, block, kp / block, block)
    : context.reshape(product, kp / block, block, taps, cp / block, block);
  const moved = g.op("Transpose", [split], { perm: xFirst ? [3, 1, 0, 2, 4] : [0, 3, 2, 4, 1] });
  return context.reshape(moved, kp / block, cp / block, kh, kw, block, block);
}

/** The first convolution's: x is plain, with few channels. */
function stemWeightGrad(node: Node<ConvAttributes>, context: Lowering): string {
  const {
    inputs: [x, dy, weight],
  } = node;
  const { g, block } = context;
  const [n, c] = fixedShape(x!, "conv2dWeightGrad") as Sizes;
  const [, k, oh, ow] = fixedShape(dy!, "conv2dWeightGrad") as Sizes;
  const [, , kh, kw] = fixedShape(weight!, "conv2dWeightGrad") as Sizes;
  const [kp, count] = [context.padded(k), n * oh * ow];
  const columns = context.reshape(im2col(node, context), c * kh * kw, count);
  const product = g.op("Gemm", [columns, context.reshape(context.channelsLast(dy!), count, kp)]);
  const moved = g.op("Transpose", [context.reshape(product, c * kh * kw, kp / block, block)], { perm: [1, 0, 2] });
  return context.reshape(moved, kp / block, c, kh, kw, block);
}

/**
 * A depthwise convolution whose image is x seen as [1, N·C, H, W] and whose kernel is dy seen as [N·C, 1, Ho, Wo], strides and dilations
 * swapped: both views are the blocked memory as it lies, and the sum over N lies in the order of the stored weight.
 */
function depthwiseWeightGrad({ inputs: [x, dy, weight], attributes }: Node<ConvAttributes>, context: Lowering): string {
  const { g, block } = context;
  const [n, c, h, w] = fixedShape(x!, "conv2dWeightGrad") as Sizes;
  const [, , oh, ow] = fixedShape(dy!, "conv2dWeightGrad") as Sizes;
  const [, , kh, kw] = fixedShape(weight!, "conv2dWeightGrad") as Sizes;
  const { stride, padding, dilation } = attributes;
  const channels = context.padded(c);
  const reach = (size: number, out: number, axis: 0 | 1) =>
    Math.floor((size + padding[axis] + padding[axis + 2]! - stride[axis] * (out - 1) - 1) / dilation[axis]) + 1;
  const [th, tw] = [reach(h, oh, 0), reach(w, ow, 1)];
  const taps = g.op(
    "Conv",
    [
      context.reshape(context.blocked(x!), 1, n * channels, h, w),
      context.reshape(context.blocked(dy!), n * channels, 1, oh, ow),
    ],
    { group: n * channels, pads: padding, strides: dilation, dilations: stride, kernel_shape: [oh, ow] },
    BLOCKED,
  );
  let open = context.reshape(taps, n, channels / block, th, tw, block);
  if (th > kh || tw > kw) open = g.op("Slice", [open, g.ints(0, 0), g.ints(kh, kw), g.ints(2, 3)]);
  return g.op("ReduceSum", [open, g.ints(0)], { keepdims: 0 });
}
