// Photos by their perceptual hash: the nearest one within a few bits, without comparing with all.

import { hammingDistance, type PhotoHash } from "./perceptual.ts";

/** Copies that were scaled, compressed again or lightly retouched stay below; different photos rarely come so near. */
export const NEAR_COPY = 6;

const BANDS = 4;
const BAND_VALUES = 1 << 16;
/** The most bits that a band is searched around: beyond, its many values cost more than a look at every photo. */
const MOST_RADIUS = 2;

/** The 16-bit numbers with at most `MOST_RADIUS` ones, by their count: what a band's value is varied by. */
const FLIPS: readonly (readonly number[])[] = flips();

/**
 * Pigeonhole: of four bands of 16 bits, one differs in at most a quarter (rounded down) of the bits in which two hashes differ. So only the photos
 * whose band has one of its 17 neighbouring values (for up to 7 bits) are looked at: one in a thousand.
 */
export class HashIndex<T> {
  readonly #values: T[] = [];
  /** The halves of the hashes apart: numbers without an object around each pair. */
  readonly #highs: number[] = [];
  readonly #lows: number[] = [];
  /** Per band and value, the photo that was added last, or -1. Made with the first photo: a megabyte. */
  #heads: readonly Int32Array[] = [];
  /** Per band, the photo that was added before with the same value. */
  readonly #before: readonly number[][] = Array.from({ length: BANDS }, () => []);

  get size(): number {
    return this.#values.length;
  }

  add(value: T, hash: PhotoHash): void {
    if (this.#heads.length === 0) this.#heads = this.#before.map(() => new Int32Array(BAND_VALUES).fill(-1));
    const id = this.#values.push(value) - 1;
    this.#highs.push(hash.high);
    this.#lows.push(hash.low);
    for (let band = 0; band < BANDS; band++) {
      const heads = this.#heads[band]!;
      const key = bandOf(hash, band);
      this.#before[band]!.push(heads[key]!);
      heads[key] = id;
    }
  }

  /**
   * The photo nearest to any of `hashes` and its distance, at most `most` bits; of equally near ones the first added.
   * @param hashes of one photo: itself, or its eight orientations
   * @param accept passes over a photo that is near and yet another one (`likeness` tells)
   */
  nearest(
    hashes: readonly PhotoHash[],
    most: number = NEAR_COPY,
    accept: (value: T) => boolean = () => true,
  ): { readonly value: T; readonly distance: number } | undefined {
    if (this.size === 0) return undefined;
    let [best, distance] = [-1, most + 1];
    const look = (hash: PhotoHash, id: number) => {
      const found = hammingDistance(hash, { high: this.#highs[id]!, low: this.#lows[id]! });
      const isNearer = found < distance || (found === distance && best !== -1 && id < best);
      if (isNearer && accept(this.#values[id]!)) [best, distance] = [id, found];
    };
    const radius = Math.floor(most / BANDS);
    for (const hash of hashes) {
      if (radius > MOST_RADIUS) for (let id = 0; id < this.size; id++) look(hash, id);
      else this.#lookAround(hash, radius, look);
    }
    return best === -1 ? undefined : { value: this.#values[best]!, distance };
  }

  #lookAround(hash: PhotoHash, radius: number, look: (hash: PhotoHash, id: number) => void): void {
    for (let band = 0; band < BANDS; band++) {
      const [heads, before, key] = [this.#heads[band]!, this.#before[band]!, bandOf(hash, band)];
      for (const flip of FLIPS[radius]!) {
        for (let id = heads[key ^ flip]!; id !== -1; id = before[id]!) look(hash, id);
      }
    }
  }
}

function bandOf({ high, low }: PhotoHash, band: number): number {
  const word = band < 2 ? high : low;
  return band % 2 === 0 ? word >>> 16 : word & 0xffff;
}

function flips(): number[][] {
  const single = Array.from({ length: 16 }, (_, bit) => 1 << bit);
  const pairs = single.flatMap((a) => single.filter((b) => b > a).map((b) => a | b));
  return [[0], [0, ...single], [0, ...single, ...pairs]];
}
