// MixUp, CutMix and soft targets: ranges, distributions, and losses by hand.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawCutMix, drawMixUp, softTargets } from "../../src/learner/mixup.ts";
import { Generator } from "../../src/random/generator.ts";

test("MixUp: lambda from .5 on, a permutation of partners, mostly near 1 at alpha .4", () => {
  const { lambda, partner } = drawMixUp(4_000, new Generator({ seed: 1 }));
  expect(Math.min(...lambda)).toBeGreaterThanOrEqual(0.5);
  expect(Math.max(...lambda)).toBeLessThanOrEqual(1);
  expect([...partner].sort((a, b) => a - b)).toEqual([...partner.keys()]);
  // E max(B, 1 - B) = 1/2 + E|B - 1/2| = 1/2 + 2^(-2a) / (a B(a, a)) with B(.4, .4) = Gamma(.4)^2 / Gamma(.8) = 4.226169.
  const mean = lambda.reduce((sum, value) => sum + value, 0) / lambda.length;
  expect(Math.abs(mean - (0.5 + 2 ** -0.8 / (0.4 * 4.226169)))).toBeLessThan(0.012);
});

test("CutMix: one lambda per batch, what the box leaves; the box inside the photo", () => {
  fc.assert(
    fc.property(fc.integer({ min: 8, max: 300 }), fc.integer({ min: 8, max: 300 }), fc.nat(), (width, height, seed) => {
      const { lambda, box } = drawCutMix(3, width, height, new Generator({ seed }));
      for (const [low, high, length] of [[box.x0, box.x1, width] as const, [box.y0, box.y1, height] as const]) {
        expect(Number.isInteger(low) && Number.isInteger(high)).toBe(true);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeGreaterThanOrEqual(low);
        expect(high).toBeLessThanOrEqual(length);
      }
      const area = (box.x1 - box.x0) * (box.y1 - box.y0);
      for (const value of lambda) expect(value).toBeCloseTo(1 - area / (width * height), 6);
    }),
  );
});

test("CutMix at alpha 1: the unclipped box covers half on average, the clipped one less", () => {
  const lambdas = Array.from({ length: 3_000 }, (_, step) => {
    return drawCutMix(1, 200, 200, new Generator({ seed: 2, step })).lambda[0]!;
  });
  const mean = lambdas.reduce((sum, value) => sum + value, 0) / lambdas.length;
  // A side of s = sqrt(U) keeps s - s^2/4 of itself at a uniform centre: E[(s - s^2/4)^2] = 1/2 - 1/5 + 1/48.
  expect(Math.abs(mean - (1 - (1 / 2 - 1 / 5 + 1 / 48)))).toBeLessThan(0.02);
});

describe("soft targets", () => {
  const rows = (values: Float32Array, classes: number) =>
    Array.from({ length: values.length / classes }, (_, i) => [...values.slice(i * classes, (i + 1) * classes)]);
  const close = (values: Float32Array, expected: readonly number[]) => {
    expect(values).toHaveLength(expected.length);
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i]!, 6);
  };

  test("plain: one-hot", () => {
    expect(rows(softTargets([2, 0], 3), 3)).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ]);
  });

  test("smoothing .1 over five classes: .92 and .02", () => {
    close(softTargets([1], 5, { smoothing: 0.1 }), [0.02, 0.92, 0.02, 0.02, 0.02]);
  });

  test("mixed: lambda of the own class, the rest of the partner's, and both when they agree", () => {
    const mix = { lambda: Float32Array.of(0.75, 0.5, 1), partner: Uint32Array.of(1, 2, 0) };
    close(softTargets([0, 1, 1], 3, { mix }), [0.75, 0.25, 0, 0, 1, 0, 0, 1, 0]);
  });

  test("mixed and smoothed", () => {
    const mix = { lambda: Float32Array.of(0.7, 1), partner: Uint32Array.of(1, 0) };
    close(softTargets([0, 3], 4, { mix, smoothing: 0.2 }), [0.61, 0.05, 0.05, 0.29, 0.05, 0.05, 0.05, 0.85]);
  });
});
