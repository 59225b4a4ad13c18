// Random numbers addressed by (seed, epoch, step, stream): a run resumed at step k draws what it would have drawn, without replay.

import { philox4x32 } from "./philox.ts";

/** One stream per purpose, so that turning one thing off leaves the draws of the others alone. Saved runs rely on the numbers. */
export const STREAMS = { order: 0, augment: 1, mixup: 2, dropout: 3, init: 4 } as const;

/** Where a generator stands, as plain data. `position` counts the 32-bit words drawn. */
export interface GeneratorState {
  /** An integer of at most 53 bits. */
  readonly seed: number;
  readonly epoch: number;
  readonly step: number;
  readonly stream: number;
  readonly position: number;
}

/**
 * @example
 * const draws = new Generator({ seed: 42, epoch: 0, step: 17, stream: STREAMS.augment });
 * const angle = draws.uniform(-10, 10);
 */
export class Generator {
  readonly #address: Omit<GeneratorState, "position">;
  readonly #key: readonly [number, number];
  #position: number;
  #block = -1;
  #words: readonly number[] = [];

  constructor({ seed, epoch = 0, step = 0, stream = 0, position = 0 }: Partial<GeneratorState> & { seed: number }) {
    this.#address = { seed, epoch, step, stream };
    this.#key = [seed >>> 0, Math.floor(seed / 0x100000000) >>> 0];
    this.#position = position;
  }

  get state(): GeneratorState {
    return { ...this.#address, position: this.#position };
  }

  /** An integer in [0, 2^32). */
  u32(): number {
    const block = Math.floor(this.#position / 4);
    if (block !== this.#block) {
      const { epoch, step, stream } = this.#address;
      this.#words = philox4x32([block, epoch, step, stream], this.#key);
      this.#block = block;
    }
    return this.#words[this.#position++ % 4]!;
  }

  /** In [low, high), with 53 random bits. */
  uniform(low = 0, high = 1): number {
    const unit = ((this.u32() >>> 5) * 0x4000000 + (this.u32() >>> 6)) / 2 ** 53;
    return low + unit * (high - low);
  }

  /** True with this probability; always draws, so that a neighbour's draws do not move when a probability becomes 0. */
  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** An integer in [0, n), unbiased: words beyond the last full multiple of n are drawn again. */
  integer(n: number): number {
    const limit = 0x100000000 - (0x100000000 % n);
    let word = this.u32();
    while (word >= limit) word = this.u32();
    return word % n;
  }

  /** Box and Muller's first value; the second is dropped, since keeping it would be state beyond the position. */
  normal(mean = 0, std = 1): number {
    // 1 - u lies in (0, 1]: the logarithm stays finite.
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return mean + std * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Beta(a, b) in [0, 1]. As a ratio of logarithms of gamma draws: for small a both draws underflow to 0 otherwise. */
  beta(a: number, b: number): number {
    const x = this.#logGamma(a);
    const y = this.#logGamma(b);
    return 1 / (1 + Math.exp(y - x));
  }

  /** The integers 0..n-1 in random order (Fisher and Yates). */
  permutation(n: number): Uint32Array {
    return this.shuffle(Uint32Array.from({ length: n }, (_, index) => index));
  }

  /** Shuffles in place and returns what it was given. */
  shuffle<T extends Uint32Array | Int32Array | unknown[]>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
    return items;
  }

  /** Logarithm of a Gamma(shape, 1) draw: Marsaglia and Tsang 2000, with their boost U^(1/shape) below shape 1. */
  #logGamma(shape: number): number {
    if (shape < 1) return this.#logGamma(shape + 1) + Math.log(1 - this.uniform()) / shape;
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      const u = 1 - this.uniform();
      if (v > 0 && Math.log(u) < (x * x) / 2 + d * (1 - v + Math.log(v))) return Math.log(d * v);
    }
  }
}
