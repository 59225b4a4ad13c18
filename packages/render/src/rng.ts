// Seeded random numbers by counting: number i of a stream is a hash of (seed, i), so nothing depends on the engine or on call order elsewhere.
import { cos, PI, sin } from "./exact.ts";
import type { Vec3 } from "./vec.ts";

/** Mixes 32 bits; the multipliers are the low-bias pair that C. Wellons' "hash prospector" found. */
export function hash(x: number): number {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Uniform in [0, 1). */
export const hash01 = (x: number): number => hash(x) / 4294967296;

export interface Rng {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform in [low, high). */
  range(low: number, high: number): number;
  /** Whole number in [0, count). */
  below(count: number): number;
  pick<T>(items: readonly [T, ...T[]]): T;
  chance(probability: number): boolean;
  /** Uniform on the unit sphere. */
  direction(): Vec3;
}

export function createRng(seed: number): Rng {
  const key = hash(seed ^ 0x5bd1e995);
  let counter = 0;
  const next = () => hash01(key + Math.imul(++counter, 0x9e3779b9));
  const range = (low: number, high: number) => low + (high - low) * next();
  const below = (count: number) => Math.floor(next() * count);
  return {
    next,
    range,
    below,
    pick: (items) => items[below(items.length)] ?? items[0],
    chance: (probability) => next() < probability,
    direction() {
      const y = range(-1, 1);
      const angle = range(0, 2 * PI);
      const r = Math.sqrt(1 - y * y);
      return [r * cos(angle), y, r * sin(angle)];
    },
  };
}
