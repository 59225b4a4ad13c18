// Dropout (Srivastava et al. 2014) and stochastic depth (Huang et al. 2016) with masks that are fed: drawn outside by a seeded generator, so that
// a run repeats bit for bit.

import { GradError } from "../errors.ts";
import { mul } from "./elementwise.ts";
import type { Shape, Value } from "./graph.ts";

/** Multiplies by a mask input `name` of the value's shape, holding 0 with probability p and 1 / (1 - p) otherwise. */
export const dropout = (x: Value, p: number, name: string) => masked("dropout", x, p, name, x.shape);

/** The same with one draw for each picture of x [N, ...]: a residual branch is there or not (torchvision's mode "row"). */
export const stochasticDepth = (x: Value, p: number, name: string) =>
  masked(
    "stochasticDepth",
    x,
    p,
    name,
    x.shape.map((size, axis) => (axis === 0 ? size : 1)),
  );

function masked(op: string, x: Value, p: number, name: string, shape: Shape): Value {
  if (!(p >= 0 && p < 1)) throw new GradError("BAD_ATTRIBUTE", `${op}: expected p in [0, 1) but received ${p}`);
  if (p === 0) return x;
  const mask = x.graph.input(name, "float32", shape);
  x.graph.randomMasks.set(name, { p, value: mask });
  return mul(x, mask);
}
