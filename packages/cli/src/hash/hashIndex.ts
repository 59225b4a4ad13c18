// Photos by their perceptual hash: the nearest one within a few bits, without comparing with all.

import { differingBits, type PhotoHash } from "./perceptual.ts";

/** Copies that were scaled, compressed again or lightly retouched stay below; different photos rarely come so near. */
export const NEAR_COPY = 6;

const BANDS = 4;
const BAND_VALUES = 1 << 16;
/** The most bits that a band is searched around: beyond, its many values cost more than a look at every photo. */
const MOST_RADIUS = 2;

/** The 16-bit numbers with at most `MOST_RADIUS` ones, by their count: what a band's value is varied by. */
const FLIPS: readonly Uint16Array[] = flips().map((ones) => Uint16Array.from(ones));

const NONE = new Uint16Array(0);

/** Room to work in: from, to and band of each bucket that a hash leads to. */
const found = new Int32Array(3 * BANDS * (1 + 16 + 120) + 1);

/**
 * Multi-index hashing (Norouzi, Punjani and Fleet 2014, arXiv:1307.2982): where two hashes differ in 4 r + a bits at most, one of the first
 * a + 1 of four bands of 16 bits differs in r bits at most, or another one in r - 1. So for 6 bits only photos are looked at that share one of
 * 52 values of a band: one in 1,300. Beyond some thousands of photos the memory that a search waits for is what it costs: photos with the same value lie
 * side by side, each with the half of its hash that the band is no part of, which alone rules out all but one in two thousand.
 */
export class HashIndex<T> {
  readonly #values: T[] = [];
  /** Two words per photo. */
  #words = new Uint32Array(0);
  /** Per band and value, where its photos begin in the arena and how many there are. Made with the first photo: two megabytes. */
  #buckets = new Int32Array(0);
  readonly #arena = new Arena();

  get size(): number {
    return this.#values.length;
  }

  add(value: T, hash: PhotoHash): void {
    if (this.#buckets.length === 0) this.#buckets = new Int32Array(2 * BANDS * BAND_VALUES);
    const id = this.#values.push(value) - 1;
    if (this.#words.length < 2 * this.size) this.#words = larger(this.#words, 4 * this.size);
    this.#words[2 * id] = hash.high;
    this.#words[2 * id + 1] = hash.low;
    for (let band = 0; band < BANDS; band++) {
      const bucket = 2 * (band * BAND_VALUES + bandOf(hash, band));
      const count = this.#buckets[bucket + 1]!;
      const start = this.#arena.add(this.#buckets[bucket]!, count, id, otherHalf(hash, band));
      this.#buckets[bucket] = start;
      this.#buckets[bucket + 1] = count + 1;
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
    this.#search(hashes, most, (id) => found.add(id));
    return [...found].sort((a, b) => a - b).map((id) => this.#values[id]!);
  }

  /** `look` gets photos within `most` bits and their distance, some several times. */
  #search(hashes: readonly PhotoHash[], most: number, look: (id: number, distance: number) => void): void {
    if (this.size === 0) return;
    const words = this.#words;
    const radius = Math.floor(most / BANDS);
    for (const hash of hashes) {
      const compare = (id: number) => {
        const distance = differingBits(hash.high ^ words[2 * id]!) + differingBits(hash.low ^ words[2 * id + 1]!);
        if (distance <= most) look(id, distance);
      };
      if (radius > MOST_RADIUS) for (let id = 0; id < this.size; id++) compare(id);
      else this.#lookAround(hash, most, radius, compare);
    }
  }

  /**
   * Beyond the processor's cache each bucket is a wait for memory. So all of a hash's buckets are touched first, in a loop without branches, where the processor
   * waits for many at once, and compared after that.
   */
  #lookAround(hash: PhotoHash, most: number, radius: number, look: (id: number) => void): void {
    const buckets = this.#buckets;
    const { halves, ids } = this.#arena;
    let [count, touched] = [0, 0];
    for (let band = 0; band < BANDS; band++) {
      const base = band * BAND_VALUES;
      const key = bandOf(hash, band);
      const flips = FLIPS[band <= most % BANDS ? radius : radius - 1] ?? NONE;
      for (let i = 0; i < flips.length; i++) {
        const bucket = 2 * (base + (key ^ flips[i]!));
        const from = buckets[bucket]!;
        found[count] = from;
        found[count + 1] = from + buckets[bucket + 1]!;
        found[count + 2] = band;
        count += 3;
        touched ^= halves[from]!;
      }
    }
    // Read by nobody, but what is not kept anywhere would not be computed.
    found[count] = touched;
    for (let at = 0; at < count; at += 3) {
      const to = found[at + 1]!;
      const half = found[at + 2]! < 2 ? hash.low : hash.high;
      for (let i = found[at]!; i < to; i++) if (differingBits(halves[i]! ^ half) <= most) look(ids[i]!);
    }
  }
}

/** Lists that grow, each in one piece: where one is full it moves to a place twice as large, and what it leaves is given to the next of its size. */
class Arena {
  ids = new Int32Array(1024);
  halves = new Uint32Array(1024);
  #end = 0;
  /** By the logarithm of their size, places that lists have left. */
  readonly #free: number[][] = Array.from({ length: 32 }, () => []);

  /** Returns where the list is from now on. `count` numbers are in it, and there is room for the next power of two. */
  add(from: number, count: number, id: number, half: number): number {
    let start = from;
    if (count === 0) start = this.#take(0);
    else if ((count & (count - 1)) === 0) {
      start = this.#take(Math.log2(count) + 1);
      this.ids.copyWithin(start, from, from + count);
      this.halves.copyWithin(start, from, from + count);
      this.#free[Math.log2(count)]!.push(from);
    }
    this.ids[start + count] = id;
    this.halves[start + count] = half;
    return start;
  }

  #take(power: number): number {
    const left = this.#free[power]!.pop();
    if (left !== undefined) return left;
    const start = this.#end;
    this.#end += 2 ** power;
    if (this.#end > this.ids.length) {
      this.ids = larger(this.ids, 2 * this.#end);
      this.halves = larger(this.halves, 2 * this.#end);
    }
    return start;
  }
}

function larger<Numbers extends Int32Array | Uint32Array>(numbers: Numbers, length: number): Numbers {
  const room = new (numbers.constructor as new (length: number) => Numbers)(length);
  room.set(numbers);
  return room;
}

/** The 32 bits that hold another band. */
const otherHalf = ({ high, low }: PhotoHash, band: number) => (band < 2 ? low : high);

function bandOf({ high, low }: PhotoHash, band: number): number {
  const word = band < 2 ? high : low;
  return band % 2 === 0 ? word >>> 16 : word & 0xffff;
}

function flips(): number[][] {
  const single = Array.from({ length: 16 }, (_, bit) => 1 << bit);
  const pairs = single.flatMap((a) => single.filter((b) => b > a).map((b) => a | b));
  return [[0], [0, ...single], [0, ...single, ...pairs]];
}
