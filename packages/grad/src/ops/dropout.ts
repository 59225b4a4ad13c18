// Dropout (Srivastava et al. 2014) with a mask that is fed: drawn outside by a seeded generator, so that a run repeats bit for bit.

import { GradError } from "../errors.ts";
import { mul } from "./elementwise.ts";
import type { Value } from "./graph.ts";

/** Multiplies by a mask input `name` of the value's shape, holding 0 with probability p and 1 / (1 - p) otherwise. */
export function dropout(x: Value, p: number, name: string): Value {
  if (!(p >= 0 && p < 1)) throw new GradError("BAD_ATTRIBUTE", `dropout: expected p in [0, 1) but received ${p}`);
  if (p === 0) return x;
  const mask = x.graph.input(name, "float32", x.shape);
  x.graph.randomMasks.set(name, { p, value: mask });
  return mul(x, mask);
}
