// Activations and their gradients as standard ONNX. ONNX Runtime's Where and Sign run at a fraction of Mul's speed, so masks come from HardSigmoid,
// which with a huge slope is a step function: clip(slope · x + offset, 0, 1).

import { float, type OnnxGraph } from "../../onnx/graph.ts";
import {
  hardSigmoidGradOp,
  hardSigmoidOp,
  hardSwishGradOp,
  hardSwishOp,
  relu6GradOp,
  relu6Op,
  reluGradOp,
  reluOp,
  sigmoidOp,
} from "../../ops/activation.ts";
import { rule } from "../context.ts";

/** A power of two, so that products with it are exact. */
export const STEEP = 2 ** 100;

/** 1 where x > 0, else 0. */
export const positive = (g: OnnxGraph, x: string) => g.op("HardSigmoid", [x], { alpha: float(STEEP), beta: float(0) });

/** 1 where x < limit, else 0. */
export const below = (g: OnnxGraph, x: string, limit: number) =>
  g.op("HardSigmoid", [x], { alpha: float(-STEEP), beta: float(limit * STEEP) });

export const activationRules = [
  rule(reluOp, ({ inputs: [x], outputs: [y] }, c) => c.setPlain(y!, c.g.op("Relu", [c.plain(x!)]))),
  rule(reluGradOp, ({ inputs: [y, dy], outputs: [dx] }, c) => {
    c.setPlain(dx!, c.g.op("Mul", [c.plain(dy!), positive(c.g, c.plain(y!))]));
  }),
  rule(relu6Op, ({ inputs: [x], outputs: [y] }, c) =>
    c.setPlain(y!, c.g.op("Clip", [c.plain(x!), c.g.scalar(0), c.g.scalar(6)])),
  ),
  rule(relu6GradOp, ({ inputs: [y, dy], outputs: [dx] }, c) => {
    const mask = c.g.op("Mul", [positive(c.g, c.plain(y!)), below(c.g, c.plain(y!), 6)]);
    c.setPlain(dx!, c.g.op("Mul", [c.plain(dy!), mask]));
  }),
  rule(hardSwishOp, ({ inputs: [x], outputs: [y] }, c) => c.setPlain(y!, c.g.op("HardSwish", [c.plain(x!)]))),
  rule(hardSwishGradOp, ({ inputs: [x, dy], outputs: [dx] }, c) =>
    c.setPlain(dx!, hardSwishGrad(c.g, c.plain(x!), c.plain(dy!))),
  ),
  rule(hardSigmoidOp, ({ inputs: [x], outputs: [y] }, c) => {
    c.setPlain(y!, c.g.op("HardSigmoid", [c.plain(x!)], { alpha: float(1 / 6), beta: float(0.5) }));
  }),
  rule(hardSigmoidGradOp, ({ inputs: [y, dy], outputs: [dx] }, c) => {
    const inside = c.g.op("Mul", [positive(c.g, c.plain(y!)), below(c.g, c.plain(y!), 1)]);
    c.setPlain(dx!, c.g.op("Mul", [c.plain(dy!), c.g.op("Mul", [inside, c.g.scalar(1 / 6)])]));
  }),
  rule(sigmoidOp, ({ inputs: [x], outputs: [y] }, c) => c.setPlain(y!, c.g.op("Sigmoid", [c.plain(x!)]))),
];

/** The largest float32 below 3: a step from there to 3 is 1 at 3 already. */
const BELOW_3 = 3 - 2 ** -22;

/** 0 for x <= -3, 1 for x >= 3, (2x + 3) / 6 between: the clamp of that line jumps at -3 (from -1/2) and at 3 (from 3/2), so it is masked. */
function hardSwishGrad(g: OnnxGraph, x: string, dy: string): string {
  const line = g.op("Add", [g.op("Mul", [x, g.scalar(1 / 3)]), g.scalar(0.5)]);
  const inner = g.op("Mul", [line, below(g, g.op("Abs", [x]), 3)]);
  const beyond = g.op("HardSigmoid", [x], { alpha: float(STEEP), beta: float(-BELOW_3 * STEEP) });
  return g.op("Mul", [dy, g.op("Add", [inner, beyond])]);
}
