// 2-D convolution, and the two convolutions that its gradient needs. Layout of the arguments is torch's: x [N, C, H, W], weight [K, C/groups, kh, kw].

import { expectShape } from "../errors.ts";
import { apply, type OpDefinition, type Value } from "./graph.ts";
import { reduceSum } from "./reduce.ts";
import { fixedShape, nchw, showShape } from "./shape.ts";

export interface ConvAttributes {
  readonly stride: readonly [number, number];
  /** Zeros at top, left, bottom, right (ONNX's order); TensorFlow's SAME is asymmetric. */
  readonly padding: readonly [number, number, number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

export interface ConvOptions {
  readonly stride?: number | readonly [number, number];
  /** One number for all sides, [vertical, horizontal], or [top, left, bottom, right]. */
  readonly padding?: number | readonly [number, number] | readonly [number, number, number, number];
  readonly dilation?: number | readonly [number, number];
  readonly groups?: number;
}

export function outputSize(
  size: number,
  kernel: number,
  stride: number,
  before: number,
  after: number,
  dilation = 1,
): number {
  return Math.floor((size + before + after - dilation * (kernel - 1) - 1) / stride) + 1;
}

export const conv2dOp: OpDefinition<ConvAttributes> = {
  name: "conv2d",
  infer: (inputs, { stride, padding, dilation, groups }) => {
    const [x, weight, bias] = inputs;
    const { n, c, h, w } = nchw(x!, "conv2d");
    const [k, cg, kh, kw] = fixedShape(weight!, "conv2d") as [number, number, number, number];
    expectShape(
      weight!.shape.length === 4 && c === cg * groups && k % groups === 0,
      "conv2d",
      () =>
        `expected a weight [K, ${c}/${groups}, kh, kw] with K divisible by ${groups} but received ${showShape(weight!.shape)}`,
    );
    expectShape(
      bias === undefined || (bias.shape.length === 1 && bias.shape[0] === k),
      "conv2d",
      () => `expected a bias [${k}] but received ${showShape(bias!.shape)}`,
    );
    const oh = outputSize(h, kh, stride[0], padding[0], padding[2], dilation[0]);
    const ow = outputSize(w, kw, stride[1], padding[1], padding[3], dilation[1]);
    expectShape(
      oh > 0 && ow > 0,
      "conv2d",
      () =>
        `expected an input of at least the kernel's size ${kh}x${kw} but received ${h}x${w} with padding [${padding}]`,
    );
    return [{ dtype: x!.dtype, shape: [n, k, oh, ow] }];
  },
  gradient: ({ inputs: [x, weight, bias], grads: [dy], needs, attributes }) => [
    needs[0] ? apply(conv2dInputGradOp, [dy!, weight!, x!], attributes) : undefined,
    needs[1] ? apply(conv2dWeightGradOp, [x!, dy!, weight!], attributes) : undefined,
    bias !== undefined && needs[2] ? reduceSum(dy!, [0, 2, 3]) : undefined,
  ],
};

/** (dy, weight, x) to dx; of x only the shape is used. */
export const conv2dInputGradOp: OpDefinition<ConvAttributes> = {
  name: "conv2dInputGrad",
  infer: ([, , x]) => [{ dtype: x!.dtype, shape: x!.shape }],
};

/** (x, dy, weight) to dweight; of weight only the shape is used. */
export const conv2dWeightGradOp: OpDefinition<ConvAttributes> = {
  name: "conv2dWeightGrad",
  infer: ([, , weight]) => [{ dtype: weight!.dtype, shape: weight!.shape }],
};

const pair = (value: number | readonly [number, number] | undefined): readonly [number, number] =>
  typeof value === "object" ? value : [value ?? 1, value ?? 1];

function sides(padding: NonNullable<ConvOptions["padding"]>): ConvAttributes["padding"] {
  if (typeof padding === "number") return [padding, padding, padding, padding];
  return padding.length === 2 ? [padding[0], padding[1], padding[0], padding[1]] : padding;
}

export function conv2d(x: Value, weight: Value, bias?: Value, options: ConvOptions = {}): Value {
  return apply(conv2dOp, bias === undefined ? [x, weight] : [x, weight, bias], {
    stride: pair(options.stride),
    padding: sides(options.padding ?? 0),
    dilation: pair(options.dilation),
    groups: options.groups ?? 1,
  });
}
