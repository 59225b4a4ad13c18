// Photos by their perceptual hash: the nearest one within a few bits, without comparing with all.

import { differingBits, type PhotoHash } from "./perceptual.ts";

/** Copies that were scaled, compressed again or lightly retouched stay below; different photos rarely come so near. */
export const NEAR_COPY = 6;

const BANDS = 4;
const BAND_VALUES = 1 << 16;
/** The most bits that a band is searched around: beyond, its many values cost more than a look at every photo. */
const MOST_RADIUS = 2;

/** The 16-bit numbers with at most `MOST_RADIUS` ones, by their count: what a band's value is varied by. */
const FLIPS: readonly (readonly number[])[] = flips();

/**
 * Multi-index hashing (Norouzi, Punjani and Fleet 2014, arXiv:1307.2982): where two hashes differ in 4 r + a bits at most, one of the first
 * a + 1 of four bands of 16 bits differs in r bits at most, or another one in r - 1. So for 6 bits only photos are looked at that share one of
 * 52 values of a band: one in 1,300. All of it lies in flat arrays: a million small objects cost more than the search.
 */
export class HashIndex<T> {
  readonly #values: T[] = [];
  /** Two words per photo. */
  #words = new Uint32Array(0);
  /** Per photo and band, the photo that was added before with the same value. */
  #before = new Int32Array(0);
  /** Per band and value, the photo that was added last, or -1. Made with the first photo: a megabyte. */
  #heads = new Int32Array(0);

  get size(): number {
    return this.#values.length;
  }

  add(value: T, hash: PhotoHash): void {
    if (this.#heads.length === 0) this.#heads = new Int32Array(BANDS * BAND_VALUES).fill(-1);
    const id = this.#values.push(value) - 1;
    if (this.#words.length < 2 * this.size) this.#grow();
    this.#words[2 * id] = hash.high;
    this.#words[2 * id + 1] = hash.low;
    for (let band = 0; band < BANDS; band++) {
      const head = band * BAND_VALUES + bandOf(hash, band);
      this.#before[BANDS * id + band] = this.#heads[head]!;
      this.#heads[head] = id;
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
    let [best, distance] = [-1, most + 1];
    this.#search(hashes, most, (id, found) => {
      if (found > distance || (found === distance && (best === -1 || id >= best))) return;
      if (accept(this.#values[id]!)) [best, distance] = [id, found];
    });
    return best === -1 ? undefined : { value: this.#values[best]!, distance };
  }

  /** All photos that are at most `most` bits from any of `hashes`, each once, in the order in which they were added. */
  near(hashes: readonly PhotoHash[], most: number = NEAR_COPY): T[] {
    const found = new Set<number>();
    this.#search(hashes, most, (id, distance) => void (distance <= most && found.add(id)));
    return [...found].sort((a, b) => a - b).map((id) => this.#values[id]!);
  }

  /** Photos farther than `most` may be among those that `look` gets, and the same one several times. */
  #search(hashes: readonly PhotoHash[], most: number, look: (id: number, distance: number) => void): void {
    if (this.size === 0) return;
    const words = this.#words;
    const radius = Math.floor(most / BANDS);
    for (const { high, low } of hashes) {
      const compare = (id: number) =>
        look(id, differingBits(high ^ words[2 * id]!) + differingBits(low ^ words[2 * id + 1]!));
      if (radius > MOST_RADIUS) for (let id = 0; id < this.size; id++) compare(id);
      else this.#lookAround({ high, low }, radius, most % BANDS, compare);
    }
  }

  #lookAround(hash: PhotoHash, radius: number, wide: number, look: (id: number) => void): void {
    const [heads, before] = [this.#heads, this.#before];
    for (let band = 0; band < BANDS; band++) {
      const key = bandOf(hash, band);
      for (const flip of FLIPS[band <= wide ? radius : radius - 1] ?? []) {
        for (let id = heads[band * BAND_VALUES + (key ^ flip)]!; id !== -1; id = before[BANDS * id + band]!) look(id);
      }
    }
  }

  #grow(): void {
    const room = Math.max(1024, 2 * this.size);
    const words = new Uint32Array(2 * room);
    words.set(this.#words);
    const before = new Int32Array(BANDS * room);
    before.set(this.#before);
    [this.#words, this.#before] = [words, before];
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
