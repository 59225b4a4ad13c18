// Training batches: addressed by seed, epoch and step alone, every photo at most once per epoch, and what each input holds.

import type { TrainProgram } from "@ballsight/grad";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BatchPlace, balancedOrder, epochOrder, makeBatch } from "../../src/learner/batches.ts";
import { balancedWeights, epochBatches } from "../../src/learner/epoch.ts";
import { TOY_CONFIG, toySource } from "../helpers/toyNetwork.ts";

const MASKS = [{ name: "drop", p: 0.25, shape: [4, 500] }];
const PROGRAM = { masks: MASKS } as unknown as TrainProgram;
const source = toySource(12);
const batch = (place: BatchPlace, indices = [3, 1, 8, 6], config = {}) =>
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

describe("a balanced order", () => {
  const counts = (values: readonly number[]) => {
    const found = new Map<number, number>();
    for (const value of values) found.set(value, (found.get(value) ?? 0) + 1);
    return found;
  };

  test("visits as many photos, each class equally often and the photos of a class as evenly as can be", () => {
    const photos = fc.array(fc.nat(4), { minLength: 5, maxLength: 60 });
    fc.assert(
      fc.property(photos, fc.nat(1000), fc.nat(100), (targets, seed, epoch) => {
        const train = [...targets.keys()].reverse();
        const order = balancedOrder(train, targets, seed, epoch);
        expect(order).toHaveLength(train.length);
        expect(balancedOrder(train, targets, seed, epoch)).toEqual(order);
        const perClass = counts(order.map((index) => targets[index]!));
        expect([...perClass.keys()].sort()).toEqual([...new Set(targets)].sort().slice(0, perClass.size));
        for (const target of new Set(targets)) {
          const visits = perClass.get(target) ?? 0;
          expect(Math.abs(visits - train.length / new Set(targets).size)).toBeLessThan(1);
          const perPhoto = counts(order.filter((index) => targets[index] === target));
          const size = targets.filter((other) => other === target).length;
          expect(perPhoto.size).toBe(Math.min(size, visits));
          for (const times of perPhoto.values()) expect(Math.abs(times - visits / size)).toBeLessThan(1);
        }
      }),
    );
  });

  test("mixes the classes, and is another one in each epoch", () => {
    const targets = [...new Array(90).fill(0), ...new Array(10).fill(1)];
    const train = [...targets.keys()];
    const [first, second] = [0, 1].map((epoch) => balancedOrder(train, targets, 3, epoch));
    expect(first).not.toEqual(second);
    // 50 of each; in any half of the order, 25 give or take three standard deviations of the hypergeometric draw (2.5).
    const rare = first!.slice(0, 50).filter((index) => targets[index] === 1).length;
    expect(Math.abs(rare - 25)).toBeLessThan(8);
  });

  test("balanced weights: n / (classes · photos of the class), mean 1 over the photos", () => {
    const targets = [0, 0, 0, 0, 0, 0, 1, 1, 3];
    const weights = balancedWeights([...targets.keys()], targets, 4);
    // Nine photos in three classes; class 2 has none and is never asked.
    expect(weights).toEqual([0.5, 1.5, 1, 3]);
    expect(targets.reduce((sum, target) => sum + weights[target]!, 0)).toBe(9);
  });
});

test("balanced and weighed, an epoch evens out the classes once, not twice", async () => {
  const rare = { ...source, targets: source.targets.map((_, index) => (index < 2 ? 0 : 1)) };
  const config = { ...TOY_CONFIG, batch: 6, labelSmoothing: 0, classWeights: true };
  const train = [...Array(12).keys()];
  const place = { epoch: 0, first: 0, size: 16 };
  for (const balance of [true, false]) {
    const sums = [0, 0, 0];
    for await (const { targets } of epochBatches(rare, train, { ...config, balance }, PROGRAM, place))
      for (const [i, value] of (targets!.data as Float32Array).entries()) sums[i % 3]! += value;
    for (const [i, sum] of [6, 6, 0].entries()) expect(sums[i]).toBeCloseTo(sum, 5);
  }
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

  test("weighs the targets of each class where that is asked for", async () => {
    const plain = await batch({ epoch: 0, step: 0 });
    const weighed = await batch({ epoch: 0, step: 0, classWeights: [0.5, 2, 1] });
    for (const [i, value] of (plain.targets!.data as Float32Array).entries())
      expect(weighed.targets!.data[i]).toBeCloseTo(value * [0.5, 2, 1][i % 3]!, 6);
  });
});

describe("CutMix", () => {
  const config = { cutmix: 1, labelSmoothing: 0 };
  const cut = async (step: number, more = {}) => {
    const { targets, mixup_lambda, mixup_partner, cutmix_box } = await batch({ epoch: 0, step, size: 40 }, undefined, {
      ...config,
      ...more,
    });
    const [x0, y0, x1, y1] = [...(cutmix_box!.data as Float32Array)] as [number, number, number, number];
    return {
      targets: [...(targets!.data as Float32Array)],
      lambda: [...(mixup_lambda!.data as Float32Array)],
      partner: [...(mixup_partner!.data as BigInt64Array)].map(Number),
      box: [x0, y0, x1, y1],
      covered: ((x1 - x0) * (y1 - y0)) / 1600,
    };
  };

  test("gives each class the share of the photo that shows it", async () => {
    const own = [0, 1, 2, 0];
    for (let step = 0; step < 20; step++) {
      const { targets, lambda, partner, box, covered } = await cut(step);
      expect(lambda).toEqual([1, 1, 1, 1]);
      expect(box.every((edge) => Number.isInteger(edge) && edge >= 0 && edge <= 40)).toBe(true);
      const expected = own.flatMap((target, row) =>
        [0, 1, 2].map((k) => (k === target ? 1 - covered : 0) + (k === own[partner[row]!] ? covered : 0)),
      );
      for (const [i, value] of targets.entries()) expect(value).toBeCloseTo(expected[i]!, 6);
    }
  });

  test("and MixUp together: each batch gets one of the two, about as often", async () => {
    let cuts = 0;
    for (let step = 0; step < 60; step++) {
      const { lambda, covered, box } = await cut(step, { mixup: 0.4 });
      if (lambda.every((value) => value === 1)) cuts += 1;
      else expect([covered, ...box]).toEqual([0, 0, 0, 0, 0]);
    }
    // 60 fair draws: three standard deviations are 11.6.
    expect(Math.abs(cuts - 30)).toBeLessThan(12);
  });
});

describe("a step in parts", () => {
  const photos = [3, 1, 8, 6];
  const parts = (config = {}) =>
    Promise.all(
      [0, 1].map((part) =>
        makeBatch(
          source,
          photos,
          { ...TOY_CONFIG, ...config },
          { masks: [{ ...MASKS[0]!, shape: [2, 500] }] } as never,
          {
            epoch: 1,
            step: 4,
            part,
            parts: 2,
          },
        ),
      ),
    );

  test("holds the photos, the draws and the masks of the whole", async () => {
    const whole = await batch({ epoch: 1, step: 4 }, photos);
    const halves = await parts();
    for (const name of Object.keys(whole)) {
      const joined = halves.flatMap((half) => [...(half[name]!.data as Float32Array)]);
      expect(joined, name).toEqual([...(whole[name]!.data as Float32Array)]);
      expect(halves[0]![name]!.dims[0], name).toBe(2);
    }
  });

  test("mixes within each part, each by its own draws", async () => {
    const [first, second] = await parts({ mixup: 0.4 });
    for (const half of [first, second])
      expect([...(half!.mixup_partner!.data as BigInt64Array)].sort()).toEqual([0n, 1n]);
    expect(first!.mixup_lambda).not.toEqual(second!.mixup_lambda);
  });
});
