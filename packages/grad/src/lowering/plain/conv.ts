// Convolution and its gradients as standard ONNX.

import { type ConvAttributes, conv2dInputGradOp, conv2dOp, conv2dWeightGradOp } from "../../ops/conv.ts";
import type { Node } from "../../ops/graph.ts";
import { fixedShape } from "../../ops/shape.ts";
import { type Lowering, rule } from "../context.ts";
import { inputGradPadding } from "../geometry.ts";

function attributesOf({ stride, padding, dilation, groups }: ConvAttributes, kernel: readonly number[]) {
  return { strides: stride, pads: padding, dilations: dilation, group: groups, kernel_shape: kernel };
}

export const convRules = [
  rule(conv2dOp, ({ inputs, outputs: [y], attributes }, context) => {
    const kernel = fixedShape(inputs[1]!, "conv2d").slice(2);
    context.setPlain(
      y!,
      context.g.op(
        "Conv",
        inputs.map((input) => context.plain(input)),
        attributesOf(attributes, kernel),
      ),
    );
  }),
  rule(conv2dInputGradOp, (node, context) => {
    const {
      inputs: [dy, weight],
      outputs: [dx],
      attributes,
    } = node;
    const pads = inputGradPadding(node);
    const { groups, stride, dilation } = attributes;
    const shape = fixedShape(weight!, "conv2dInputGrad") as [number, number, number, number];
    const flips =
      stride.every((s) => s === 1) &&
      pads.every((pad) => pad >= 0) &&
      (groups === 1 || (shape[1] === 1 && shape[0] === groups));
    const name = flips
      ? context.g.op("Conv", [context.plain(dy!), flippedWeight(context, context.plain(weight!), shape, groups)], {
          pads,
          dilations: dilation,
          group: groups,
          kernel_shape: shape.slice(2),
        })
      : transposedConv(node, context);
    context.setPlain(dx!, name);
  }),
  rule(conv2dWeightGradOp, (node, context) => {
    const {
      inputs: [, , weight],
      outputs: [dw],
      attributes: { groups },
    } = node;
    const [k, cg] = fixedShape(weight!, "conv2dWeightGrad");
    const depthwise = cg === 1 && k === groups && groups > 1;
    context.setPlain(dw!, depthwise ? depthwiseWeightGrad(node, context) : im2colWeightGrad(node, context));
  }),
];

/** Taps reversed and, for groups = 1, input and output channels swapped: the weight of the convolution that is the data gradient. */
function flippedWeight({ g }: Lowering, weight: string, [, , kh, kw]: readonly number[], groups: number): string {
  const swapped = groups === 1 ? g.op("Transpose", [weight], { perm: [1, 0, 2, 3] }) : weight;
  if (kh === 1 && kw === 1) return swapped;
  const start = g.ints(-1, -1);
  return g.op("Slice", [swapped, start, g.ints(-1 - (kh as number), -1 - (kw as number)), g.ints(2, 3), start]);
}

function transposedConv({ inputs: [dy, weight, x], attributes }: Node<ConvAttributes>, context: Lowering): string {
  const { stride, padding, dilation, groups } = attributes;
  const kernel = fixedShape(weight!, "conv2dInputGrad").slice(2);
  const rest = [0, 1].map((axis) => {
    const size = x!.shape[axis + 2] as number;
    const out = dy!.shape[axis + 2] as number;
    return (
      size -
      (stride[axis]! * (out - 1) + dilation[axis]! * (kernel[axis]! - 1) + 1 - padding[axis]! - padding[axis + 2]!)
    );
  });
  return context.g.op("ConvTranspose", [context.plain(dy!), context.plain(weight!)], {
    ...attributesOf({ stride, padding, dilation, groups }, kernel),
    output_padding: rest,
  });
}

/**
 * A grouped convolution over N·C groups whose image is x and whose kernel is dy, dilation and stride swapped, summed over N:
 * dw[c, i, j] = sum over n, p, q of x[n, c, s·p + d·i, s·q + d·j] · dy[n, c, p, q].
 */
function depthwiseWeightGrad({ inputs: [x, dy, weight], attributes }: Node<ConvAttributes>, context: Lowering): string {
  const { g } = context;
  const [n, c, h, w] = fixedShape(x!, "conv2dWeightGrad") as [number, number, number, number];
  const [, , oh, ow] = fixedShape(dy!, "conv2dWeightGrad") as [number, number, number, number];
  const [, , kh, kw] = fixedShape(weight!, "conv2dWeightGrad") as [number, number, number, number];
  const image = context.reshape(context.plain(x!), 1, n * c, h, w);
  const kernel = context.reshape(context.plain(dy!), n * c, 1, oh, ow);
  const taps = g.op("Conv", [image, kernel], {
    group: n * c,
    pads: attributes.padding,
    strides: attributes.dilation,
    dilations: attributes.stride,
    kernel_shape: [oh, ow],
  });
  // Rows and columns that the stride never reached make the result larger than the kernel.
  const cut = g.op("Slice", [taps, g.ints(0, 0), g.ints(kh, kw), g.ints(2, 3)]);
  const sum = g.op("ReduceSum", [context.reshape(cut, n, c, kh, kw), g.ints(0)], { keepdims: 0 });
  return context.reshape(sum, c, 1, kh, kw);
}

/** Every tap's view of x as one row block: [groups, C/groups·kh·kw, N·Ho·Wo], C-major. */
function im2col({ inputs: [x, dy, weight], attributes }: Node<ConvAttributes>, context: Lowering): string {
  const { g } = context;
  const { stride, padding, dilation, groups } = attributes;
  const [n] = fixedShape(x!, "conv2dWeightGrad") as [number];
  const [, cg, kh, kw] = fixedShape(weight!, "conv2dWeightGrad") as [number, number, number, number];
  const [, , oh, ow] = fixedShape(dy!, "conv2dWeightGrad") as [number, number, number, number];
  const [top, left, bottom, right] = padding;
  const padded = padding.some((pad) => pad > 0)
    ? g.op("Pad", [context.plain(x!), g.ints(0, 0, top, left, 0, 0, bottom, right)])
    : context.plain(x!);
  const image = g.op("Transpose", [padded], { perm: [1, 0, 2, 3] });
  const views: string[] = [];
  for (let i = 0; i < kh; i++) {
    for (let j = 0; j < kw; j++) {
      const from = [i * dilation[0], j * dilation[1]] as const;
      const to = [from[0] + stride[0] * (oh - 1) + 1, from[1] + stride[1] * (ow - 1) + 1];
      const view = g.op("Slice", [image, g.ints(...from), g.ints(...to), g.ints(2, 3), g.ints(...stride)]);
      views.push(context.reshape(view, groups, cg, 1, n * oh * ow));
    }
  }
  const columns = views.length === 1 ? views[0]! : g.op("Concat", views, { axis: 2 });
  return context.reshape(columns, groups, cg * kh * kw, n * oh * ow);
}

/** One matrix product over N·Ho·Wo per group. */
function im2colWeightGrad(node: Node<ConvAttributes>, context: Lowering): string {
  const {
    inputs: [, dy, weight],
    attributes: { groups },
  } = node;
  const { g } = context;
  const [k, cg, kh, kw] = fixedShape(weight!, "conv2dWeightGrad") as [number, number, number, number];
  const [n, , oh, ow] = fixedShape(dy!, "conv2dWeightGrad") as [number, number, number, number];
  const count = n * oh * ow;
  const columns = im2col(node, context);
  const grads = context.reshape(
    g.op("Transpose", [context.plain(dy!)], { perm: [1, 0, 2, 3] }),
    groups,
    k / groups,
    count,
  );
  const product =
    groups === 1
      ? g.op("Gemm", [context.reshape(grads, k, count), context.reshape(columns, cg * kh * kw, count)], { transB: 1 })
      : g.op("MatMul", [grads, g.op("Transpose", [columns], { perm: [0, 2, 1] })]);
  return context.reshape(product, k, cg, kh, kw);
}
