// Temperatures: known ones are found again, accuracy stays, and what is told of calibration is not told by the photos it was fitted on.

import { describe, expect, test } from "vitest";
import { atTemperature, calibrate, fitTemperature } from "../../src/learner/calibrate.ts";
import { argmaxRows, expectedCalibrationError, reliabilityBins } from "../../src/learner/metrics.ts";
import { softmaxRows } from "../../src/learner/validate.ts";
import { Generator } from "../../src/random/generator.ts";

const CLASSES = 4;

/** Logits, and classes drawn by the probabilities that those logits mean: calibrated by construction. */
function calibrated(count: number, seed: number) {
  const random = new Generator({ seed });
  const logits = Float32Array.from({ length: count * CLASSES }, () => random.normal(0, 2));
  const probabilities = softmaxRows(logits, CLASSES);
  const targets = Int32Array.from({ length: count }, (_, row) => {
    let left = random.uniform();
    for (let k = 0; k < CLASSES; k++) {
      left -= probabilities[row * CLASSES + k]!;
      if (left < 0) return k;
    }
    return CLASSES - 1;
  });
  return { logits, targets };
}

describe("a fitted temperature", () => {
  test.each([0.5, 0.8, 1, 2])("finds the %d by which true logits were multiplied", (factor) => {
    const { logits, targets } = calibrated(20_000, 3);
    const answers = softmaxRows(
      logits.map((value) => value * factor),
      CLASSES,
    );
    // 20,000 photos: the fit's standard error is near one hundredth.
    expect(Math.abs(fitTemperature(answers, targets, CLASSES) / factor - 1)).toBeLessThan(0.04);
  });

  test("is the best of its neighbours by cross-entropy", () => {
    const { logits, targets } = calibrated(300, 5);
    const answers = softmaxRows(logits, CLASSES);
    const loss = (temperature: number) => {
      const scaled = atTemperature(answers, CLASSES, temperature);
      return [...targets].reduce((sum, target, row) => sum - Math.log(scaled[row * CLASSES + target]!), 0);
    };
    const best = fitTemperature(answers, targets, CLASSES);
    for (const factor of [0.97, 1.03]) expect(loss(best)).toBeLessThan(loss(best * factor));
  });

  test("stays within limits where every answer is right, or wrong, and is 1 without photos", () => {
    const sure = Float32Array.of(0.9, 0.1, 0.2, 0.8);
    expect(fitTemperature(sure, [0, 1], 2)).toBeCloseTo(0.05, 5);
    expect(fitTemperature(sure, [1, 0], 2)).toBeCloseTo(20, 3);
    expect(fitTemperature(new Float32Array(0), [], 2)).toBe(1);
    expect(fitTemperature(Float32Array.of(1, 0, 0, 1), [0, 0], 2)).toBeGreaterThan(0);
  });

  test("changes no answer", () => {
    const { logits } = calibrated(200, 7);
    const answers = softmaxRows(logits, CLASSES);
    for (const temperature of [0.3, 3])
      expect(argmaxRows(atTemperature(answers, CLASSES, temperature), CLASSES)).toEqual(argmaxRows(answers, CLASSES));
    for (const [i, value] of atTemperature(answers, CLASSES, 1).entries()) expect(value).toBeCloseTo(answers[i]!, 5);
  });
});

describe("a calibration", () => {
  test("mends answers that are too unsure, as seen on photos that it was not fitted on", () => {
    const { logits, targets } = calibrated(4_000, 11);
    const unsure = softmaxRows(
      logits.map((value) => value * 0.5),
      CLASSES,
    );
    const { temperature, before, crossFitted } = calibrate(unsure, targets, CLASSES);
    expect(temperature).toBeGreaterThan(0.45);
    expect(temperature).toBeLessThan(0.55);
    expect(before).toBeCloseTo(expectedCalibrationError(reliabilityBins(unsure, targets, CLASSES)), 9);
    expect(before).toBeGreaterThan(0.1);
    expect(crossFitted).toBeLessThan(0.03);
  });

  test("measures each half by the other's temperature: halves that contradict each other look bad", () => {
    // Even rows always right, odd ones always wrong: each half's temperature is the worst for the other.
    const answers = Float32Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 0.7 : 0.3));
    const targets = Int32Array.from({ length: 20 }, (_, row) => row % 2);
    const { before, crossFitted } = calibrate(answers, targets, 2);
    expect(before).toBeCloseTo(0.2, 5);
    expect(crossFitted).toBeGreaterThan(0.45);
  });
});
