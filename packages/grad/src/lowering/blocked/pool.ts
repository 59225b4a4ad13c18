// Max pooling and its gradient by the blocked kernels.

import { type Attributes, float, NCHWC_DOMAIN } from "../../onnx/graph.ts";
import type { Value } from "../../ops/graph.ts";
import { maxPoolGradOp, maxPoolOp } from "../../ops/pool.ts";
import { float32 } from "../../tensor.ts";
import { type Lowering, rule } from "../context.ts";
import {
  behind,
  columnsOnly,
  isRectified,
  type Line,
  linesOf,
  reaches,
  reluInFront,
  shareOut,
} from "../maxPoolGrad.ts";
import { positive, STEEP } from "../plain/activation.ts";
import { attributesOf, type LineGrad } from "../plain/pool.ts";

const BLOCKED = { domain: NCHWC_DOMAIN };

export const poolRules = [
  rule(maxPoolOp, ({ inputs: [x], outputs: [y], attributes }, context) => {
    if (!context.isBlocked(x!)) return false;
    context.setBlocked(y!, context.g.op("MaxPool", [context.blocked(x!)], attributesOf(attributes), BLOCKED));
    return true;
  }),
  rule(maxPoolGradOp, (node, context) => {
    const {
      inputs: [x, y, dy],
      outputs: [dx],
      attributes,
    } = node;
    if (!context.isBlocked(x!)) return false;
    const { g } = context;
    const relu = reluInFront(x!, dx!, context);
    const above0 = relu !== undefined || isRectified(x!, dx!, context);
    const [columns, rows] = linesOf(x!, y!, attributes);
    const [image, maxima, grad] = [context.blocked(x!), context.blocked(y!), context.blocked(dy!)];
    const ofRows = g.op("MaxPool", [image], attributesOf(columnsOnly(attributes)), BLOCKED);
    const d = relu === undefined ? grad : g.op("Mul", [grad, positive(g, maxima)]);
    const dRows = lineGrad(context, { like: x!, line: rows, x: ofRows, maxima, d, above0 });
    const dImage = lineGrad(context, { like: x!, line: columns, x: image, maxima: ofRows, d: dRows, above0 });
    context.setBlocked(relu ?? dx!, dImage);
    return true;
  }),
];

/**
 * The gradient of x along one axis. What compares or moves is a depthwise convolution each time: ONNX Runtime's copies use one core, and
 * a comparison is an activation in the same pass. `above0` says that windows whose maximum is 0 do not matter.
 */
function lineGrad(
  context: Lowering,
  { like, line, x, maxima, d, above0 }: LineGrad & { readonly above0: boolean },
): string {
  const { g } = context;
  const { axis, size, windows, kernel, stride, before } = line;
  const channels = context.padded(like.shape[1] as number);
  const seen = { axis, channels, size, stride, count: windows };
  const parts = shareOut(g, line, d, (tap) => {
    const offset = tap - before;
    // The convolution pads with 0, and a maximum may be below. Where only padding follows, nothing is left for it.
    if (tap === kernel - 2 && (above0 || (offset >= 0 && behind(line) <= 0)))
      return select(context, x, { ...seen, offset, weights: [1, -1], attributes: step(STEEP) });
    const mask = select(context, x, { ...seen, offset, weights: [-1], attributes: step(-STEEP), sum: maxima });
    return offset >= 0 || above0 ? mask : insideOnly(context, mask, like, line, offset);
  });

  const count = Math.ceil(size / stride);
  const residues = reaches(line).map((taps) => {
    // A part that lies where it should starts the sum; the others are moved and added in one pass each.
    const still = windows === count ? taps.find(({ shift }) => shift === 0) : undefined;
    const moving = { axis, channels, size: windows, stride: 1, count };
    if (taps.length === 0) return select(context, d, { ...moving, offset: 0, weights: [0] });
    return taps
      .filter((reach) => reach !== still)
      .reduce<string | undefined>(
        (sum, { tap, shift }) => select(context, parts[tap]!, { ...moving, offset: shift, weights: [1], sum }),
        still && parts[still.tap],
      )!;
  });
  return interleaved(context, residues, like, line, count);
}

/** 1 from 0 on (below, with a negative slope), else 0. */
const step = (slope: number): Attributes => ({
  activation: "HardSigmoid",
  activation_params: float([slope, 1]),
});

interface Selection {
  readonly axis: 2 | 3;
  readonly channels: number;
  readonly size: number;
  readonly offset: number;
  readonly stride: number;
  readonly count: number;
  readonly weights: readonly number[];
  readonly sum?: string | undefined;
  readonly attributes?: Attributes;
}

/** `count` times Σ weights[i] · x[stride·j + offset + i] along an axis, with zeros outside of x, plus a sum. */
function select(context: Lowering, x: string, selection: Selection): string {
  const { axis, channels, size, offset, stride, count, weights, sum, attributes } = selection;
  const lead = Math.max(offset, 0);
  const before = Math.max(-offset, 0);
  const least = lead + weights.length;
  const after = Math.max(stride * (count - 1) + least - before - size, 0);
  // A wider kernel instead of a negative padding.
  const tail = Math.max(before + size + after - least - stride * (count - 1) - (stride - 1), 0);
  const taps = [...Array<number>(lead).fill(0), ...weights, ...Array<number>(tail).fill(0)];
  const along = (value: number, other: number) => (axis === 2 ? [value, other] : [other, value]);
  const filter = context.shared(`taps ${[axis, channels, ...taps]}`, () => ({
    dtype: "float32",
    dims: [channels, 1, ...along(taps.length, 1)],
    data: Float32Array.from(
      { length: channels * taps.length },
      (_, i) => taps[Math.floor(i / context.block) % taps.length]!,
    ),
  }));
  return context.g.op(
    "Conv",
    [x, filter, ...(sum === undefined ? [] : ["", sum])],
    {
      group: channels,
      kernel_shape: along(taps.length, 1),
      strides: along(stride, 1),
      pads: [...along(before, 0), ...along(after, 0)],
      ...attributes,
    },
    BLOCKED,
  );
}

function nominal(context: Lowering, name: string, like: Value, { axis, across }: Line, along: number): string {
  const [n, c] = like.shape;
  const size = axis === 2 ? [along, across] : [across, along];
  return context.reshape(name, typeof n === "number" ? n : -1, context.padded(c as number), ...size);
}

/** The mask with zeros for the windows whose tap lies in front of x. */
function insideOnly(context: Lowering, mask: string, like: Value, line: Line, offset: number): string {
  const { g, block } = context;
  const { axis, windows, stride, across } = line;
  const width = axis === 2 ? 1 : block;
  const inside = Float32Array.from({ length: windows * width }, (_, i) =>
    stride * Math.floor(i / width) + offset < 0 ? 0 : 1,
  );
  const open = axis === 2 ? [windows, across * block] : [across, windows * block];
  const factor = g.constant(float32(inside, axis === 2 ? [windows, 1] : [windows * width]));
  return nominal(context, g.op("Mul", [context.reshape(mask, -1, ...open), factor]), like, line, windows);
}

/** The residues' positions in turn, as many as x has. */
function interleaved(context: Lowering, residues: readonly string[], like: Value, line: Line, count: number): string {
  const { g, block } = context;
  const { axis, size, stride, across } = line;
  if (stride === 1) return residues[0]!;
  const open = residues.map((name) => context.reshape(name, -1, 1, axis === 2 ? across * block : block));
  const whole = nominal(context, g.op("Concat", open, { axis: 1 }), like, line, count * stride);
  const channels = context.padded(like.shape[1] as number);
  const all = { axis, channels, size: count * stride, offset: 0, stride: 1, count: size, weights: [1] };
  return size === count * stride ? whole : select(context, whole, all);
}
