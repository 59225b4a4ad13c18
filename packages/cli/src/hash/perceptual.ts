// Perceptual hash (pHash) of a photo and of its mirrored and rotated copies, from 32 x 32 grey values.

/** 64 bits: the coefficient of row v and column u of the 8 x 8 block is bit 8 v + u, counted from the top of `high`. */
export interface PhotoHash {
  readonly high: number;
  readonly low: number;
}

/** Side of the grey picture that is hashed. */
export const HASH_SIDE = 32;

const KEPT = 8;

/** The eight ways to mirror and turn a picture: mirrored, mirrored, transposed. */
const WAYS = [0, 1, 2, 3, 4, 5, 6, 7];

/**
 * Coefficients of a whole photo are tens of grey levels large. What rounding to 8 bits and a JPEG's noise leave of nothing
 * stays below one level (the transform is orthonormal, so that noise is as large in coefficients as in pixels).
 */
const LEAST_LEVEL = 1;

/** cos((2 x + 1) u pi / 64), scaled to an orthonormal DCT-II, for the eight lowest frequencies: row u. */
const COSINES = Float64Array.from({ length: KEPT * HASH_SIDE }, (_, i) => {
  const [u, x] = [Math.floor(i / HASH_SIDE), i % HASH_SIDE];
  return Math.sqrt((u === 0 ? 1 : 2) / HASH_SIDE) * Math.cos(((2 * x + 1) * u * Math.PI) / (2 * HASH_SIDE));
});

/**
 * The 64 lowest coefficients of the DCT, each against the median of the 63 without the mean (as imagehash and imagededup do).
 * @param grey 32 x 32, row by row, 0 to 255
 * @returns undefined where the picture is too flat or smooth to have one: its bits would be noise, or the same for all such
 */
export function perceptualHash(grey: Float32Array): PhotoHash | undefined {
  const block = lowFrequencies(grey);
  return isMeaningful(block) ? hashOf(block, 0) : undefined;
}

/**
 * The hashes of the eight pictures that mirroring and turning by quarters make of this one, itself first; none where there is no
 * meaningful hash. Search with all eight among hashes of pictures as they are.
 */
export function orientedHashes(grey: Float32Array): readonly PhotoHash[] {
  const block = lowFrequencies(grey);
  if (!isMeaningful(block)) return [];
  // A mirrored picture's coefficients are the same with the odd frequencies negated, a transposed one's are transposed:
  // all eight from one transform.
  return WAYS.map((way) => hashOf(block, way));
}

/** How many of the 64 bits differ. Re-encoded and resized copies stay within 4 to 6; different photos are about 32 apart. */
export function hammingDistance(a: PhotoHash, b: PhotoHash): number {
  return differingBits(a.high ^ b.high) + differingBits(a.low ^ b.low);
}

/** Two passes, rows then columns, and only the frequencies that are kept. */
function lowFrequencies(grey: Float32Array): Float64Array {
  if (grey.length !== HASH_SIDE * HASH_SIDE) {
    throw new RangeError(`expected ${HASH_SIDE * HASH_SIDE} grey values but received ${grey.length}`);
  }
  const rows = new Float64Array(HASH_SIDE * KEPT);
  for (let y = 0; y < HASH_SIDE; y++) {
    for (let u = 0; u < KEPT; u++) {
      let sum = 0;
      for (let x = 0; x < HASH_SIDE; x++) sum += COSINES[u * HASH_SIDE + x]! * grey[y * HASH_SIDE + x]!;
      rows[y * KEPT + u] = sum;
    }
  }
  const block = new Float64Array(KEPT * KEPT);
  for (let v = 0; v < KEPT; v++) {
    for (let u = 0; u < KEPT; u++) {
      let sum = 0;
      for (let y = 0; y < HASH_SIDE; y++) sum += COSINES[v * HASH_SIDE + y]! * rows[y * KEPT + u]!;
      block[v * KEPT + u] = sum;
    }
  }
  return block;
}

/** Where most terms are nothing but noise (one colour, a plain gradient), so is the order that the bits stand for. */
function isMeaningful(block: Float64Array): boolean {
  let present = 0;
  for (let i = 1; i < block.length; i++) if (Math.abs(block[i]!) >= LEAST_LEVEL) present++;
  return present * 2 >= block.length;
}

/** Room to work in: made anew for each of eight hashes, it would be most of the garbage that a photo leaves. */
const turned = new Float64Array(KEPT * KEPT);
const sorted = new Float64Array(KEPT * KEPT - 1);

/** Of the picture mirrored left to right by bit 0 of `way`, top to bottom by bit 1, and transposed before by bit 2. */
function hashOf(block: Float64Array, way: number): PhotoHash {
  for (let i = 0; i < turned.length; i++) {
    const [v, u] = [i >> 3, i & 7];
    const isNegated = (((way & u) ^ ((way >> 1) & v)) & 1) === 1;
    const value = block[(way & 4) === 0 ? i : u * KEPT + v]!;
    turned[i] = isNegated ? -value : value;
  }
  sorted.set(turned.subarray(1));
  const median = sorted.sort()[31]!;
  let [high, low] = [0, 0];
  for (let i = 0; i < 32; i++) {
    high = (high << 1) | (turned[i]! >= median ? 1 : 0);
    low = (low << 1) | (turned[32 + i]! >= median ? 1 : 0);
  }
  return { high: high >>> 0, low: low >>> 0 };
}

/** How many of 32 bits are set: summed in pairs, nibbles, bytes (Warren, Hacker's Delight, 5-1). */
export function differingBits(bits: number): number {
  let x = bits - ((bits >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  x = (x + (x >>> 4)) & 0x0f0f0f0f;
  return Math.imul(x, 0x01010101) >>> 24;
}
