// Pooling and its gradients as standard ONNX.

import { float, type OnnxGraph } from "../../onnx/graph.ts";
import type { Value } from "../../ops/graph.ts";
import {
  averagePoolGradOp,
  averagePoolOp,
  globalAveragePoolOp,
  maxPoolGradOp,
  maxPoolOp,
  type PoolAttributes,
} from "../../ops/pool.ts";
import { nchw } from "../../ops/shape.ts";
import { float32 } from "../../tensor.ts";
import { type Lowering, rule } from "../context.ts";
import { behind, columnsOnly, type Line, linesOf, type Reach, reaches, reluInFront, shareOut } from "../maxPoolGrad.ts";
import { positive, STEEP } from "./activation.ts";

export const attributesOf = ({ kernel, stride, padding }: PoolAttributes) => ({
  kernel_shape: kernel,
  strides: stride,
  pads: padding,
});

/** The lowest float32: what pads the windows of max pooling. */
const LOWEST = -(2 - 2 ** -23) * 2 ** 127;

export const poolRules = [
  rule(maxPoolOp, ({ inputs: [x], outputs: [y], attributes }, context) => {
    context.setPlain(y!, context.g.op("MaxPool", [context.plain(x!)], attributesOf(attributes)));
  }),
  rule(maxPoolGradOp, (node, context) => {
    const {
      inputs: [x, y, dy],
      outputs: [dx],
      attributes,
    } = node;
    const { g } = context;
    const relu = reluInFront(x!, dx!, context);
    const [columns, rows] = linesOf(x!, y!, attributes);
    const [image, maxima, grad] = [context.plain(x!), context.plain(y!), context.plain(dy!)];
    const ofRows = g.op("MaxPool", [image], attributesOf(columnsOnly(attributes)));
    const d = relu === undefined ? grad : g.op("Mul", [grad, positive(g, maxima)]);
    const dRows = lineGrad(context, { like: x!, line: rows, x: ofRows, maxima, d });
    context.setPlain(relu ?? dx!, lineGrad(context, { like: x!, line: columns, x: image, maxima: ofRows, d: dRows }));
  }),
  rule(averagePoolOp, ({ inputs: [x], outputs: [y], attributes }, context) => {
    context.setPlain(
      y!,
      context.g.op("AveragePool", [context.plain(x!)], { ...attributesOf(attributes), count_include_pad: 1 }),
    );
  }),
  rule(averagePoolGradOp, ({ inputs: [dy, x], outputs: [dx], attributes }, context) => {
    const { g } = context;
    const { c, h, w } = nchw(x!, "averagePoolGrad");
    const { kernel, stride, padding } = attributes;
    const area = kernel[0] * kernel[1];
    const share = g.constant(float32(new Float32Array(c * area).fill(1 / area), [c, 1, ...kernel]));
    const reached = [0, 1].map(
      (axis) =>
        stride[axis]! * ((dy!.shape[axis + 2] as number) - 1) + kernel[axis]! - padding[axis]! - padding[axis + 2]!,
    );
    const name = g.op("ConvTranspose", [context.plain(dy!), share], {
      ...attributesOf(attributes),
      group: c,
      output_padding: [h - reached[0]!, w - reached[1]!],
    });
    context.setPlain(dx!, name);
  }),
  rule(globalAveragePoolOp, ({ inputs: [x], outputs: [y] }, context) => {
    context.setPlain(y!, context.g.op("GlobalAveragePool", [context.plain(x!)]));
  }),
];

export interface LineGrad {
  /** Gives N and C. */
  readonly like: Value;
  readonly line: Line;
  readonly x: string;
  readonly maxima: string;
  /** The gradient of the maxima. */
  readonly d: string;
}

/** The gradient of x along one axis. */
function lineGrad(context: Lowering, { like, line, x, maxima, d }: LineGrad): string {
  const { g } = context;
  const { axis, size, windows, stride, before, across } = line;
  // Nobody looks at what is under the last tap.
  const padded = pad(g, x, axis, before, Math.max(behind(line) - 1, 0), LOWEST);
  const parts = shareOut(g, line, d, (tap) => {
    const end = tap + stride * (windows - 1) + 1;
    const seen = g.op("Slice", [padded, g.ints(tap), g.ints(end), g.ints(axis), g.ints(stride)]);
    return g.op("HardSigmoid", [g.op("Sub", [seen, maxima])], { alpha: float(STEEP), beta: float(1) });
  });
  const count = Math.ceil(size / stride);
  const residues = reaches(line).map((taps) => sumOf(g, line, parts, taps, count));
  if (stride === 1) return residues[0]!;
  const [n, c] = like.shape;
  const inner = axis === 2 ? [count, 1, across] : [across, count, 1];
  const whole = axis === 2 ? [count * stride, across] : [across, count * stride];
  const shaped = (name: string, sizes: readonly number[]) =>
    context.reshape(name, typeof n === "number" ? n : -1, c as number, ...sizes);
  const open = residues.map((name) => shaped(name, inner));
  const joined = shaped(g.op("Concat", open, { axis: axis + 1 }), whole);
  return cut(g, joined, axis, 0, size, count * stride);
}

/** Sum of what `count` neighbouring positions of a residue get from the taps. */
function sumOf(g: OnnxGraph, line: Line, parts: string[], taps: readonly Reach[], count: number): string {
  const { axis, windows } = line;
  const seen = taps.filter(({ shift }) => shift < windows && shift + count > 0);
  const moved = (seen.length > 0 ? seen : [{ tap: 0, shift: 0 }]).map(({ tap, shift }) => {
    const [from, to] = [Math.max(shift, 0), Math.min(shift + count, windows)];
    return pad(g, cut(g, parts[tap]!, axis, from, to, windows), axis, from - shift, shift + count - to, 0);
  });
  const sum = moved.reduce((total, part) => g.op("Add", [total, part]));
  return seen.length > 0 ? sum : g.op("Mul", [sum, g.scalar(0)]);
}

/** All eight sizes: where ONNX Runtime moves the channels last, as for WebGPU, it takes Pad's `axes` input for absent and fails. */
function pad(g: OnnxGraph, name: string, axis: number, before: number, after: number, value: number): string {
  if (before === 0 && after === 0) return name;
  const sizes = [before, after].flatMap((size) => [0, 1, 2, 3].map((at) => (at === axis ? size : 0)));
  return g.op("Pad", [name, g.ints(...sizes), g.scalar(value)]);
}

function cut(g: OnnxGraph, name: string, axis: number, from: number, to: number, size: number): string {
  return from === 0 && to === size ? name : g.op("Slice", [name, g.ints(from), g.ints(to), g.ints(axis)]);
}
