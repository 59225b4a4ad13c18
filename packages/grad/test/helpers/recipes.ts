// Numbers by formula, as ../fixtures/recipes.py has them, and the comparison with what the fixtures hold.

import { float32, type TensorData } from "../../src/tensor.ts";

export type Recipe =
  | { kind: "uniform"; seed: number; low: number; high: number; avoid: number[]; gap: number }
  | { kind: "shuffled"; seed: number; low: number; high: number }
  | { kind: "levels"; seed: number; count: number }
  | { kind: "mask"; seed: number; p: number }
  | { kind: "oneHot"; seed: number }
  | { kind: "distribution"; seed: number }
  | { kind: "list"; values: number[] };

/** A fixture's tensor: whole, or as sums over runs of neighbours, each weighted by cos(index), with the largest magnitude. */
export type Expected =
  | { shape: number[]; values: string; sums?: never; largest?: never }
  | { shape: number[]; values?: never; sums: string; largest: number };

function fraction(i: number, seed: number): number {
  const value = Math.sin(i * 12.9898 + seed * 78.233) * 43758.5453;
  return value - Math.floor(value);
}

function numbers(recipe: Recipe, shape: readonly number[]): number[] {
  if (recipe.kind === "list") return recipe.values;
  const count = shape.reduce((product, size) => product * size, 1);
  const drawn = Array.from({ length: count }, (_, i) => fraction(i + 1, recipe.seed));
  const row = shape.at(-1) ?? 1;
  const start = (i: number) => i - (i % row);
  switch (recipe.kind) {
    case "levels":
      return drawn.map((u) => Math.floor(u * recipe.count));
    case "mask":
      return drawn.map((u) => (u < recipe.p ? 0 : 1 / (1 - recipe.p)));
    case "oneHot":
      return drawn.map((_, i) => Number(i % row === Math.floor(drawn[start(i)]! * row)));
    case "distribution": {
      const sums = drawn.map((_, i) => drawn.slice(start(i), start(i) + row).reduce((sum, u) => sum + u, 0));
      return drawn.map((u, i) => u / sums[i]!);
    }
    case "shuffled": {
      const out = new Array<number>(count);
      const order = [...drawn.keys()].sort((a, b) => drawn[a]! - drawn[b]!);
      for (const [place, index] of order.entries())
        out[index] = recipe.low + ((recipe.high - recipe.low) * (place + 0.5)) / count;
      return out;
    }
    case "uniform":
      return drawn.map((u) => {
        let value = recipe.low + (recipe.high - recipe.low) * u;
        for (const kink of recipe.avoid)
          if (Math.abs(value - kink) < recipe.gap) value = value >= kink ? kink + recipe.gap : kink - recipe.gap;
        return value;
      });
  }
}

/** The recipe's numbers rounded to float32. */
export const fromRecipe = (recipe: Recipe, shape: readonly number[]): TensorData<"float32"> =>
  float32(numbers(recipe, shape), shape);

export const uniform = (seed: number, low = -1, high = 1): Recipe => ({
  kind: "uniform",
  seed,
  low,
  high,
  avoid: [],
  gap: 0,
});

/** The float32 numbers of a fixture's text. */
export function unpacked(text: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  return new Float32Array(bytes.buffer);
}

/**
 * Says where `actual` is furthest from `expected` in units of what is allowed, or nothing where all is well. What is allowed is
 * `tolerance` times the largest expected magnitude, times the root of its length for a sum.
 */
export function difference(actual: TensorData, expected: Expected, tolerance: number): string | undefined {
  if (actual.dims.join() !== expected.shape.join())
    return `expected shape [${expected.shape}] but received [${actual.dims}]`;
  const got = actual.data as Float32Array;
  if (expected.values !== undefined) {
    const values = unpacked(expected.values);
    const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    return worst(got, values, tolerance * largest, (index) => `[${place(index, expected.shape)}]`);
  }
  const sums = unpacked(expected.sums);
  const run = Math.ceil(got.length / sums.length);
  const received = new Float64Array(Math.ceil(got.length / run));
  got.forEach((value, index) => {
    received[Math.floor(index / run)]! += value * Math.cos(index);
  });
  const allowed = tolerance * expected.largest * Math.sqrt(run);
  return worst(received, sums, allowed, (bucket) => {
    const last = Math.min((bucket + 1) * run, got.length) - 1;
    return `the weighted sum of [${place(bucket * run, expected.shape)}]..[${place(last, expected.shape)}]`;
  });
}

function worst(
  actual: Float32Array | Float64Array,
  expected: Float32Array,
  allowed: number,
  where: (index: number) => string,
): string | undefined {
  if (actual.length !== expected.length) return `expected ${expected.length} values but received ${actual.length}`;
  let worstIndex = -1;
  let distance = allowed;
  for (const [index, value] of expected.entries()) {
    const error = Math.abs(actual[index]! - value);
    // NaN is no smaller than anything, so the test is the other way round.
    if (!(error <= distance)) {
      worstIndex = index;
      distance = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
    }
  }
  if (worstIndex < 0) return undefined;
  return `expected ${expected[worstIndex]} at ${where(worstIndex)} but received ${actual[worstIndex]} (off by ${distance.toExponential(1)}, allowed ${allowed.toExponential(1)})`;
}

/** The index along each axis. */
function place(index: number, shape: readonly number[]): number[] {
  let rest = index;
  return shape
    .toReversed()
    .map((size) => {
      const at = rest % size;
      rest = Math.floor(rest / size);
      return at;
    })
    .reverse();
}
