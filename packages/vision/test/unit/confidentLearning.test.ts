// Confident learning against numbers worked out by hand, and planted errors that must come back.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  calibratedJoint,
  classThresholds,
  confidentJoint,
  doubtOf,
  findWrongLabels,
  type LabelledProbabilities,
} from "../../src/labels/confident.ts";
import { Generator } from "../../src/random/generator.ts";

const labelled = (targets: readonly number[], ...rows: readonly (readonly number[])[]): LabelledProbabilities => ({
  probabilities: Float32Array.from(rows.flat()),
  targets,
  classes: rows[0]!.length,
});

// Means of the own class: (.9 + .8 + .1) / 3 and (.7 + .9 + .2) / 3, both 0.6.
const six = labelled([0, 0, 0, 1, 1, 1], [0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.1, 0.9], [0.8, 0.2]);

describe("six photos of two classes, by hand", () => {
  test("thresholds are the mean self-confidence; a class without photos has one that nothing reaches", () => {
    const [a, b] = classThresholds(six);
    expect(a).toBeCloseTo(0.6, 6);
    expect(b).toBeCloseTo(0.6, 6);
    expect(classThresholds(labelled([0], [0.5, 0.5]))[1]).toBe(2);
  });

  test("the joint counts each photo once", () => {
    expect(confidentJoint(six)).toEqual([
      [2, 1],
      [1, 2],
    ]);
  });

  test("one label of each class is wrong, a third of them", () => {
    const { doubts, noise, joint } = findWrongLabels(six);
    expect(doubts.map(({ row, suggested }) => [row, suggested])).toEqual([
      [2, 1],
      [5, 0],
    ]);
    expect(doubts[0]!.margin).toBeCloseTo(0.1, 6);
    expect(doubts[1]!.margin).toBeCloseTo(0.2, 6);
    expect(doubts[1]!.selfConfidence).toBeCloseTo(0.2, 6);
    expect(noise).toBeCloseTo(1 / 3, 9);
    expect(joint.flat().reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
  });
});

test("a photo that reaches several thresholds counts for its most probable class of all, reached or not", () => {
  // t0 = (.3 + .2) / 2, t1 = .25, t2 = .9: the first row reaches 0 and 1, and 2 is its largest.
  const rows = labelled([0, 0, 1, 2], [0.3, 0.3, 0.4], [0.2, 0.1, 0.7], [0.1, 0.25, 0.65], [0.05, 0.05, 0.9]);
  expect(confidentJoint(rows)).toEqual([
    [1, 0, 1],
    [0, 1, 0],
    [0, 0, 1],
  ]);
});

test("calibrated rows have as many photos as labels, rounded by largest remainders", () => {
  const targets = [...new Array(10).fill(0), ...new Array(3).fill(1)];
  const counts = calibratedJoint(
    [
      [3, 1],
      [1, 1],
    ],
    { targets, probabilities: new Float32Array(0), classes: 2 },
  );
  // 7.5 and 2.5, 1.5 and 1.5: the earlier of equal remainders goes up.
  expect(counts).toEqual([
    [8, 2],
    [2, 1],
  ]);
});

test("where the given label is as probable as another, it is not doubted", () => {
  expect(doubtOf(labelled([1], [0.5, 0.5]), 0)).toEqual({ row: 0, suggested: 1, margin: 0.5, selfConfidence: 0.5 });
});

test.each([0.05, 0.1])("%f of the labels swapped: all are found and nothing else", (share) => {
  const random = new Generator({ seed: 5 });
  const [count, classes] = [2000, 5];
  const truth = Array.from({ length: count }, () => random.integer(classes));
  const swapped = new Set(random.permutation(count).slice(0, share * count));
  const targets = truth.map((k, row) => (swapped.has(row) ? (k + 1 + random.integer(classes - 1)) % classes : k));
  const rows = truth.map((k) => {
    // Equally sure of each: all reach their thresholds, so that the joint is the truth.
    return Array.from({ length: classes }, (_, j) => (j === k ? 0.9 : 0.1 / (classes - 1)));
  });
  const { doubts, noise } = findWrongLabels(labelled(targets, ...rows));
  expect(new Set(doubts.map(({ row }) => row))).toEqual(swapped);
  for (const { row, suggested } of doubts) expect(suggested).toBe(truth[row]);
  expect(noise).toBeCloseTo(share, 2);
});

test("whatever the probabilities: every doubt names another class, classes keep a photo, shares sum to 1", () => {
  const sets = fc.integer({ min: 2, max: 5 }).chain((classes) =>
    fc.array(
      fc.record({
        target: fc.nat(classes - 1),
        weights: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: classes, maxLength: classes }),
      }),
      { minLength: 1, maxLength: 40 },
    ),
  );
  fc.assert(
    fc.property(sets, (photos) => {
      const rows = photos.map(({ weights }) => {
        const sum = weights.reduce((total, weight) => total + weight, 0);
        return weights.map((weight) => (sum === 0 ? 1 / weights.length : weight / sum));
      });
      const targets = photos.map(({ target }) => target);
      const { doubts, joint } = findWrongLabels(labelled(targets, ...rows));
      const found = new Set(doubts.map(({ row }) => row));
      expect(found.size).toBe(doubts.length);
      for (const { row, suggested, margin } of doubts) {
        expect(suggested).not.toBe(targets[row]);
        expect(rows[row]![suggested]).toBeGreaterThan(rows[row]![targets[row]!]!);
        expect(margin).toBeLessThanOrEqual(0.5);
      }
      for (const k of new Set(targets)) {
        expect([...targets.keys()].some((row) => targets[row] === k && !found.has(row))).toBe(true);
      }
      expect(joint.flat().reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6);
      const margins = doubts.map(({ margin }) => margin);
      expect(margins).toEqual(margins.toSorted((a, b) => a - b));
    }),
  );
});
