// Whether a picture was drawn: areas of one colour and few colours altogether, where a camera leaves noise and shades.

import type { Pixels } from "./pixels.ts";

export interface DrawnFigures {
  /** Of the pixels that are not of the commonest colour, the share that differ from a neighbour: 0 to 1. */
  readonly shaded: number;
  /** Colours (32 levels a channel) that make nine tenths of these pixels. */
  readonly colours: number;
}

/** Most difference of a channel between pixels of one colour: what a JPEG's rounding leaves of it. */
const SAME = 2;
/** Most difference from the commonest colour of what counts as ground. Balls photographed on white paper are no drawings. */
const GROUND = 12;
/** Below this share of the picture nothing is on the ground that could be judged. */
const LEAST = 0.02;
const LEVELS = 32;

/**
 * Two of the measures of Athitsos, Swain and Frankel 1997 (Distinguishing photographs and graphics on the World Wide Web): transitions from
 * pixel to pixel, and the number of colours; both without the ground, as shops photograph things on white.
 */
export function drawnFigures({ width, height, data }: Pixels): DrawnFigures {
  const ground = commonest(data);
  const counts = new Uint32Array(LEVELS ** 3);
  let [judged, shaded] = [0, 0];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = 3 * (y * width + x);
      if (isNear(data, at, ground, 0, GROUND)) continue;
      judged += 1;
      counts[colourOf(data, at)]! += 1;
      const isFlat =
        isNear(data, at, data, at - 3, SAME) &&
        isNear(data, at, data, at + 3, SAME) &&
        isNear(data, at, data, at - 3 * width, SAME) &&
        isNear(data, at, data, at + 3 * width, SAME);
      if (!isFlat) shaded += 1;
    }
  }
  if (judged < LEAST * width * height) return { shaded: 1, colours: LEVELS ** 3 };
  return { shaded: shaded / judged, colours: coloursOf(counts, 0.9 * judged) };
}

function colourOf(data: Uint8Array, at: number): number {
  return ((data[at]! >> 3) * LEVELS + (data[at + 1]! >> 3)) * LEVELS + (data[at + 2]! >> 3);
}

function isNear(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number, most: number): boolean {
  return (
    Math.abs(a[i]! - b[j]!) <= most &&
    Math.abs(a[i + 1]! - b[j + 1]!) <= most &&
    Math.abs(a[i + 2]! - b[j + 2]!) <= most
  );
}

/** The mean of the pixels in the fullest of 32 x 32 x 32 cells. */
function commonest(data: Uint8Array): readonly number[] {
  const counts = new Uint32Array(LEVELS ** 3);
  for (let at = 0; at < data.length; at += 3) counts[colourOf(data, at)]! += 1;
  let best = 0;
  for (let cell = 1; cell < counts.length; cell++) if (counts[cell]! > counts[best]!) best = cell;
  const sums = [0, 0, 0];
  for (let at = 0; at < data.length; at += 3) {
    if (colourOf(data, at) === best) for (let c = 0; c < 3; c++) sums[c]! += data[at + c]!;
  }
  return sums.map((sum) => sum / Math.max(1, counts[best]!));
}

/** How many of the fullest cells hold `wanted` pixels. */
function coloursOf(counts: Uint32Array, wanted: number): number {
  const sorted = counts.filter((count) => count > 0).sort();
  let sum = 0;
  for (let i = sorted.length - 1; i >= 0; i--) {
    sum += sorted[i]!;
    if (sum >= wanted) return sorted.length - i;
  }
  return sorted.length;
}
