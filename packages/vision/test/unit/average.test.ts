// Weight averaging: the warm-up of the decay.

import { expect, test } from "vitest";
import { averageDecay } from "../../src/learner/average.ts";

test("the decay starts at .1 and stops at its limit", () => {
  expect([0, 1, 8, 90].map((t) => averageDecay(0.9, t))).toEqual([0.1, 2 / 11, 0.5, 0.9]);
  expect(averageDecay(0.9, 79)).toBeCloseTo(80 / 89, 12);
});
