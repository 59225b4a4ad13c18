// Perceptual hashes against the definition of the DCT, mirrored and turned pictures, and the index against a look at every photo.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Label, render } from "../../../render/src/index.ts";
import { HashIndex } from "../../src/hash/hashIndex.ts";
import { hammingDistance, orientedHashes, type PhotoHash, perceptualHash } from "../../src/hash/perceptual.ts";

const SIDE = 32;

/** Rec. 601 grey, box-filtered to 32 x 32. */
function greyOf(ball: Label, seed: number, size = 128): Float32Array {
  const { data } = render({ ball, size, seed });
  const step = size / SIDE;
  return Float32Array.from({ length: SIDE * SIDE }, (_, i) => {
    let sum = 0;
    for (let y = 0; y < step; y++) {
      for (let x = 0; x < step; x++) {
        const at = 3 * ((Math.floor(i / SIDE) * step + y) * size + (i % SIDE) * step + x);
        sum += 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
      }
    }
    return sum / (step * step);
  });
}

/** The hash by definition: a DCT-II of 32 x 32 by its double sum, 8 x 8 of it against the median of 63. */
function slowHash(grey: Float32Array): string {
  const block = Array.from({ length: 64 }, (_, i) => {
    let sum = 0;
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const cosines =
          Math.cos((Math.PI * (x + 0.5) * (i % 8)) / SIDE) * Math.cos((Math.PI * (y + 0.5) * (i >> 3)) / SIDE);
        sum += grey[y * SIDE + x]! * cosines;
      }
    }
    const scale = (frequency: number) => (frequency === 0 ? Math.SQRT1_2 : 1);
    return sum * scale(i % 8) * scale(i >> 3);
  });
  const median = block.slice(1).sort((a, b) => a - b)[31]!;
  return block.map((value) => (value >= median ? "1" : "0")).join("");
}

const bits = ({ high, low }: PhotoHash) => high.toString(2).padStart(32, "0") + low.toString(2).padStart(32, "0");

const mapped = (grey: Float32Array, from: (x: number, y: number) => readonly [number, number]) =>
  grey.map((_, i) => {
    const [x, y] = from(i % SIDE, Math.floor(i / SIDE));
    return grey[y * SIDE + x]!;
  });

const LAST = SIDE - 1;
const WAYS: readonly (readonly [string, (x: number, y: number) => readonly [number, number]])[] = [
  ["as it is", (x, y) => [x, y]],
  ["mirrored left to right", (x, y) => [LAST - x, y]],
  ["mirrored top to bottom", (x, y) => [x, LAST - y]],
  ["turned by half", (x, y) => [LAST - x, LAST - y]],
  ["transposed", (x, y) => [y, x]],
  ["a quarter to the right", (x, y) => [y, LAST - x]],
  ["a quarter to the left", (x, y) => [LAST - y, x]],
  ["transposed the other way", (x, y) => [LAST - y, LAST - x]],
];

test("is what the definition gives", () => {
  for (const seed of [1, 2, 3]) {
    const grey = greyOf("Tennis", seed);
    expect(bits(perceptualHash(grey)!)).toBe(slowHash(grey));
  }
});

test.each(WAYS)("finds the picture %s", (_, from) => {
  const grey = greyOf("Football", 5);
  const other = perceptualHash(mapped(grey, from))!;
  const distances = orientedHashes(grey).map((hash) => hammingDistance(hash, other));
  expect(distances.filter((distance) => distance === 0)).toHaveLength(1);
  expect(orientedHashes(grey)).toHaveLength(8);
  expect(orientedHashes(grey)[0]).toEqual(perceptualHash(grey));
});

test("different photos are far apart, slightly changed ones near", () => {
  const hashes = ["Tennis", "Golf", "Football", "Basketball"].map((ball) => greyOf(ball as Label, 9));
  for (const [i, a] of hashes.entries()) {
    const darker = a.map((value, j) => 0.8 * value + ((j * 7919) % 5));
    expect(hammingDistance(perceptualHash(a)!, perceptualHash(darker)!)).toBeLessThanOrEqual(4);
    for (const b of hashes.slice(i + 1)) {
      expect(hammingDistance(perceptualHash(a)!, perceptualHash(b)!)).toBeGreaterThan(10);
    }
  }
});

describe("pictures without a meaningful hash", () => {
  const flat: readonly (readonly [string, (x: number, y: number) => number])[] = [
    ["one colour", () => 128],
    ["black", () => 0],
    ["a gradient", (x) => 8 * x],
    ["one colour with a JPEG's noise", (x, y) => 128 + ((x * 31 + y * 17) % 3) - 1],
  ];
  test.each(flat)("%s", (_, value) => {
    const grey = Float32Array.from({ length: SIDE * SIDE }, (_, i) => value(i % SIDE, Math.floor(i / SIDE)));
    expect(perceptualHash(grey)).toBeUndefined();
    expect(orientedHashes(grey)).toEqual([]);
  });
});

test("takes 1024 values and no other number", () => {
  expect(() => perceptualHash(new Float32Array(64))).toThrow("expected 1024 grey values but received 64");
});

describe("HashIndex", () => {
  const word = fc.integer({ min: 0, max: 0xffffffff });
  const hash = fc.record({ high: word, low: word });
  const flipped = (hash: PhotoHash, flips: readonly number[]): PhotoHash => {
    let { high, low } = hash;
    for (const bit of flips) {
      if (bit < 32) low = (low ^ (1 << bit)) >>> 0;
      else high = (high ^ (1 << (bit - 32))) >>> 0;
    }
    return { high, low };
  };

  test("answers as a look at every photo does", () => {
    // Clusters of hashes some bits around a few: independent ones would never be near.
    const cluster = fc.tuple(hash, fc.array(fc.array(fc.nat(63), { maxLength: 12 }), { minLength: 1, maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(cluster, { maxLength: 6 }), fc.nat(16), fc.nat(63), (clusters, most, flip) => {
        const all = clusters.flatMap(([centre, ways]) => ways.map((flips) => flipped(centre, flips)));
        const index = new HashIndex<number>();
        for (const [i, one] of all.entries()) index.add(i, one);
        for (const query of [...clusters.map(([centre]) => centre), flipped({ high: 0, low: 0 }, [flip])]) {
          const distances = all.map((one) => hammingDistance(query, one));
          const least = Math.min(...distances);
          const expected = least <= most ? { value: distances.indexOf(least), distance: least } : undefined;
          expect(index.nearest([query], most)).toEqual(expected);
        }
      }),
    );
  });

  test("takes the nearest of several hashes, and the first of equally near ones", () => {
    const index = new HashIndex<string>();
    expect(index.nearest([{ high: 0, low: 0 }])).toBeUndefined();
    index.add("two bits", { high: 0, low: 3 });
    index.add("one bit", { high: 1, low: 0 });
    index.add("one bit, later", { high: 2, low: 0 });
    expect(
      index.nearest([
        { high: 0xffffffff, low: 0 },
        { high: 0, low: 0 },
      ]),
    ).toEqual({ value: "one bit", distance: 1 });
    expect(index.nearest([])).toBeUndefined();
    expect(index.nearest([{ high: 0xffff, low: 0xffff }])).toBeUndefined();
    expect(index.size).toBe(3);
  });
});
