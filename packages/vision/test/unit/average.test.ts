// Weight averaging: the warm-up of the decay, and updates worked out by hand.

import { expect, test } from "vitest";
import { averageDecay, weightAverage } from "../../src/learner/average.ts";

test("the decay starts at .1 and stops at its limit", () => {
  expect([0, 1, 8, 90].map((t) => averageDecay(0.9, t))).toEqual([0.1, 2 / 11, 0.5, 0.9]);
  expect(averageDecay(0.9, 79)).toBeCloseTo(80 / 89, 12);
});

test("two updates by hand", () => {
  const { init, update } = weightAverage(0.99);
  const start = init(Float32Array.of(1, -2));
  const first = update(start, Float32Array.of(2, 0));
  // .1 * 1 + .9 * 2, .1 * -2 + .9 * 0
  expect(first.average[0]).toBeCloseTo(1.9, 6);
  expect(first.average[1]).toBeCloseTo(-0.2, 6);
  const second = update(first, Float32Array.of(-3.6, 11));
  // 2/11 * 1.9 + 9/11 * -3.6 = -28.6/11, 2/11 * -.2 + 9/11 * 11
  expect(second.average[0]).toBeCloseTo(-2.6, 6);
  expect(second.average[1]).toBeCloseTo(98.6 / 11, 6);
  expect(second.updates).toBe(2);
});

test("leaves its arguments alone, or writes where it is told", () => {
  const { init, update } = weightAverage(0.99);
  const weights = Float32Array.of(1);
  const start = init(weights);
  weights[0] = 5;
  expect(start.average[0]).toBe(1);
  const next = update(start, weights);
  expect([start.average[0], start.updates, weights[0]]).toEqual([1, 0, 5]);
  const inPlace = update(start, weights, start.average);
  expect(inPlace.average).toBe(start.average);
  expect(inPlace.average).toEqual(next.average);
});
