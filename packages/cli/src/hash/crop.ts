// Whether a photo is a part of another: the part is looked for in it, at every place and size of a coarse grid, then finer.

import { HASH_SIDE } from "./perceptual.ts";

/** The part's place in the whole, as shares of its sides. */
export interface CropBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Crop {
  readonly box: CropBox;
  /** Correlation of grey values, -1 to 1. */
  readonly likeness: number;
}

/** Shares of a side. Smaller parts have too few of the 32 values to be told from others. */
const SIZES = [1, 0.9, 0.8, 0.7, 0.6, 0.5];
const STEP = 0.1;
/** A crop may change the shape of a photo, but rarely more. */
const MOST_STRETCH = 1.6;
const COARSE = 8;
const FINE = 16;

/** The place of `whole` that is most like `part`, both 32 x 32 grey values of photos squeezed to squares. */
export function findCrop(whole: Uint8Array, part: Uint8Array): Crop {
  const coarse = normalised(sample(part, { left: 0, top: 0, width: 1, height: 1 }, COARSE));
  let best: Crop = { box: { left: 0, top: 0, width: 1, height: 1 }, likeness: Number.NEGATIVE_INFINITY };
  for (const width of SIZES) {
    for (const height of SIZES) {
      if (Math.max(width / height, height / width) > MOST_STRETCH) continue;
      for (let left = 0; left <= 1 - width + 1e-9; left += STEP) {
        for (let top = 0; top <= 1 - height + 1e-9; top += STEP) {
          const box = { left, top, width, height };
          const likeness = correlation(coarse, sample(whole, box, COARSE));
          if (likeness > best.likeness) best = { box, likeness };
        }
      }
    }
  }
  return refine(whole, normalised(sample(part, { left: 0, top: 0, width: 1, height: 1 }, FINE)), best.box);
}

/** Edges moved one by one for as long as that helps, by ever smaller steps. */
function refine(whole: Uint8Array, part: Float64Array, from: CropBox): Crop {
  let best: Crop = { box: from, likeness: correlation(part, sample(whole, from, FINE)) };
  for (let step = STEP / 2; step > 0.01; step /= 2) {
    for (let isBetter = true; isBetter; ) {
      isBetter = false;
      for (const box of moved(best.box, step)) {
        const likeness = correlation(part, sample(whole, box, FINE));
        if (likeness > best.likeness + 1e-6) [best, isBetter] = [{ box, likeness }, true];
      }
    }
  }
  return best;
}

function moved({ left, top, width, height }: CropBox, by: number): CropBox[] {
  const boxes = [by, -by].flatMap((d) => [
    { left: left + d, top, width: width - d, height },
    { left, top: top + d, width, height: height - d },
    { left, top, width: width + d, height },
    { left, top, width, height: height + d },
    { left: left + d, top, width, height },
    { left, top: top + d, width, height },
  ]);
  const fits = (start: number, size: number) => start >= -1e-9 && size >= 0.45 && start + size <= 1 + 1e-9;
  return boxes.filter((box) => fits(box.left, box.width) && fits(box.top, box.height));
}

/** `side` x `side` values of the box, linear between pixels. */
function sample(grey: Uint8Array, { left, top, width, height }: CropBox, side: number): Float64Array {
  const [xs, ys] = [positions(left, width, side), positions(top, height, side)];
  const values = new Float64Array(side * side);
  for (let j = 0; j < side; j++) {
    const y = Math.min(Math.floor(ys[j]!), HASH_SIDE - 2);
    const v = ys[j]! - y;
    for (let i = 0; i < side; i++) {
      const x = Math.min(Math.floor(xs[i]!), HASH_SIDE - 2);
      const u = xs[i]! - x;
      const at = y * HASH_SIDE + x;
      const upper = grey[at]! * (1 - u) + grey[at + 1]! * u;
      const lower = grey[at + HASH_SIDE]! * (1 - u) + grey[at + HASH_SIDE + 1]! * u;
      values[j * side + i] = upper * (1 - v) + lower * v;
    }
  }
  return values;
}

/** In pixels, where the first one's centre is 0. */
function positions(start: number, size: number, side: number): Float64Array {
  return Float64Array.from({ length: side }, (_, i) => {
    const at = (start + (size * (i + 0.5)) / side) * HASH_SIDE - 0.5;
    return Math.min(Math.max(at, 0), HASH_SIDE - 1);
  });
}

/** Without its mean, of length 1; zeros where all values are the same. */
function normalised(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const length = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0));
  return values.map((value) => (length === 0 ? 0 : (value - mean) / length));
}

/** @param unit as `normalised` gives it */
function correlation(unit: Float64Array, values: Float64Array): number {
  let [sum, squares, product] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += values[i]!;
    squares += values[i]! * values[i]!;
    product += values[i]! * unit[i]!;
  }
  const spread = squares - (sum * sum) / values.length;
  return spread <= 1e-9 ? 0 : product / Math.sqrt(spread);
}

/** Left to right. */
export function mirrored(grey: Uint8Array): Uint8Array {
  return grey.map((_, i) => grey[i - (i % HASH_SIDE) + HASH_SIDE - 1 - (i % HASH_SIDE)]!);
}
