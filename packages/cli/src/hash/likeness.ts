// How alike two photos are that a perceptual hash takes for copies: 64 bits say little of a ball in the middle of a lawn.

import { HASH_SIDE } from "./perceptual.ts";

/** Side of the sketch: fine enough to tell balls apart, coarse enough that compression and scaling do not show. */
const SKETCH_SIDE = 16;

/**
 * From here on two photos are copies. Of 4,975 photos of balls, 753 pairs were within 6 bits: copies had 0.976 and more, all other pairs but
 * one less than 0.975.
 */
export const ALIKE = 0.975;

/** 16 x 16 grey values of the 32 x 32 that `inspectPhoto` gives: 256 bytes to remember a photo by. */
export function sketchOf(grey: Float32Array): Uint8Array {
  return Uint8Array.from({ length: SKETCH_SIDE ** 2 }, (_, i) => {
    const at = 2 * (Math.floor(i / SKETCH_SIDE) * HASH_SIDE + (i % SKETCH_SIDE));
    return Math.round((grey[at]! + grey[at + 1]! + grey[at + HASH_SIDE]! + grey[at + HASH_SIDE + 1]!) / 4);
  });
}

/**
 * The correlation of two sketches, the largest of the eight ways to mirror and turn one of them: 1 for copies, whatever their brightness and
 * contrast.
 * @returns -1 to 1; 0 where one is of a single colour
 */
export function likeness(a: Uint8Array, b: Uint8Array): number {
  const [meanA, meanB] = [meanOf(a), meanOf(b)];
  const spread = Math.sqrt(varianceOf(a, meanA) * varianceOf(b, meanB));
  if (spread === 0) return 0;
  let best = Number.NEGATIVE_INFINITY;
  for (let way = 0; way < 8; way++) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += (a[i]! - meanA) * (b[turned(i, way)]! - meanB);
    best = Math.max(best, sum / spread);
  }
  return best;
}

/** Where the value at `i` comes from: mirrored by bits 0 and 1 of `way`, transposed by bit 2. */
function turned(i: number, way: number): number {
  const last = SKETCH_SIDE - 1;
  const [x, y] = [i % SKETCH_SIDE, Math.floor(i / SKETCH_SIDE)];
  const [u, v] = [(way & 1) === 0 ? x : last - x, (way & 2) === 0 ? y : last - y];
  return (way & 4) === 0 ? v * SKETCH_SIDE + u : u * SKETCH_SIDE + v;
}

const meanOf = (sketch: Uint8Array) => sketch.reduce((sum, value) => sum + value, 0) / sketch.length;

/** Times the number of values. */
const varianceOf = (sketch: Uint8Array, mean: number) => sketch.reduce((sum, value) => sum + (value - mean) ** 2, 0);
