// How many photos look, in two blocks of memory: 320 bytes each, whatever garbage collection does about ten thousand small arrays.

import type { PhotoHash } from "./perceptual.ts";

const ORIENTATIONS = 8;
const SKETCH_BYTES = 256;

/** What `orientedHashes` and `sketchOf` say of a photo, by its number. */
export class Looks {
  /** Two words for each orientation. */
  readonly #hashes: Uint32Array;
  readonly #sketches: Uint8Array;
  readonly #known: Uint8Array;

  constructor(count: number) {
    this.#hashes = new Uint32Array(count * ORIENTATIONS * 2);
    this.#sketches = new Uint8Array(count * SKETCH_BYTES);
    this.#known = new Uint8Array(count);
  }

  /** @param hashes none for a photo that is too flat to have any */
  set(at: number, hashes: readonly PhotoHash[], sketch: Uint8Array): void {
    this.#known[at] = hashes.length === ORIENTATIONS ? 1 : 0;
    for (const [i, { high, low }] of hashes.entries()) this.#hashes.set([high, low], 2 * (at * ORIENTATIONS + i));
    this.#sketches.set(sketch, at * SKETCH_BYTES);
  }

  /** As they were set: eight, or none. */
  hashes(at: number): PhotoHash[] {
    const words = this.#hashes.subarray(2 * at * ORIENTATIONS);
    const count = this.#known[at] === 1 ? ORIENTATIONS : 0;
    return Array.from({ length: count }, (_, i) => ({ high: words[2 * i]!, low: words[2 * i + 1]! }));
  }

  sketch(at: number): Uint8Array {
    return this.#sketches.subarray(at * SKETCH_BYTES, (at + 1) * SKETCH_BYTES);
  }
}
