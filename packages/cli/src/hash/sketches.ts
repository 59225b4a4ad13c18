// Sketches of photos one by one, in blocks of memory: an array object of its own for each would take as much again.

const SKETCH_BYTES = 256;
const BLOCK = 1024;

export class Sketches {
  readonly #blocks: Uint8Array[] = [];
  #count = 0;

  /** Returns its number: 0, 1, 2, ... */
  add(sketch: Uint8Array): number {
    const at = this.#count++;
    if (at % BLOCK === 0) this.#blocks.push(new Uint8Array(BLOCK * SKETCH_BYTES));
    this.get(at).set(sketch);
    return at;
  }

  /** A view, not a copy. */
  get(at: number): Uint8Array {
    const begin = (at % BLOCK) * SKETCH_BYTES;
    return this.#blocks[Math.floor(at / BLOCK)]!.subarray(begin, begin + SKETCH_BYTES);
  }
}
