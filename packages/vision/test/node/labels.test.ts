// Heads and neighbours by ONNX Runtime against plain arithmetic, and wrong labels planted among clusters.

import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { findWrongLabels } from "../../src/labels/confident.ts";
import { centredRows, cosine, type Rows, unitRows } from "../../src/labels/features.ts";
import { LinearHeads } from "../../src/labels/linearHead.ts";
import { nearestRows } from "../../src/labels/nearest.ts";
import { outOfFold } from "../../src/labels/outOfFold.ts";
import { neighbourVotes } from "../../src/labels/votes.ts";
import { Generator } from "../../src/random/generator.ts";

/** Points around one centre per class, `spread` wide. */
function clusters(count: number, classes: number, width: number, spread: number, seed: number) {
  const random = new Generator({ seed });
  const centres = Array.from({ length: classes * width }, () => random.normal());
  const truth = Int32Array.from({ length: count }, (_, i) => i % classes);
  const data = new Float32Array(count * width);
  for (let i = 0; i < data.length; i++) {
    data[i] = centres[truth[Math.floor(i / width)]! * width + (i % width)]! + spread * random.normal();
  }
  return { truth, random, features: unitRows({ data, width }) };
}

describe("linear head", () => {
  test("two points: the weight solves its own equation", async () => {
    // Points +1 and -1, classes 0 and 1. By symmetry w = (s, -s), b = 0, P = 1 / (1 + e^-2s), and the gradient is 0 where P - 1 + decay s = 0.
    const features: Rows = { data: Float32Array.of(1, -1), width: 1 };
    const heads = await LinearHeads.open(ort, features, 2, 0.1);
    const probabilities = await heads.fit({ train: [0, 1], targets: [0, 1] });
    await heads.release();
    let [low, high] = [0, 10];
    for (let i = 0; i < 60; i++) {
      const s = (low + high) / 2;
      if (1 / (1 + Math.exp(-2 * s)) - 1 + 0.1 * s < 0) low = s;
      else high = s;
    }
    const expected = 1 / (1 + Math.exp(-2 * low));
    expect(probabilities[0]).toBeCloseTo(expected, 3);
    expect(probabilities[3]).toBeCloseTo(expected, 3);
  });

  test("rows that are not trained on change nothing", async () => {
    const { features, truth } = clusters(40, 2, 5, 0.5, 3);
    const centred = centredRows(features);
    const train = Array.from({ length: 30 }, (_, i) => i);
    const fit = async (targets: Int32Array) => {
      const heads = await LinearHeads.open(ort, centred, 2);
      const found = await heads.fit({ train, targets });
      await heads.release();
      return [...found];
    };
    const others = truth.map((k, i) => (i < 30 ? k : 1 - k));
    expect(await fit(others)).toEqual(await fit(truth));
  });
});

test("neighbours are those of plain arithmetic, over several blocks", async () => {
  const { features } = clusters(600, 7, 12, 1, 4);
  const { rows, cosines, k } = await nearestRows(ort, features, features, 6);
  expect(k).toBe(6);
  for (const query of [0, 255, 256, 599]) {
    const all = Array.from({ length: 600 }, (_, row) => [row, cosine(features, query, row)] as const);
    const nearest = all.sort((a, b) => b[1] - a[1]).slice(0, 6);
    expect([...rows.subarray(query * 6, query * 6 + 6)]).toEqual(nearest.map(([row]) => row));
    for (const [i, [, value]] of nearest.entries()) expect(cosines[query * 6 + i]).toBeCloseTo(value, 4);
  }
});

test("fewer rows than neighbours: all of them; none: none", async () => {
  const { features } = clusters(3, 3, 4, 1, 1);
  expect((await nearestRows(ort, features, features, 10)).k).toBe(3);
  expect((await nearestRows(ort, features, { data: new Float32Array(0), width: 4 }, 10)).rows).toHaveLength(0);
});

test("votes of the nearest: weighted by nearness, mixed with all classes alike, and none from a copy", async () => {
  // Angles of 0, 0.2 and 0.3 radians; the fourth row is a copy of the first.
  const at = [0, 0.2, 0.3, 0];
  const features: Rows = { data: Float32Array.from(at.flatMap((a) => [Math.cos(a), Math.sin(a)])), width: 2 };
  const votes = await neighbourVotes({
    runtime: ort,
    features,
    targets: [0, 0, 1, 1],
    classes: 2,
    groups: [0, 1, 2, 0],
  });
  const [near, far] = [0.2, 0.3].map((angle) => Math.exp(Math.cos(angle) / 0.05)) as [number, number];
  expect(votes[0]).toBeCloseTo((5 / 6) * (near / (near + far)) + 1 / 12, 4);
  expect(votes[1]).toBeCloseTo((5 / 6) * (far / (near + far)) + 1 / 12, 4);
  const alone = await neighbourVotes({
    runtime: ort,
    features,
    targets: [0, 0, 1, 1],
    classes: 2,
    groups: [0, 0, 0, 0],
  });
  expect([...alone]).toEqual(new Array(8).fill(0.5));
});

test("labels swapped among clusters are found out of fold, and little else", async () => {
  const { features, truth, random } = clusters(600, 6, 24, 0.6, 8);
  const swapped = new Set(random.permutation(600).slice(0, 30));
  const targets = truth.map((k, row) => (swapped.has(row) ? (k + 1 + random.integer(5)) % 6 : k));
  const groups = Int32Array.from(truth, (_, i) => i);
  const probabilities = await outOfFold({ runtime: ort, features, targets, classes: 6, groups });
  const { doubts } = findWrongLabels({ probabilities, targets, classes: 6 });
  const hits = doubts.filter(({ row }) => swapped.has(row));
  expect(hits.length).toBeGreaterThanOrEqual(28);
  expect(doubts.length).toBeLessThanOrEqual(33);
  expect(hits.filter(({ row, suggested }) => suggested === truth[row]).length).toBe(hits.length);
});
