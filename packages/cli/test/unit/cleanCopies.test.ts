// Copies: crops found where they were cut, groups that do not drift, and which photo stays.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CopyFinder, cropLikeness, keepOrder, type RankedPhoto, whyKept } from "../../src/clean/copies.ts";
import { readThresholds } from "../../src/clean/thresholds.ts";
import { findCrop } from "../../src/hash/crop.ts";
import { likeness, sketchOf } from "../../src/hash/likeness.ts";
import { hammingDistance, orientedHashes } from "../../src/hash/perceptual.ts";

const SIDE = 32;

/** A smooth random picture: a few waves, as a function of the place (0 to 1). */
function waves(seed: number): (x: number, y: number) => number {
  let state = (seed + 1) * 2654435761;
  const random = () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
  const terms = Array.from({ length: 12 }, () => [random() * 9, random() * 9, random() * 7, 0.3 + random()] as const);
  return (x, y) =>
    128 + 20 * terms.reduce((sum, [u, v, phase, size]) => sum + size * Math.sin(u * x + v * y + phase), 0);
}

const grey = (at: (x: number, y: number) => number): Uint8Array =>
  Uint8Array.from({ length: SIDE ** 2 }, (_, i) =>
    Math.min(255, Math.max(0, Math.round(at(((i % SIDE) + 0.5) / SIDE, (Math.floor(i / SIDE) + 0.5) / SIDE)))),
  );

describe("crops", () => {
  test.each([
    [0.1, 0.05, 0.8, 0.85],
    [0.3, 0.2, 0.6, 0.7],
    [0, 0.4, 0.75, 0.6],
  ])("the part from %f, %f of size %f x %f is found where it was cut", (left, top, width, height) => {
    const whole = waves(3);
    const part = grey((x, y) => whole(left + x * width, top + y * height));
    const { box, likeness } = findCrop(grey(whole), part);
    expect(likeness).toBeGreaterThan(0.98);
    expect(box.left).toBeCloseTo(left, 1);
    expect(box.top).toBeCloseTo(top, 1);
    expect(Math.abs(box.width - width)).toBeLessThan(0.08);
    expect(Math.abs(box.height - height)).toBeLessThan(0.08);
  });

  test("also mirrored, brightened, and asked for the other way round", () => {
    const whole = waves(5);
    const part = grey((x, y) => 0.7 * whole(0.9 - 0.7 * x, 0.1 + 0.7 * y) + 40);
    expect(cropLikeness(grey(whole), part)).toBeGreaterThan(0.975);
    expect(cropLikeness(part, grey(whole))).toBeGreaterThan(0.975);
  });

  test("other pictures have no such part", () => {
    const found = Array.from({ length: 60 }, (_, i) => cropLikeness(grey(waves(100 + i)), grey(waves(500 + i))));
    expect(Math.max(...found)).toBeLessThan(0.975);
  });
});

const photo = (seed: number, pixels: string) => ({ sha256: pixels, pixels, grey: grey(waves(seed)) });

/** Photos of a few scenes, changed a little again and again: chains, on which connected components would drift. */
const sets = fc.array(fc.record({ scene: fc.nat(4), drift: fc.nat(12), same: fc.nat(40) }), { maxLength: 24 });

function drifting({ scene, drift, same }: { scene: number; drift: number; same: number }, i: number) {
  const [from, to] = [waves(scene), waves(scene + 50)];
  const mixed = grey((x, y) => from(x, y) + (drift / 12) * (to(x, y) - from(x, y)));
  const id = same < 8 ? `same ${scene} ${same}` : `own ${i}`;
  return { sha256: id, pixels: id, grey: same < 8 ? grey(waves(scene)) : mixed };
}

describe("groups", () => {
  const thresholds = readThresholds();

  test("what stays is nobody's copy, copies are within the thresholds of what stays, no two that stay are copies", async () => {
    await fc.assert(
      fc.asyncProperty(sets, fc.nat(1000), async (plan, seed) => {
        const photos = plan.map(drifting);
        const order = [...photos.keys()].sort((a, b) => ((a * 7919 + seed) % 101) - ((b * 7919 + seed) % 101) || a - b);
        const { copies, keptOf } = await (await CopyFinder.open(photos)).group(order, thresholds);
        const gone = new Set(copies.map(({ photo }) => photo));
        expect(gone.size).toBe(copies.length);
        const looks = photos.map(({ grey }) => ({
          hashes: orientedHashes(Float32Array.from(grey)),
          sketch: sketchOf(Float32Array.from(grey)),
        }));
        const isNear = (a: number, b: number) =>
          looks[a]!.hashes.length > 0 &&
          looks[b]!.hashes.length > 0 &&
          looks[a]!.hashes.some((hash) => hammingDistance(hash, looks[b]!.hashes[0]!) <= thresholds.near) &&
          likeness(looks[a]!.sketch, looks[b]!.sketch) >= thresholds.alike;
        for (const { photo, kept } of copies) {
          expect(gone.has(kept)).toBe(false);
          expect(keptOf[photo]).toBe(kept);
          expect(order.indexOf(kept)).toBeLessThan(order.indexOf(photo));
          expect(photos[photo]!.sha256 === photos[kept]!.sha256 || isNear(photo, kept)).toBe(true);
        }
        const staying = order.filter((i) => !gone.has(i));
        for (const i of staying) {
          expect(keptOf[i]).toBe(i);
          const earlier = staying.slice(0, staying.indexOf(i));
          expect(earlier.some((j) => photos[i]!.sha256 === photos[j]!.sha256 || isNear(i, j))).toBe(false);
        }
      }),
    );
  });

  test("a mirrored and a turned copy belong to the photo, crop links only to what stays", async () => {
    const whole = waves(9);
    const photos = [
      photo(9, "a"),
      { sha256: "b", pixels: "b", grey: grey((x, y) => whole(1 - x, y)) },
      { sha256: "c", pixels: "c", grey: grey((x, y) => whole(y, 1 - x)) },
      photo(10, "d"),
      photo(11, "e"),
    ];
    const links = [
      { a: 3, b: 1, likeness: 0.99 },
      { a: 4, b: 0, likeness: 0.98 },
    ];
    const { copies } = await (await CopyFinder.open(photos, links)).group([0, 1, 2, 3, 4], thresholds);
    expect(copies.map(({ photo, kept, how }) => [photo, kept, how])).toEqual([
      [1, 0, "near"],
      [2, 0, "near"],
      [4, 0, "crop"],
    ]);
  });
});

describe("what stays", () => {
  const base: RankedPhoto = {
    file: "b",
    width: 10,
    height: 10,
    bytes: 100,
    made: 5,
    isDoubted: false,
    isKnown: false,
    isReviewed: false,
  };

  test.each<[string, Partial<RankedPhoto>, Partial<RankedPhoto>]>([
    ["somebody kept it in a review", { isReviewed: true, isDoubted: true }, { width: 99 }],
    ["its label is not doubted", {}, { isDoubted: true, width: 99 }],
    ["it has more pixels", { width: 11 }, { bytes: 200 }],
    ["it is less compressed", { bytes: 101 }, { isKnown: true }],
    ["metadata.jsonl tells where it is from", { isKnown: true }, { made: 1 }],
    ["it is older", { made: 4 }, { file: "a" }],
    ["it is the first by name", { file: "a" }, {}],
  ])("%s", (why, better, worse) => {
    const [kept, copy] = [
      { ...base, ...better },
      { ...base, ...worse },
    ];
    expect(keepOrder([copy, kept])).toEqual([1, 0]);
    expect(keepOrder([kept, copy])).toEqual([0, 1]);
    expect(whyKept(kept, copy)).toBe(why);
  });
});
