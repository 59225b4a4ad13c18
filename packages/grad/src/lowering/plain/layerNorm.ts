// LayerNorm and its gradient as standard ONNX. Both work on rows, [..., C]: the channels of a map go last and come back.

import { float, type OnnxGraph } from "../../onnx/graph.ts";
import type { Shape } from "../../ops/graph.ts";
import { layerNormGradOp, layerNormOp } from "../../ops/layerNorm.ts";
import { type Lowering, rule } from "../context.ts";

const TO_ROWS = [0, 2, 3, 1];
const FROM_ROWS = [0, 3, 1, 2];

export const layerNormRules = [
  rule(layerNormOp, ({ inputs: [x, gamma, beta], outputs, attributes: { eps, axis } }, context) => {
    const { g } = context;
    const last = axis === x!.shape.length - 1;
    const rows = last ? context.plain(x!) : g.op("Transpose", [context.plain(x!)], { perm: TO_ROWS });
    const [y, mean, scale] = normalizeRows(g, rows, context.plain(gamma!), context.plain(beta!), eps);
    context.setPlain(outputs[0]!, last ? y : g.op("Transpose", [y], { perm: FROM_ROWS }));
    for (const [value, name] of [
      [outputs[1]!, mean],
      [outputs[2]!, scale],
    ] as const)
      context.setPlain(value, last ? name : shaped(context, name, value.shape));
  }),
  rule(
    layerNormGradOp,
    ({ inputs: [x, dy, gamma, mean, scale], outputs: [dx, dgamma, dbeta], attributes: { axis } }, context) => {
      const { g } = context;
      const last = axis === x!.shape.length - 1;
      const rows = (name: string) => (last ? name : g.op("Transpose", [name], { perm: TO_ROWS }));
      const rank = x!.shape.length;
      const perRow = [...x!.shape.filter((_, i) => i !== axis), 1];
      const gradient = rowsGradient(g, {
        x: rows(context.plain(x!)),
        dy: rows(context.plain(dy!)),
        gamma: context.plain(gamma!),
        mean: last ? context.plain(mean!) : shaped(context, context.plain(mean!), perRow),
        scale: last ? context.plain(scale!) : shaped(context, context.plain(scale!), perRow),
        rank,
      });
      context.setPlain(dx!, last ? gradient.dx : g.op("Transpose", [gradient.dx], { perm: FROM_ROWS }));
      context.setPlain(dgamma!, gradient.dgamma);
      context.setPlain(dbeta!, gradient.dbeta);
    },
  ),
];

/** A Reshape to a shape of which one size may be free. */
export const shaped = (context: Lowering, name: string, shape: Shape) =>
  context.reshape(name, ...shape.map((dim) => (typeof dim === "number" ? dim : -1)));

/** Rows, their means and 1 / sqrt(variance + eps), the latter two [..., 1]. */
export function normalizeRows(
  g: OnnxGraph,
  rows: string,
  gamma: string,
  beta: string,
  eps: number,
): [y: string, mean: string, scale: string] {
  const attributes = { axis: -1, epsilon: float(eps) };
  return g.node("LayerNormalization", [rows, gamma, beta], attributes, { outputs: 3 }) as [string, string, string];
}

interface Rows {
  readonly x: string;
  readonly dy: string;
  readonly gamma: string;
  readonly mean: string;
  readonly scale: string;
  readonly rank: number;
}

/** With z = (x - mean) · scale and d = gamma · dy: dx = scale · (d - mean(d) - z · mean(d·z)), dgamma = Σ dy·z, dbeta = Σ dy. */
export function rowsGradient(g: OnnxGraph, { x, dy, gamma, mean, scale, rank }: Rows) {
  const outer = g.ints(...Array.from({ length: rank - 1 }, (_, axis) => axis));
  const rowMean = (name: string) => g.op("ReduceMean", [name, g.ints(rank - 1)], { keepdims: 1 });
  const z = g.op("Mul", [g.op("Sub", [x, mean]), scale]);
  const d = g.op("Mul", [dy, gamma]);
  const along = g.op("Mul", [z, rowMean(g.op("Mul", [d, z]))]);
  return {
    dx: g.op("Mul", [g.op("Sub", [g.op("Sub", [d, rowMean(d)]), along]), scale]),
    dgamma: g.op("ReduceSum", [g.op("Mul", [dy, z]), outer], { keepdims: 0 }),
    dbeta: g.op("ReduceSum", [dy, outer], { keepdims: 0 }),
  };
}
