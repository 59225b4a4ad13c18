// Metrics against numbers worked out by hand or taken from the literature.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  accuracy,
  argmaxRows,
  classScores,
  confusionMatrix,
  crossEntropies,
  expectedCalibrationError,
  macroScores,
  mostConfused,
  reliabilityBins,
  smoothLoss,
  topLosses,
  wilsonInterval,
} from "../../src/learner/metrics.ts";

// Eight photos of classes 0, 1, 2: two of the three 0s right, two of the four 1s, the 2 wrong.
const targets = [0, 0, 0, 1, 1, 1, 1, 2];
const predictions = [0, 0, 1, 1, 1, 0, 0, 1];
const confusion = [
  [2, 1, 0],
  [2, 2, 0],
  [0, 1, 0],
];

test("accuracy", () => {
  expect(accuracy(predictions, targets)).toBe(0.5);
  expect(accuracy([1, 1, 1, 0], [1, 1, 1, 1])).toBe(0.75);
  expect(accuracy([], [])).toBeNaN();
});

test("argmax of rows takes the first on a tie and stands negative values", () => {
  expect([...argmaxRows([-3, -1, -2, 5, 5, 0], 3)]).toEqual([1, 0]);
});

test("confusion: rows actual, columns predicted", () => {
  expect(confusionMatrix(predictions, targets, 3)).toEqual(confusion);
});

test("precision, recall, F1, support; 0 where nothing was called so", () => {
  const [first, second, third] = classScores(confusion);
  expect(first).toEqual({ precision: 2 / 4, recall: 2 / 3, f1: 4 / 7, support: 3 });
  expect(second).toEqual({ precision: 2 / 4, recall: 2 / 4, f1: 0.5, support: 4 });
  expect(third).toEqual({ precision: 0, recall: 0, f1: 0, support: 1 });
});

test("most confused pairs: by count, then in the order of the matrix, from the minimum on", () => {
  const pairs = mostConfused(confusion).map(({ actual, predicted, count }) => [actual, predicted, count]);
  expect(pairs).toEqual([
    [1, 0, 2],
    [0, 1, 1],
    [2, 1, 1],
  ]);
  expect(mostConfused(confusion, 2)).toEqual([{ actual: 1, predicted: 0, count: 2 }]);
});

test("smoothed loss: the first value is the loss itself, the second leans to the newer", () => {
  const first = smoothLoss.update(smoothLoss.init(), 2);
  expect(smoothLoss.value(first)).toBeCloseTo(2, 12);
  // (.98 * .02 * 2 + .02 * 1) / (1 - .98^2) = .0592 / .0396
  expect(smoothLoss.value(smoothLoss.update(first, 1))).toBeCloseTo(1.494949, 6);
  expect(smoothLoss.value(smoothLoss.init())).toBeNaN();
});

describe("Wilson's interval", () => {
  test.each([
    // The four examples of Newcombe 1998 (Statistics in Medicine 17, 857-872), score method.
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])("%d of %d", (hits, count, low, high) => {
    const interval = wilsonInterval(hits, count);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  test("the ends solve (p - share)^2 = z^2 p (1 - p) / n", () => {
    const { low, high } = wilsonInterval(460, 497);
    for (const p of [low, high])
      expect(((p - 460 / 497) ** 2 * 497) / (p * (1 - p))).toBeCloseTo(1.959963984540054 ** 2, 9);
  });

  test("knows nothing without samples", () => expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 }));

  test("holds the share and stays in [0, 1]", () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
        const count = n + 1;
        const hits = Math.round(share * count);
        const { low, high } = wilsonInterval(hits, count);
        expect(low).toBeLessThanOrEqual(hits / count + 1e-12);
        expect(high).toBeGreaterThanOrEqual(hits / count - 1e-12);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("macro average", () => {
  const macro = (actual: number[], predicted: number[], classes: number) =>
    macroScores(classScores(confusionMatrix(predicted, actual, classes)));

  test("the example of scikit-learn's classification_report", () => {
    const { precision, recall, f1, support } = macro([0, 1, 2, 2, 2], [0, 0, 2, 2, 1], 3);
    expect([precision, recall, f1].map((value) => value.toFixed(2))).toEqual(["0.50", "0.56", "0.49"]);
    expect(support).toBe(5);
  });

  test("the example of scikit-learn's balanced_accuracy_score; a class without samples does not count", () => {
    expect(macro([0, 1, 0, 0, 1, 0], [0, 1, 0, 0, 0, 1], 2).recall).toBeCloseTo(0.625, 12);
    expect(macro([0, 1, 0, 0, 1, 0], [0, 1, 0, 0, 0, 1], 9).recall).toBeCloseTo(0.625, 12);
  });
});

describe("losses", () => {
  // scikit-learn's log_loss example: ham 0, spam 1.
  const probabilities = [0.1, 0.9, 0.9, 0.1, 0.8, 0.2, 0.35, 0.65];
  const losses = crossEntropies(probabilities, [1, 0, 0, 1], 2);

  test("the mean is scikit-learn's log_loss", () => {
    expect(losses.reduce((sum, loss) => sum + loss, 0) / 4).toBeCloseTo(0.21616187468057912, 12);
  });

  test("certain and wrong stays finite, certain and right is 0", () => {
    expect([...crossEntropies([1, 0, 1, 0], [0, 1], 2)]).toEqual([0, -Math.log(1e-12)]);
  });

  test("the largest come first, equal ones in their order", () => {
    expect(topLosses(losses, 2)).toEqual([3, 2]);
    expect(topLosses([1, 3, 3, 2], 9)).toEqual([1, 2, 3, 0]);
  });
});

describe("calibration", () => {
  // Ten bins. (.7, .8]: confidences .8 hit, .75 miss. (.9, 1]: 1 hit, .95 hit.
  const bins = reliabilityBins([0.8, 0.2, 0.25, 0.75, 1, 0, 0.05, 0.95], [0, 0, 0, 1], 2, 10);

  test("bins by hand, both ends", () => {
    expect(bins.map(({ count }) => count)).toEqual([0, 0, 0, 0, 0, 0, 0, 2, 0, 2]);
    expect(bins[7]).toEqual({ low: 0.7, high: 0.8, count: 2, confidence: (0.8 + 0.75) / 2, accuracy: 0.5 });
    expect(bins[9]).toMatchObject({ low: 0.9, high: 1, confidence: 0.975, accuracy: 1 });
    expect(bins[0]).toMatchObject({ confidence: Number.NaN, accuracy: Number.NaN });
  });

  test("expected error by hand: |.5 - .775| * 2/4 + |1 - .975| * 2/4", () => {
    expect(expectedCalibrationError(bins)).toBeCloseTo(0.1375 + 0.0125, 12);
    expect(expectedCalibrationError([])).toBeNaN();
  });

  test("certain and right is 0, certain and wrong is 1", () => {
    expect(expectedCalibrationError(reliabilityBins([1, 0, 0, 1], [0, 1], 2))).toBe(0);
    expect(expectedCalibrationError(reliabilityBins([1, 0, 0, 1], [1, 0], 2))).toBe(1);
  });

  test("float32 above 1 by rounding belongs to the last bin", () => {
    expect(reliabilityBins([1.0000001, 0], [0], 2).at(-1)).toMatchObject({ count: 1, accuracy: 1 });
  });
});
