// Half precision: known values, and rounding to nearest-even against all 65,536 halves decoded by a table of their own.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { float16Bits } from "../../src/onnx/float16.ts";

/** IEEE 754-2019, section 3.4: the value of a half, written down from the definition. */
function halfValue(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * 2 ** -14 * (fraction / 1024) : sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

/** All finite halves from 0 up, in order: bits and values ascend together. */
const POSITIVE = Array.from({ length: 0x7c00 }, (_, bits) => halfValue(bits));

/** Nearest half of a finite float32 by bisection, ties to even bits; from half-way between 65504 and 2^16 on, infinity. */
function nearest(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00;
  let [low, high] = [0, POSITIVE.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (POSITIVE[middle]! <= size) low = middle;
    else high = middle - 1;
  }
  if (low === POSITIVE.length - 1) return sign | low;
  const [below, above] = [size - POSITIVE[low]!, POSITIVE[low + 1]! - size];
  return sign | (below < above || (below === above && low % 2 === 0) ? low : low + 1);
}

describe("float16Bits", () => {
  // https://en.wikipedia.org/wiki/Half-precision_floating-point_format#Half_precision_examples
  test.each([
    [0, 0x0000],
    [-0, 0x8000],
    [2 ** -24, 0x0001],
    [2 ** -14 * (1023 / 1024), 0x03ff],
    [2 ** -14, 0x0400],
    [1 / 3, 0x3555],
    [1 - 2 ** -11, 0x3bff],
    [1, 0x3c00],
    [1 + 2 ** -10, 0x3c01],
    [-2, 0xc000],
    [65504, 0x7bff],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
    // Ties: to even below 1, above 1, at the largest, and into and out of the subnormals.
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [1e10, 0x7c00],
    [2 ** -25, 0x0000],
    [2 ** -25 * 1.0001, 0x0001],
    [1.5 * 2 ** -24, 0x0002],
    [2 ** -14 * (2047 / 2048), 0x0400],
    [2 ** -26, 0x0000],
    [1e-45, 0x0000],
  ])("%d is %i", (value, bits) => {
    expect(float16Bits(value)).toBe(bits);
  });

  test("no number stays no number", () => {
    expect(halfValue(float16Bits(Number.NaN))).toBeNaN();
  });

  test("gives every half back", () => {
    for (const [bits, value] of POSITIVE.entries()) {
      expect(float16Bits(value)).toBe(bits);
      expect(float16Bits(-value)).toBe(bits | 0x8000);
    }
  });

  test("rounds every float32 to the nearest half, ties to even", () => {
    const word = new Uint32Array(1);
    const float = new Float32Array(word.buffer);
    const anyFloat = fc.integer({ min: 0, max: 0xffffffff }).map((bits) => {
      word[0] = bits;
      return float[0]!;
    });
    // Most bit patterns are far too large or small for a half: the range of halves is drawn as well.
    const inRange = fc
      .tuple(fc.integer({ min: 113 - 13, max: 143 }), fc.integer({ min: 0, max: 0x7fffff }))
      .map(([exponent, fraction]) => {
        word[0] = (exponent << 23) | fraction;
        return float[0]!;
      });
    // Exactly between two neighbours.
    const ties = fc.integer({ min: 0, max: 0x7bfe }).map((bits) => (POSITIVE[bits]! + POSITIVE[bits + 1]!) / 2);
    fc.assert(
      fc.property(fc.oneof(anyFloat, inRange, ties), (value) => {
        fc.pre(!Number.isNaN(value));
        expect(float16Bits(value)).toBe(nearest(value));
      }),
      { numRuns: 5000 },
    );
  });
});
