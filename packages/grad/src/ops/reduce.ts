// Sums and means over axes.

import { scale } from "./elementwise.ts";
import { apply, type OpDefinition, type Value } from "./graph.ts";
import { expandLike, reshape } from "./reshape.ts";
import { fixed, normalizeAxis } from "./shape.ts";

export interface ReduceAttributes {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

export const reduceSumOp: OpDefinition<ReduceAttributes> = {
  name: "reduceSum",
  infer: ([x], { axes, keepDims }) => {
    const shape = x!.shape.flatMap((dim, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [dim]));
    return [{ dtype: x!.dtype, shape }];
  },
  gradient: ({ inputs: [x], grads: [dy], attributes: { axes, keepDims } }) => {
    const kept = keepDims
      ? dy!
      : reshape(
          dy!,
          x!.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
        );
    return [expandLike(kept, x!)];
  },
};

export function reduceSum(x: Value, axes: readonly number[], keepDims = false): Value {
  const normal = axes.map((axis) => normalizeAxis(axis, x.shape.length, "reduceSum"));
  return apply(reduceSumOp, [x], { axes: normal, keepDims });
}

/** Mean over axes whose sizes are fixed. */
export function reduceMean(x: Value, axes: readonly number[], keepDims = false): Value {
  const count = axes.reduce((product, axis) => product * fixed(x.shape.at(axis), "reduceMean", `axis ${axis}`), 1);
  return scale(reduceSum(x, axes, keepDims), 1 / count);
}
