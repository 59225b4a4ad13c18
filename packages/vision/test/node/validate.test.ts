// Validation and test-time augmentation on a toy network: rows in order, whatever the batches, and fastai's mean.

import { type Engine, localEngine } from "@ballsight/grad";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { AUGMENT_DEFAULTS } from "../../src/data/augment.ts";
import type { PhotoSource } from "../../src/learner/source.ts";
import { evaluationLogits, score, softmaxRows, testTimeAugmentation } from "../../src/learner/validate.ts";
import { TOY_SPEC, toySource, toyState } from "../helpers/toyNetwork.ts";

const engine: Engine = localEngine(ort);
const state = toyState();
const SIZE = 16;
// 35 photos: two batches of 16 and a short one.
const source = toySource(35, SIZE, SIZE);
const all = [...Array(35).keys()];
const NOTHING = { crop: null, flip: false, maxRotate: 0, maxZoom: 1, maxLighting: 0, maxWarp: 0 } as const;
const still = { ...AUGMENT_DEFAULTS, ...NOTHING };

const logitsOf = (from: PhotoSource, indices: readonly number[]) =>
  evaluationLogits(engine, TOY_SPEC, state, from, indices, SIZE);

const worst = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
};

/** The same photos, mirrored. */
const mirrored: PhotoSource = {
  ...source,
  readForEvaluation: async (indices) => {
    const bytes = await source.readForEvaluation(indices);
    return Uint8Array.from(bytes, (_, i) => {
      const [pixel, channel] = [Math.floor(i / 3), i % 3];
      return bytes[(pixel - (pixel % SIZE) + (SIZE - 1 - (pixel % SIZE))) * 3 + channel]!;
    });
  },
};

describe("evaluationLogits", () => {
  test("answers each photo as it does alone, in the order asked for", async () => {
    const together = await logitsOf(source, all);
    const backwards = await logitsOf(source, [...all].reverse());
    for (const index of [0, 15, 16, 31, 32, 34]) {
      const alone = await logitsOf(source, [index]);
      expect(worst(together.subarray(3 * index, 3 * index + 3), alone)).toBeLessThan(1e-5);
      const row = 34 - index;
      expect(worst(backwards.subarray(3 * row, 3 * row + 3), alone)).toBeLessThan(1e-5);
    }
    expect(new Set(together).size).toBeGreaterThan(90);
  });
});

describe("score", () => {
  test("is the mean smoothed cross-entropy, and the share that hits", () => {
    // Two photos, probabilities (1/2, 1/4, 1/4) and (1/10, 8/10, 1/10); classes 0 and 2.
    const logits = Float32Array.from([2, 1, 1, 1, 8, 1].map(Math.log));
    const { loss, accuracy, predicted, probabilities } = score(softmaxRows(logits, 3), [0, 2], 3, 0.3);
    const first = -(0.8 * Math.log(1 / 2) + 0.2 * Math.log(1 / 4));
    const second = -(0.8 * Math.log(1 / 10) + 0.1 * Math.log(1 / 10) + 0.1 * Math.log(8 / 10));
    expect(loss).toBeCloseTo((first + second) / 2, 5);
    expect(accuracy).toBe(0.5);
    expect([...predicted]).toEqual([0, 1]);
    expect(worst(probabilities, [0.5, 0.25, 0.25, 0.1, 0.8, 0.1])).toBeLessThan(1e-6);
  });

  test("softmax stands large scores", () => {
    expect(worst(softmaxRows(Float32Array.of(1000, 1000, -1000), 3), [0.5, 0.5, 0])).toBeLessThan(1e-6);
  });
});

describe("testTimeAugmentation", () => {
  const tta = (augment: typeof AUGMENT_DEFAULTS, more: { passes?: number; beta?: number; seed?: number } = {}) =>
    testTimeAugmentation(engine, TOY_SPEC, state, source, all, { size: SIZE, augment, seed: 1, ...more });

  test("without any change is the plain answer, for each photo of the short batch as well", async () => {
    const plain = softmaxRows(await logitsOf(source, all), 3);
    expect(worst(await tta(still), plain)).toBeLessThan(1e-4);
  });

  test("mixes the mean of its passes with the plain answer by beta", async () => {
    const plain = softmaxRows(await logitsOf(source, all), 3);
    const passes = await tta(AUGMENT_DEFAULTS, { beta: 0 });
    const mixed = await tta(AUGMENT_DEFAULTS);
    expect(worst(passes, plain)).toBeGreaterThan(1e-3);
    expect(
      worst(
        mixed,
        plain.map((value, i) => 0.25 * value + 0.75 * passes[i]!),
      ),
    ).toBeLessThan(1e-6);
    expect(await tta(AUGMENT_DEFAULTS, { beta: 1 })).toEqual(plain);
    expect(await tta(AUGMENT_DEFAULTS)).toEqual(mixed);
    expect(worst(await tta(AUGMENT_DEFAULTS, { seed: 2 }), mixed)).toBeGreaterThan(1e-4);
  });

  test("of mirrors is a share of passes of the mirrored photo's answer", async () => {
    const [plain, mirror] = [
      softmaxRows(await logitsOf(source, all), 3),
      softmaxRows(await logitsOf(mirrored, all), 3),
    ];
    const answers = await tta({ ...still, flip: true }, { beta: 0, passes: 4 });
    const shares = new Set<number>();
    for (const index of all) {
      const row = (values: Float32Array) => values.subarray(3 * index, 3 * index + 3);
      const fits = [0, 1, 2, 3, 4].filter((count) => {
        const mean = row(plain).map((value, k) => (value * (4 - count) + row(mirror)[k]! * count) / 4);
        return worst(row(answers), mean) < 1e-4;
      });
      expect(fits).not.toEqual([]);
      shares.add(fits[0]!);
    }
    expect(shares.size).toBeGreaterThan(2);
  });
});
