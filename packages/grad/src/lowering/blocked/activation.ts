// Activations of blocked values. What pads the channels must stay zero: an f with f(0) != 0 is left to the plain rule where there is padding.

import { float, MICROSOFT_DOMAIN } from "../../onnx/graph.ts";
import {
  geluGradOp,
  geluOp,
  hardSigmoidGradOp,
  hardSigmoidOp,
  hardSwishGradOp,
  hardSwishOp,
  relu6GradOp,
  relu6Op,
  reluGradOp,
  reluOp,
  sigmoidGradOp,
  sigmoidOp,
  siluGradOp,
  siluOp,
} from "../../ops/activation.ts";
import type { OpDefinition, Value } from "../../ops/graph.ts";
import { type Lowering, rule } from "../context.ts";
import {
  below,
  geluGrad,
  hardSigmoid,
  hardSigmoidGrad,
  positive,
  STEEP,
  sigmoidGrad,
  siluGrad,
} from "../plain/activation.ts";
import { perElement } from "./perChannel.ts";

type Op = OpDefinition<Record<string, never>>;

const forward = (op: Op, lower: (context: Lowering, x: string) => string) =>
  rule(op, ({ inputs: [x], outputs: [y] }, context) => {
    if (!context.isBlocked(x!)) return false;
    context.setBlocked(y!, lower(context, context.blocked(x!)));
    return true;
  });

/** For f(0) != 0. */
const unpadded = (op: Op, lower: (context: Lowering, x: string) => string) =>
  rule(op, ({ inputs: [x], outputs: [y] }, context) => {
    if (!context.isBlocked(x!) || !context.fillsBlocks(x!)) return false;
    context.setBlocked(y!, lower(context, context.blocked(x!)));
    return true;
  });

/** From x or y, whichever the op keeps, and dy, whose zero padding makes that of the result. */
const backward = (op: Op, lower: (context: Lowering, kept: string, dy: string, like: Value) => string) =>
  rule(op, ({ inputs: [kept, dy], outputs: [dx] }, context) => {
    if (!context.isBlocked(kept!)) return false;
    context.setBlocked(dx!, lower(context, context.blocked(kept!), context.blocked(dy!), kept!));
    return true;
  });

export const activationRules = [
  forward(reluOp, ({ g }, x) => g.op("Relu", [x])),
  backward(reluGradOp, ({ g }, y, dy) => g.op("Mul", [dy, positive(g, y)])),
  forward(relu6Op, ({ g }, x) => g.op("Clip", [x, g.scalar(0), g.scalar(6)])),
  backward(relu6GradOp, (context, y, dy, like) => {
    const { g } = context;
    // 0 < y < 6 is |y - 3| < 3; the absolute value is a LeakyRelu of slope -1, which the kernel takes as its activation.
    const absolute = { activation: "LeakyRelu", activation_params: float([-1]) };
    return g.op("Mul", [dy, below(g, perElement(context, like, y, 1, -3, absolute), 3)]);
  }),
  unpadded(hardSigmoidOp, ({ g }, x) => hardSigmoid(g, x)),
  backward(hardSigmoidGradOp, ({ g }, y, dy) => hardSigmoidGrad(g, y, dy)),
  unpadded(sigmoidOp, ({ g }, x) => g.op("Sigmoid", [x])),
  backward(sigmoidGradOp, ({ g }, y, dy) => sigmoidGrad(g, y, dy)),
  rule(hardSwishOp, ({ inputs: [x], outputs: [y, gate] }, context) => {
    if (!context.isBlocked(x!)) return false;
    // What ONNX Runtime makes of a HardSwish; the gate is kept for the gradient, zero padding or not: dy is zero there.
    const name = hardSigmoid(context.g, context.blocked(x!));
    context.setBlocked(gate!, name);
    context.setBlocked(y!, context.g.op("Mul", [context.blocked(x!), name]));
    return true;
  }),
  rule(hardSwishGradOp, ({ inputs: [, gate, dy], outputs: [dx] }, context) => {
    if (!context.isBlocked(gate!)) return false;
    context.setBlocked(dx!, hardSwishGrad(context, gate!, context.blocked(dy!)));
    return true;
  }),
  forward(siluOp, ({ g }, x) => g.op("QuickGelu", [x], { alpha: float(1) }, { domain: MICROSOFT_DOMAIN })),
  rule(siluGradOp, ({ inputs: [x, y, dy], outputs: [dx] }, context) => {
    if (!context.isBlocked(x!)) return false;
    const rest = perElement(context, x!, context.blocked(y!), -1, 1, {}, context.blocked(x!));
    context.setBlocked(dx!, siluGrad(context.g, context.blocked(x!), rest, context.blocked(dy!)));
    return true;
  }),
  forward(geluOp, ({ g }, x) => g.op("Gelu", [x])),
  backward(geluGradOp, ({ g }, x, dy) => geluGrad(g, x, dy)),
];

/** The largest float32 below 1: a step from there to 1 is complete at 1. */
const BELOW_1 = 1 - 2 ** -24;

/**
 * From the gate h = clip(x / 6 + 1/2, 0, 1): 2h - 1/2 between its ends, but 0 and 1 there, where that line has reached -1/2 and 3/2.
 * A clip that jumps mends the upper end on the way into the line, a threshold the lower one behind it: four passes with the product.
 */
function hardSwishGrad(context: Lowering, gate: Value, dy: string): string {
  const { g } = context;
  const h = context.blocked(gate);
  const clip = { activation: "Clip", activation_params: float([-0.5, 0]) };
  const atTop = perElement(context, gate, h, -STEEP, BELOW_1 * STEEP, clip);
  const line = perElement(context, gate, h, 2, -0.5, {}, atTop);
  return g.op("Mul", [dy, g.op("ThresholdedRelu", [line], { alpha: float(-0.5) })]);
}
