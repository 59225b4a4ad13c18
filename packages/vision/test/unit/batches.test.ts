// Training batches: addressed by seed, epoch and step alone, every photo at most once per epoch, and what each input holds.

import type { TrainProgram } from "@ballsight/grad";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { epochOrder, makeBatch } from "../../src/learner/batches.ts";
import { TOY_CONFIG, toySource } from "../helpers/toyNetwork.ts";

const MASKS = [{ name: "drop", p: 0.25, shape: [4, 500] }];
const PROGRAM = { masks: MASKS } as unknown as TrainProgram;
const source = toySource(12);
const batch = (place: { epoch: number; step: number }, indices = [3, 1, 8, 6], config = {}) =>
  makeBatch(source, indices, { ...TOY_CONFIG, ...config }, PROGRAM, place);

describe("the order of an epoch", () => {
  test("is a permutation of the training photos, another one for each epoch and seed", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(10_000), { minLength: 8, maxLength: 60 }),
        fc.nat(1000),
        fc.nat(100),
        (train, seed, epoch) => {
          const order = epochOrder(train, seed, epoch);
          expect([...order].sort((a, b) => a - b)).toEqual([...train].sort((a, b) => a - b));
          expect(epochOrder(train, seed, epoch)).toEqual(order);
        },
      ),
    );
    const train = [...Array(50).keys()];
    const orders = [0, 1, 2].flatMap((epoch) => [1, 2].map((seed) => epochOrder(train, seed, epoch).join()));
    expect(new Set(orders).size).toBe(6);
  });
});

describe("a batch", () => {
  test("is the same at the same place, and another one at another step, epoch or seed", async () => {
    const place = { epoch: 2, step: 5 };
    const config = { mixup: 0.4 };
    const first = await batch(place, undefined, config);
    expect(await batch(place, undefined, config)).toEqual(first);
    for (const [other, changed] of [
      [{ epoch: 2, step: 6 }, config],
      [{ epoch: 3, step: 5 }, config],
      [place, { ...config, seed: 2 }],
    ] as const) {
      const second = await batch(other, undefined, changed);
      for (const name of ["matrices", "brightness", "contrast", "mixup_lambda", "drop"])
        expect(second[name]!.data).not.toEqual(first[name]!.data);
      expect(second.pixels).toEqual(first.pixels);
    }
  });

  test("holds the photos asked for, their smoothed targets and a mask that keeps the mean", async () => {
    const { pixels, targets, drop, ...rest } = await batch({ epoch: 0, step: 0 });
    expect(pixels!.dims).toEqual([4, 20, 20, 3]);
    expect(pixels!.data).toEqual(await source.read([3, 1, 8, 6]));
    // Smoothing 0.1 over three classes: 0.1 / 3 for each, 0.9 more for the photo's own (index mod 3).
    const [low, high] = [0.1 / 3, 0.9 + 0.1 / 3];
    const rows = [0, 1, 2, 0].flatMap((target) => [0, 1, 2].map((k) => (k === target ? high : low)));
    for (const [i, value] of rows.entries()) expect(targets!.data[i]).toBeCloseTo(value, 6);
    expect(new Set(drop!.data as Float32Array)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    // 2,000 draws of p = 0.25: three standard deviations are 0.029.
    const dropped = [...(drop!.data as Float32Array)].filter((value) => value === 0).length / 2000;
    expect(Math.abs(dropped - 0.25)).toBeLessThan(0.029);
    expect(Object.keys(rest).sort()).toEqual(["brightness", "contrast", "matrices"]);
  });

  test("with MixUp mixes targets as it mixes photos", async () => {
    const { targets, mixup_lambda, mixup_partner } = await batch({ epoch: 0, step: 1 }, undefined, {
      mixup: 0.4,
      labelSmoothing: 0,
    });
    const own = [0, 1, 2, 0];
    const partner = [...(mixup_partner!.data as BigInt64Array)].map(Number);
    expect([...partner].sort()).toEqual([0, 1, 2, 3]);
    for (let row = 0; row < 4; row++) {
      const lambda = mixup_lambda!.data[row] as number;
      expect(lambda).toBeGreaterThanOrEqual(0.5);
      const expected = [0, 0, 0];
      expected[own[row]!]! += lambda;
      expected[own[partner[row]!]!]! += 1 - lambda;
      for (let k = 0; k < 3; k++) expect(targets!.data[3 * row + k]).toBeCloseTo(expected[k]!, 6);
    }
  });

  test("keeps its other draws when MixUp is turned off", async () => {
    const plain = await batch({ epoch: 1, step: 1 });
    const mixed = await batch({ epoch: 1, step: 1 }, undefined, { mixup: 0.4 });
    for (const name of ["matrices", "brightness", "contrast", "drop"]) expect(mixed[name]).toEqual(plain[name]);
  });
});
