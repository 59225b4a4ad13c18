// Letters over a picture: shapes of one colour and about one height that stand side by side in a straight line.

import type { Pixels } from "./pixels.ts";

/** Grey levels by which a letter is lighter or darker than what is around it. */
const CONTRAST = 40;
/** Pixels to each side that "around" means. */
const AROUND = 14;
/** Heights of letters, pixels and share of the picture's height. */
const LEAST_HEIGHT = 6;
const MOST_HEIGHT = 0.25;
/** Most difference of a channel between letters of a line: what lies in the scene has light and shade. */
const SAME_COLOUR = 14;
const LEAST_LETTERS = 6;

interface Shape {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly area: number;
  readonly colour: readonly [number, number, number];
}

/**
 * The width of the longest line of letters as a share of the picture's, 0 to 1. Connected shapes and lines of them, as in the first text detectors (Jain and
 * Yu 1998, Automatic text location in images and video frames); that letters are of exactly one colour tells a caption from a name on a ball.
 */
export function letteringOf(pixels: Pixels): number {
  const { width, height } = pixels;
  const grey = greyOf(pixels);
  const means = meansAround(grey, width, height);
  let longest = 0;
  for (const sign of [1, -1]) {
    const mask = new Uint8Array(grey.length);
    for (let i = 0; i < mask.length; i++) if (sign * (grey[i]! - means[i]!) > CONTRAST) mask[i] = 1;
    const letters = shapesOf(mask, pixels).filter((shape) => isLetter(shape, height));
    longest = Math.max(longest, longestLine(letters, height) / width);
  }
  return longest;
}

function greyOf({ data }: Pixels): Float32Array {
  const grey = new Float32Array(data.length / 3);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = 0.299 * data[3 * i]! + 0.587 * data[3 * i + 1]! + 0.114 * data[3 * i + 2]!;
  }
  return grey;
}

/** Of squares around each pixel, cut off at the sides, by a table of sums (Crow 1984). */
function meansAround(grey: Float32Array, width: number, height: number): Float32Array {
  const stride = width + 1;
  const sums = new Float64Array(stride * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += grey[y * width + x]!;
      sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1]! + row;
    }
  }
  const means = new Float32Array(grey.length);
  for (let y = 0; y < height; y++) {
    const top = Math.max(0, y - AROUND);
    const bottom = Math.min(height, y + AROUND + 1);
    for (let x = 0; x < width; x++) {
      const left = Math.max(0, x - AROUND);
      const right = Math.min(width, x + AROUND + 1);
      const sum =
        sums[bottom * stride + right]! -
        sums[bottom * stride + left]! -
        sums[top * stride + right]! +
        sums[top * stride + left]!;
      means[y * width + x] = sum / ((bottom - top) * (right - left));
    }
  }
  return means;
}

/** Connected ones of the mask, by their four sides. The mask is used up. */
function shapesOf(mask: Uint8Array, { width, data }: Pixels): Shape[] {
  const shapes: Shape[] = [];
  const stack = new Int32Array(mask.length);
  for (let start = 0; start < mask.length; start++) {
    if (mask[start] === 0) continue;
    mask[start] = 0;
    stack[0] = start;
    let [waiting, area, left, right, top, bottom] = [1, 0, width, 0, mask.length, 0];
    let [red, green, blue] = [0, 0, 0];
    while (waiting > 0) {
      const at = stack[--waiting]!;
      const y = Math.floor(at / width);
      const x = at - y * width;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      area += 1;
      red += data[3 * at]!;
      green += data[3 * at + 1]!;
      blue += data[3 * at + 2]!;
      for (let way = 0; way < 4; way++) {
        if ((way === 0 && x === 0) || (way === 1 && x === width - 1)) continue;
        const next = way === 0 ? at - 1 : way === 1 ? at + 1 : way === 2 ? at - width : at + width;
        if (mask[next] !== 1) continue;
        mask[next] = 0;
        stack[waiting++] = next;
      }
    }
    shapes.push({ left, top, right, bottom, area, colour: [red / area, green / area, blue / area] });
  }
  return shapes;
}

function isLetter({ left, top, right, bottom, area }: Shape, height: number): boolean {
  const [wide, high] = [right - left + 1, bottom - top + 1];
  const fill = area / (wide * high);
  if (high < LEAST_HEIGHT || high > MOST_HEIGHT * height || wide > 1.6 * high || fill < 0.15) return false;
  // Full is an "l" alone.
  return fill <= 0.95 || wide < 0.5 * high;
}

/** In pixels; 0 where no line has letters enough. */
function longestLine(letters: readonly Shape[], height: number): number {
  const sorted = letters.toSorted((a, b) => a.left - b.left);
  // The line that ends with each letter: how many there are and where it began.
  const counts = sorted.map(() => 1);
  const starts = sorted.map(({ left }) => left);
  let longest = 0;
  for (const [i, letter] of sorted.entries()) {
    for (let j = i - 1; j >= 0; j--) {
      const before = sorted[j]!;
      // A letter is at most 1.6 times as wide as high, a gap 1.2 times.
      if (letter.left - before.left > 3 * MOST_HEIGHT * height) break;
      if (!standTogether(before, letter) || counts[j]! + 1 <= counts[i]!) continue;
      counts[i] = counts[j]! + 1;
      starts[i] = starts[j]!;
    }
    if (counts[i]! >= LEAST_LETTERS) longest = Math.max(longest, letter.right - starts[i]!);
  }
  return longest;
}

function standTogether(a: Shape, b: Shape): boolean {
  const [high, other] = [a.bottom - a.top + 1, b.bottom - b.top + 1];
  const [most, least] = [Math.max(high, other), Math.min(high, other)];
  if (least < 0.55 * most) return false;
  const gap = b.left - a.right;
  if (gap < 0 || gap > 1.2 * most) return false;
  // On one line: at the foot, or at the head (a "p" hangs below).
  if (Math.min(Math.abs(a.bottom - b.bottom), Math.abs(a.top - b.top)) > 0.12 * most + 1) return false;
  return a.colour.every((value, c) => Math.abs(value - b.colour[c]!) <= SAME_COLOUR);
}
