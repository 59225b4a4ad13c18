// Activations and their gradients as standard ONNX. ONNX Runtime's Where and Sign run at a fraction of Mul's speed, so masks come from HardSigmoid,
// which with a huge slope is a step function: clip(slope · x + offset, 0, 1).

import { float, type OnnxGraph } from "../../onnx/graph.ts";
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
  rule(hardSwishGradOp, ({ inputs: [x, , dy], outputs: [dx] }, c) =>
    c.setPlain(dx!, hardSwishGrad(c.g, c.plain(x!), c.plain(dy!))),
  ),
  rule(hardSigmoidOp, ({ inputs: [x], outputs: [y] }, c) => c.setPlain(y!, hardSigmoid(c.g, c.plain(x!)))),
  rule(hardSigmoidGradOp, ({ inputs: [y, dy], outputs: [dx] }, c) =>
    c.setPlain(dx!, hardSigmoidGrad(c.g, c.plain(y!), c.plain(dy!))),
  ),
  rule(sigmoidOp, ({ inputs: [x], outputs: [y] }, c) => c.setPlain(y!, c.g.op("Sigmoid", [c.plain(x!)]))),
  rule(sigmoidGradOp, ({ inputs: [y, dy], outputs: [dx] }, c) =>
    c.setPlain(dx!, sigmoidGrad(c.g, c.plain(y!), c.plain(dy!))),
  ),
  rule(siluOp, ({ inputs: [x], outputs: [y] }, c) =>
    c.setPlain(y!, c.g.op("Mul", [c.plain(x!), c.g.op("Sigmoid", [c.plain(x!)])])),
  ),
  rule(siluGradOp, ({ inputs: [x, y, dy], outputs: [dx] }, c) => {
    const { g } = c;
    const rest = g.op("Add", [g.op("Sub", [c.plain(x!), c.plain(y!)]), g.scalar(1)]);
    c.setPlain(dx!, siluGrad(g, c.plain(x!), rest, c.plain(dy!)));
  }),
  rule(geluOp, ({ inputs: [x], outputs: [y] }, c) => c.setPlain(y!, c.g.op("Gelu", [c.plain(x!)]))),
  rule(geluGradOp, ({ inputs: [x, dy], outputs: [dx] }, c) =>
    c.setPlain(dx!, geluGrad(c.g, c.plain(x!), c.plain(dy!))),
  ),
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

export const hardSigmoid = (g: OnnxGraph, x: string) =>
  g.op("HardSigmoid", [x], { alpha: float(1 / 6), beta: float(0.5) });

/** A sixth where 0 < y < 1. */
export function hardSigmoidGrad(g: OnnxGraph, y: string, dy: string): string {
  const inside = g.op("Mul", [positive(g, y), below(g, y, 1)]);
  return g.op("Mul", [dy, g.op("Mul", [inside, g.scalar(1 / 6)])]);
}

/** y · (1 - y). */
export const sigmoidGrad = (g: OnnxGraph, y: string, dy: string) =>
  g.op("Mul", [dy, g.op("Mul", [y, g.op("Sub", [g.scalar(1), y])])]);

/** s + y · (1 - s) with s = sigmoid(x), as s · (1 + x - y); `rest` is 1 + x - y. */
export const siluGrad = (g: OnnxGraph, x: string, rest: string, dy: string) =>
  g.op("Mul", [dy, g.op("Mul", [g.op("Sigmoid", [x]), rest])]);

/**
 * Φ(x) + x·φ(x). With u = x / √2 that is (1 + erf u) / 2, a HardSigmoid that clips nothing, and u · exp(-u²) / √π, where the
 * root is subtracted in the exponent: each saves a pass.
 */
export function geluGrad(g: OnnxGraph, x: string, dy: string): string {
  const u = g.op("Mul", [x, g.scalar(Math.SQRT1_2)]);
  const phi = g.op("HardSigmoid", [g.op("Erf", [u])], { alpha: float(0.5), beta: float(0.5) });
  const density = g.op("Exp", [g.op("Sub", [g.scalar(-0.5 * Math.log(Math.PI)), g.op("Mul", [u, u])])]);
  return g.op("Mul", [dy, g.op("Add", [phi, g.op("Mul", [u, density])])]);
}
