// Whether a photo is a part of another: the part is looked for in it, at every place and size of a coarse grid, then finer where it may be.

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
  /** Whether the part is the mirror image of what is in the box. */
  readonly mirrored: boolean;
  /** Correlation of grey values, -1 to 1. */
  readonly likeness: number;
}

/** Shares of a side. Smaller parts have too few of the 32 values to be told from others. */
const SIZES = [1, 0.85, 0.7, 0.55];
const STEP = 0.15;
/** A crop may change the shape of a photo, but rarely more. */
const MOST_STRETCH = 1.6;
const COARSE = 8;
const FINE = 16;
/** The grid is at most half a step off: what is less like there will not become a copy. */
const WORTH_REFINING = 0.75;

const WHOLE: CropBox = { left: 0, top: 0, width: 1, height: 1 };
const GRID: readonly CropBox[] = grid();

/** The place of `whole` that is most like `part` or its mirror image, both 32 x 32 grey values of photos squeezed to squares. */
export function findCrop(whole: Uint8Array, part: Uint8Array): Crop {
  const coarse = sample(part, WHOLE, COARSE, new Float64Array(COARSE * COARSE));
  const ways = [normalised(coarse), normalised(mirroredSquare(coarse, COARSE))];
  const room = new Float64Array(COARSE * COARSE);
  let best: Crop = { box: WHOLE, mirrored: false, likeness: Number.NEGATIVE_INFINITY };
  for (const box of GRID) {
    sample(whole, box, COARSE, room);
    for (const [way, values] of ways.entries()) {
      const likeness = correlation(values, room);
      if (likeness > best.likeness) best = { box, mirrored: way === 1, likeness };
    }
  }
  return best.likeness < WORTH_REFINING ? best : refine(whole, part, best);
}

/** Edges moved one by one for as long as that helps, by ever smaller steps. */
function refine(whole: Uint8Array, part: Uint8Array, { box: from, mirrored }: Crop): Crop {
  const fine = sample(part, WHOLE, FINE, new Float64Array(FINE * FINE));
  const values = normalised(mirrored ? mirroredSquare(fine, FINE) : fine);
  const room = new Float64Array(FINE * FINE);
  const likenessAt = (box: CropBox) => correlation(values, sample(whole, box, FINE, room));
  let best: Crop = { box: from, mirrored, likeness: likenessAt(from) };
  for (let step = STEP / 2; step > 0.01; step /= 2) {
    for (let isBetter = true; isBetter; ) {
      isBetter = false;
      for (const box of moved(best.box, step)) {
        const likeness = likenessAt(box);
        if (likeness > best.likeness + 1e-6) [best, isBetter] = [{ box, mirrored, likeness }, true];
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

function grid(): CropBox[] {
  const spans = SIZES.flatMap((size) => {
    const count = Math.floor((1 - size) / STEP + 1e-9) + 1;
    return Array.from({ length: count }, (_, i) => ({ start: i * STEP, size }));
  });
  return spans.flatMap((x) =>
    spans
      .filter((y) => Math.max(x.size / y.size, y.size / x.size) <= MOST_STRETCH)
      .map((y) => ({ left: x.start, top: y.start, width: x.size, height: y.size })),
  );
}

/** `side` x `side` values of the box, linear between pixels, into `room`, which it returns. */
function sample(grey: Uint8Array, box: CropBox, side: number, room: Float64Array): Float64Array {
  const { left, top, width, height } = box;
  for (let j = 0; j < side; j++) {
    const atY = place(top + (height * (j + 0.5)) / side);
    const y = Math.min(Math.floor(atY), HASH_SIDE - 2);
    const v = atY - y;
    for (let i = 0; i < side; i++) {
      const atX = place(left + (width * (i + 0.5)) / side);
      const x = Math.min(Math.floor(atX), HASH_SIDE - 2);
      const u = atX - x;
      const at = y * HASH_SIDE + x;
      const upper = grey[at]! * (1 - u) + grey[at + 1]! * u;
      const lower = grey[at + HASH_SIDE]! * (1 - u) + grey[at + HASH_SIDE + 1]! * u;
      room[j * side + i] = upper * (1 - v) + lower * v;
    }
  }
  return room;
}

/** A share of the side in pixels, where the first one's centre is 0. */
const place = (share: number) => Math.min(Math.max(share * HASH_SIDE - 0.5, 0), HASH_SIDE - 1);

/** Left to right. */
const mirroredSquare = (values: Float64Array, side: number) =>
  values.map((_, i) => values[i - 2 * (i % side) + side - 1]!);

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
