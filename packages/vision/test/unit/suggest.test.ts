// The four rules that read a learning rate off the curve of a range test, on curves made and worked out by hand.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { suggestLrs, suggestPoints } from "../../src/learner/suggest.ts";

/** A curve whose points (what the rules see) are `losses`: two steps before them and five behind, at rates 10^-7, 10^-6.8, ... */
function curveOf(losses: readonly number[]) {
  const all = [9, 9, ...losses, 0, 0, 0, 0, 0];
  return { lrs: all.map((_, i) => 10 ** (-7 + 0.2 * i)), losses: all };
}
/** A tenth of this is left out at the beginning: two steps. */
const PLANNED = 20;
const suggest = (losses: readonly number[]) => suggestLrs(curveOf(losses), PLANNED);
/** The rate of point i. */
const rate = (i: number) => 10 ** (-7 + 0.2 * (i + 2));

describe("on a valley", () => {
  //                0  1    2  3    4    5  6  7    8  9 10 11 12
  const losses = [5, 4, 4.5, 3, 2.5, 2.6, 2, 1, 1.5, 3, 4, 5, 6];

  test("valley goes half-way down the longest falling subsequence", () => {
    // 5, 4.5, 3, 2.6, 2, 1: six that end at point 7, counted back to 1; a third of them is 2, a half of that 1.
    const { valley } = suggest(losses);
    expect(valley.lr).toBeCloseTo(rate(1 + 2 + 1), 12);
    expect(valley.index).toBe(2 + 4);
  });

  test("steep is the left end of the steepest fall", () => {
    // 4.5 to 3, over equal steps of the logarithm.
    expect(suggest(losses).steep.lr).toBeCloseTo(rate(2), 12);
  });

  test("minimum is a tenth of the lowest point's rate, its dot at that point", () => {
    const { minimum } = suggest(losses);
    expect(minimum.lr).toBeCloseTo(rate(7) / 10, 12);
    expect(minimum.index).toBe(2 + 7);
  });

  test("slide asks for sixteen points", () => {
    expect(suggest(losses).slide).toEqual({ lr: null, index: null, least: 16 });
  });
});

test("steep divides by the logarithm's step, not by the number of steps", () => {
  // A fall of 1 over one power of e, and one of 1.5 over two of them.
  const lrs = [0, 1, 3].map((power) => Math.exp(power));
  const padded = { lrs: [...lrs, 30, 30, 30, 30, 30], losses: [3, 2, 0.5, 9, 9, 9, 9, 9] };
  expect(suggestLrs(padded, 6).steep.lr).toBe(1);
});

describe("slide", () => {
  test("goes left while the slope differs from the one fifteen points on", () => {
    // Level to point 9, then .1 lower each, level from point 20 on. Slopes: 0 up to point 8, -.05 at 9, -.1 from 10 to 19,
    // -.05 at 20, 0 behind. Pairs (30, 15), (29, 14), ... (24, 9) differ, (23, 8) does not.
    const losses = Array.from({ length: 31 }, (_, i) => 3 - 0.1 * Math.min(Math.max(i - 9, 0), 11));
    expect(suggest(losses).slide.lr).toBeCloseTo(rate(9), 12);
  });

  test("stays fifteen points from the end of a straight line", () => {
    const losses = Array.from({ length: 31 }, (_, i) => 5 - 0.1 * i);
    expect(suggest(losses).slide.lr).toBeCloseTo(rate(15), 12);
  });

  test("reaches the first point where every pair differs", () => {
    const losses = Array.from({ length: 18 }, (_, i) => 0.01 * i * i);
    expect(suggest(losses).slide.lr).toBeCloseTo(rate(0), 12);
  });
});

describe("the points", () => {
  const lrs = Array.from({ length: 100 }, (_, i) => i + 1);

  test("are all but the first tenth of the planned steps and the last five that were made", () => {
    const losses = lrs.map(() => 1);
    expect(suggestPoints({ lrs, losses }, 100)).toMatchObject({ from: 10, lrs: lrs.slice(10, 95) });
    expect(suggestPoints({ lrs: lrs.slice(0, 40), losses: losses.slice(0, 40) }, 100).lrs).toEqual(lrs.slice(10, 35));
  });

  test("end before the first loss that is no number, as if the test had gone on with such", () => {
    const until = (steps: number) => ({
      lrs: lrs.slice(0, steps),
      losses: [...new Array(steps - 1).fill(1), Number.NaN],
    });
    expect(suggestPoints(until(50), 100).lrs).toEqual(lrs.slice(10, 49));
    expect(suggestPoints(until(98), 100).lrs).toEqual(lrs.slice(10, 95));
  });

  test("may be none: no rule has a suggestion", () => {
    const suggestions = suggestLrs({ lrs: lrs.slice(0, 12), losses: new Array(12).fill(1) }, 100);
    expect(Object.values(suggestions).map(({ lr }) => lr)).toEqual([null, null, null, null]);
  });
});

describe("valley", () => {
  test("never leaves the curve where two points at its beginning are all that falls", () => {
    expect(suggest([2, 1, 3, 4]).valley.lr).toBeCloseTo(rate(0), 12);
    expect(suggest([1, 2, 3, 4]).valley.lr).toBeCloseTo(rate(0), 12);
  });

  test("agrees with a search through all subsequences", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 2, maxLength: 9 }), (losses) => {
        let longest = 0;
        let end = 0;
        for (let chosen = 1; chosen < 1 << losses.length; chosen++) {
          const places = [...losses.keys()].filter((i) => chosen & (1 << i));
          const falls = places.every((place, k) => k === 0 || losses[place]! < losses[places[k - 1]!]!);
          const last = places.at(-1)!;
          if (!falls || places.length < longest || (places.length === longest && last >= end)) continue;
          longest = places.length;
          end = last;
        }
        const third = longest / 3;
        const index = end - longest + Math.floor(third) + Math.floor(third / 2);
        expect(suggest(losses).valley.lr).toBeCloseTo(rate(Math.max(index, 0)), 12);
      }),
    );
  });
});
