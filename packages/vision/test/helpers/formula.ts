// Numbers by formula, as ../fixtures/architectures.py has them, and sums that tell one tensor from another.

import { float32, type TensorData } from "@ballsight/grad";

/** low + (high - low) · frac(sin(12.9898 (i + 1) + 78.233 seed) · 43758.5453), rounded to float32. */
export function uniform(
  seed: number,
  low: number,
  high: number,
  shape: readonly number[],
): TensorData<"float32"> & { data: Float32Array } {
  const data = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  for (let i = 0; i < data.length; i++) {
    const value = Math.sin((i + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    data[i] = low + (high - low) * (value - Math.floor(value));
  }
  return { ...float32(data, shape), data };
}

/** What a tensor is filled with; `shift` is added to neighbouring entries in turn. */
export type Recipe =
  | { readonly he: number }
  | { readonly low: number; readonly high: number; readonly shift?: readonly number[] };

export function fromRecipe(recipe: Recipe, seed: number, shape: readonly number[]): TensorData {
  if ("he" in recipe) {
    const high = recipe.he * Math.sqrt(6 / shape.slice(1).reduce((product, dim) => product * dim, 1));
    return uniform(seed, -high, high, shape);
  }
  const tensor = uniform(seed, recipe.low, recipe.high, shape);
  const { shift } = recipe;
  return shift === undefined
    ? tensor
    : float32(
        tensor.data.map((value, i) => value + shift[i % shift.length]!),
        shape,
      );
}

/** Norm of a tensor and its inner products with two vectors that repeat. One loop: networks have millions of entries. */
export function projections(data: Float32Array, [a, b]: readonly [Float32Array, Float32Array]): number[] {
  let [squares, first, second] = [0, 0, 0];
  for (let i = 0, k = 0, l = 0; i < data.length; i++) {
    const value = data[i]!;
    squares += value * value;
    first += value * a[k]!;
    second += value * b[l]!;
    k = k + 1 === a.length ? 0 : k + 1;
    l = l + 1 === b.length ? 0 : l + 1;
  }
  return [Math.sqrt(squares), first, second];
}

/** The float32 numbers of a fixture's text. */
export const unpacked = (text: string) => new Float32Array(Uint8Array.from(Buffer.from(text, "base64")).buffer);
