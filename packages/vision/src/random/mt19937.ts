// MT19937 (Matsumoto and Nishimura 1998) and torch's CPU randperm on it: the same seed splits a data set as fastai's RandomSplitter does.

const N = 624;
const M = 397;

/** The generator behind `torch.manual_seed`: yields unsigned 32-bit integers. Only the low 32 bits of the seed count, as in torch. */
export class Mt19937 {
  readonly #state = new Uint32Array(N);
  #index = N;

  constructor(seed: number) {
    this.#state[0] = seed >>> 0;
    for (let i = 1; i < N; i++) {
      const previous = this.#state[i - 1]!;
      this.#state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
    }
  }

  u32(): number {
    if (this.#index === N) this.#twist();
    let y = this.#state[this.#index++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < N; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % N]! & 0x7fffffff);
      state[i] = state[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#index = 0;
  }
}

/**
 * `torch.randperm(n)` after `torch.manual_seed(seed)`, on the CPU. torch reduces by modulo, bias and all; from 2^32 / 20
 * elements on it takes another path, which no data set of photos reaches.
 */
export function randperm(n: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, index) => index);
  const generator = new Mt19937(seed);
  for (let i = 0; i < n - 1; i++) {
    const j = i + (generator.u32() % (n - i));
    const held = order[i]!;
    order[i] = order[j]!;
    order[j] = held;
  }
  return order;
}
