// Which photos of a training are copies of one another, from the squares that it reads anyway: a copy on the other side of the split would be a leak.

import { HashIndex } from "../hash/hashIndex.ts";
import { ALIKE, likeness, sketchOf } from "../hash/likeness.ts";
import { HASH_SIDE, orientedHashes, type PhotoHash } from "../hash/perceptual.ts";

export interface GroupOptions {
  /** Of each photo's content. */
  readonly sha256: readonly string[];
  /** Side of the squares, at least 32. */
  readonly side: number;
  /** Squares of these photos, uint8 [n, side, side, 3]. */
  readonly read: (indices: readonly number[]) => Promise<Uint8Array>;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Squares in memory at a time. */
const AT_ONCE = 64;

/**
 * A number per photo, the same for copies: of the same bytes, or near by their hash and alike in their sketch (as `verify` and `clean` find them;
 * crops need a model). Everything that hangs together is one group: for a split it does not matter that its ends may differ.
 */
export async function copyGroups({ sha256, side, read, onProgress }: GroupOptions): Promise<Int32Array> {
  const groups = new Groups(sha256.length);
  const byContent = new Map<string, number>();
  const index = new HashIndex<number>();
  const sketches: Uint8Array[] = [];
  for (let from = 0; from < sha256.length; from += AT_ONCE) {
    const indices = Array.from({ length: Math.min(AT_ONCE, sha256.length - from) }, (_, i) => from + i);
    const squares = await read(indices);
    const bytes = side * side * 3;
    for (const [i, photo] of indices.entries()) {
      const grey = shrink(squares.subarray(i * bytes, (i + 1) * bytes), side);
      const sketch = sketchOf(grey);
      sketches.push(sketch);
      const same = byContent.get(sha256[photo]!);
      if (same !== undefined) {
        groups.join(photo, same);
        continue;
      }
      byContent.set(sha256[photo]!, photo);
      const hashes: readonly PhotoHash[] = orientedHashes(grey);
      for (const other of index.near(hashes))
        if (likeness(sketches[other]!, sketch) >= ALIKE) groups.join(photo, other);
      if (hashes[0] !== undefined) index.add(photo, hashes[0]);
    }
    onProgress?.(from + indices.length, sha256.length);
  }
  return groups.numbers();
}

/** 32 x 32 means of the luma (ITU-R BT.601). */
function shrink(square: Uint8Array, side: number): Float32Array {
  const sums = new Float32Array(HASH_SIDE ** 2);
  const counts = new Float32Array(HASH_SIDE ** 2);
  for (let y = 0; y < side; y++) {
    const row = Math.floor((y * HASH_SIDE) / side) * HASH_SIDE;
    for (let x = 0; x < side; x++) {
      const at = 3 * (y * side + x);
      const cell = row + Math.floor((x * HASH_SIDE) / side);
      sums[cell]! += 0.299 * square[at]! + 0.587 * square[at + 1]! + 0.114 * square[at + 2]!;
      counts[cell]! += 1;
    }
  }
  return sums.map((sum, cell) => sum / counts[cell]!);
}

/** Union-find; a group's number is its first photo. */
export class Groups {
  readonly #above: Int32Array;

  constructor(count: number) {
    this.#above = Int32Array.from({ length: count }, (_, i) => i);
  }

  join(a: number, b: number): void {
    const [x, y] = [this.#first(a), this.#first(b)];
    this.#above[Math.max(x, y)] = Math.min(x, y);
  }

  numbers(): Int32Array {
    return this.#above.map((_, i) => this.#first(i));
  }

  #first(photo: number): number {
    let at = photo;
    while (this.#above[at] !== at) {
      this.#above[at] = this.#above[this.#above[at]!]!;
      at = this.#above[at]!;
    }
    return at;
  }
}
