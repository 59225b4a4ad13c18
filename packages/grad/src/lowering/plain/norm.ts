// BatchNorm in training mode, its gradient, and the products with folded weights, as standard ONNX.

import { float, type OnnxGraph } from "../../onnx/graph.ts";
import { batchNormGradOp, batchNormOp, filterDotOp, scaleFilterOp } from "../../ops/norm.ts";
import { fixedShape } from "../../ops/shape.ts";
import { rule } from "../context.ts";

export const normRules = [
  rule(batchNormOp, ({ inputs: [x, gamma, beta], outputs: [y, mean, variance], attributes: { eps } }, context) => {
    const { g } = context;
    const [n, c, h, w] = fixedShape(x!, "batchNorm") as [number, number, number, number];
    const kept = g.op("ReduceMean", [context.plain(x!), g.ints(0, 2, 3)], { keepdims: 1 });
    const centred = g.op("Sub", [context.plain(x!), kept]);
    const squares = g.op("ReduceSumSquare", [centred, g.ints(0, 2, 3)], { keepdims: 0 });
    context.setPlain(mean!, context.reshape(kept, c));
    context.setPlain(variance!, g.op("Mul", [squares, g.scalar(1 / (n * h * w))]));
    const statistics = [context.plain(gamma!), context.plain(beta!), context.plain(mean!), context.plain(variance!)];
    context.setPlain(y!, g.op("BatchNormalization", [context.plain(x!), ...statistics], { epsilon: float(eps) }));
  }),
  rule(
    batchNormGradOp,
    ({ inputs: [x, dy, gamma, mean, variance], outputs: [dx, dgamma, dbeta], attributes: { eps } }, context) => {
      const { g } = context;
      const [n, c, h, w] = fixedShape(x!, "batchNormGrad") as [number, number, number, number];
      const axes = g.ints(0, 2, 3);
      const sum = g.op("ReduceSum", [context.plain(dy!), axes], { keepdims: 0 });
      const dot = g.op("ReduceSum", [g.op("Mul", [context.plain(dy!), context.plain(x!)]), axes], { keepdims: 0 });
      const gradient = batchNormGradient(g, {
        sum,
        dot,
        gamma: context.plain(gamma!),
        mean: context.plain(mean!),
        variance: context.plain(variance!),
        eps,
        count: n * h * w,
      });
      context.setPlain(dgamma!, gradient.dgamma);
      context.setPlain(dbeta!, sum);
      const channel = (vector: string) => context.reshape(vector, 1, c, 1, 1);
      const scaled = g.op("Mul", [context.plain(dy!), channel(gradient.a)]);
      const shifted = g.op("Add", [g.op("Mul", [context.plain(x!), channel(gradient.c1)]), channel(gradient.c0)]);
      context.setPlain(dx!, g.op("Add", [scaled, shifted]));
    },
  ),
  rule(scaleFilterOp, ({ inputs: [weight, factor], outputs: [y] }, context) => {
    const [k] = fixedShape(weight!, "scaleFilter") as [number];
    context.setPlain(
      y!,
      context.g.op("Mul", [context.plain(weight!), context.reshape(context.plain(factor!), k, 1, 1, 1)]),
    );
  }),
  rule(filterDotOp, ({ inputs: [a, b], outputs: [y] }, context) => {
    const product = context.g.op("Mul", [context.plain(a!), context.plain(b!)]);
    context.setPlain(y!, context.g.op("ReduceSum", [product, context.g.ints(1, 2, 3)], { keepdims: 0 }));
  }),
];

interface Sums {
  /** Σ dy and Σ dy·x per channel. */
  readonly sum: string;
  readonly dot: string;
  readonly gamma: string;
  readonly mean: string;
  readonly variance: string;
  readonly eps: number;
  /** Values per channel. */
  readonly count: number;
}

/**
 * BatchNorm's gradient as per-channel numbers: dx = a·dy + c1·x + c0. With M values per channel, r = 1/sqrt(variance + eps):
 * dgamma = r·(Σ dy·x - mean·Σ dy), a = gamma·r, c1 = -a·r·dgamma/M, c0 = -a·Σ dy/M - c1·mean.
 */
export function batchNormGradient(g: OnnxGraph, { sum, dot, gamma, mean, variance, eps, count }: Sums) {
  const r = g.op("Reciprocal", [g.op("Sqrt", [g.op("Add", [variance, g.scalar(eps)])])]);
  const dgamma = g.op("Mul", [r, g.op("Sub", [dot, g.op("Mul", [mean, sum])])]);
  const a = g.op("Mul", [gamma, r]);
  const share = g.op("Mul", [a, g.scalar(-1 / count)]);
  const c1 = g.op("Mul", [share, g.op("Mul", [r, dgamma])]);
  const c0 = g.op("Sub", [g.op("Mul", [share, sum]), g.op("Mul", [c1, mean])]);
  return { dgamma, a, c1, c0 };
}
