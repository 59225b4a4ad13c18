// Random numbers: torch's permutation, Philox against its published answers, and the distributions drawn from it.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Generator, STREAMS } from "../../src/random/generator.ts";
import { Mt19937, randperm } from "../../src/random/mt19937.ts";
import { philox4x32 } from "../../src/random/philox.ts";

describe("MT19937", () => {
  test("first and ten-thousandth word of seed 5489 (the C++ standard, [rand.predef])", () => {
    const generator = new Mt19937(5489);
    expect(generator.u32()).toBe(3499211612);
    for (let i = 2; i < 10_000; i++) generator.u32();
    expect(generator.u32()).toBe(4123659995);
  });

  test.each([
    [42, [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]],
    [0, [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]],
    [1, [5, 6, 1, 2, 0, 8, 9, 3, 7, 4]],
    [2 ** 32 + 1, [5, 6, 1, 2, 0, 8, 9, 3, 7, 4]],
    [2 ** 53 - 1, [1, 4, 6, 2, 0, 5, 8, 7, 9, 3]],
  ])("torch.randperm(10) of seed %d (T1)", (seed, expected) => {
    expect([...randperm(10, seed)]).toEqual(expected);
  });

  test("a permutation of nothing and of one", () => {
    expect([...randperm(0, 42)]).toEqual([]);
    expect([...randperm(1, 42)]).toEqual([0]);
  });
});

describe("Philox4x32-10", () => {
  // Random123's kat_vectors.
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)("counter %j, key %j", (counter, key, expected) => {
    expect(philox4x32(counter, key)).toEqual(expected);
  });
});

describe("Generator", () => {
  const address = { seed: 2 ** 40 + 7, epoch: 3, step: 11, stream: STREAMS.augment };

  test("words come from Philox at (block, epoch, step, stream) under the seed", () => {
    const draws = new Generator(address);
    const words = Array.from({ length: 8 }, () => draws.u32());
    const block = (index: number) => philox4x32([index, 3, 11, STREAMS.augment], [7, 256]);
    expect(words).toEqual([...block(0), ...block(1)]);
  });

  test("goes on from its state, whatever was drawn before", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("u32", "uniform", "normal", "beta", "integer")), (calls) => {
        const draw = (draws: Generator, call: string) =>
          call === "u32"
            ? draws.u32()
            : call === "uniform"
              ? draws.uniform()
              : call === "normal"
                ? draws.normal()
                : call === "beta"
                  ? draws.beta(0.4, 0.4)
                  : draws.integer(7);
        const first = new Generator(address);
        for (const call of calls) draw(first, call);
        const resumed = new Generator(JSON.parse(JSON.stringify(first.state)));
        expect([resumed.uniform(), resumed.normal()]).toEqual([first.uniform(), first.normal()]);
      }),
    );
  });

  test.each([
    ["seed", { seed: 8 }],
    ["high half of the seed", { seed: 2 ** 41 + 7 }],
    ["epoch", { epoch: 4 }],
    ["step", { step: 12 }],
    ["stream", { stream: STREAMS.mixup }],
  ])("another %s draws other numbers", (_, change) => {
    expect(new Generator({ ...address, ...change }).u32()).not.toBe(new Generator(address).u32());
  });

  const moments = (draw: () => number, count = 40_000) => {
    const values = Array.from({ length: count }, draw);
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
    return { mean, variance, min: Math.min(...values), max: Math.max(...values) };
  };
  // Tolerances are about five standard errors at 40,000 draws; the seed is fixed, so the tests do not flicker.

  test("uniform(2, 6): mean 4, variance 16/12", () => {
    const draws = new Generator({ seed: 1 });
    const { mean, variance, min, max } = moments(() => draws.uniform(2, 6));
    expect(Math.abs(mean - 4)).toBeLessThan(0.03);
    expect(Math.abs(variance - 16 / 12)).toBeLessThan(0.03);
    expect(min).toBeGreaterThanOrEqual(2);
    expect(max).toBeLessThan(6);
  });

  test("normal(3, 2): mean 3, variance 4, 68.3 % within one deviation", () => {
    const draws = new Generator({ seed: 2 });
    let within = 0;
    const { mean, variance } = moments(() => {
      const value = draws.normal(3, 2);
      if (Math.abs(value - 3) < 2) within++;
      return value;
    });
    expect(Math.abs(mean - 3)).toBeLessThan(0.05);
    expect(Math.abs(variance - 4)).toBeLessThan(0.15);
    expect(Math.abs(within / 40_000 - 0.6827)).toBeLessThan(0.012);
  });

  test.each([
    [0.4, 0.4],
    [1, 1],
    [2, 5],
    [0.01, 0.01],
  ])("beta(%d, %d) has its mean and variance", (a, b) => {
    const draws = new Generator({ seed: 3 });
    const { mean, variance, min, max } = moments(() => draws.beta(a, b));
    expect(Math.abs(mean - a / (a + b))).toBeLessThan(0.013);
    expect(Math.abs(variance - (a * b) / ((a + b) ** 2 * (a + b + 1)))).toBeLessThan(0.005);
    expect(min).toBeGreaterThanOrEqual(0);
    expect(max).toBeLessThanOrEqual(1);
  });

  test("integer(6) is even over its range", () => {
    const draws = new Generator({ seed: 4 });
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 60_000; i++) counts[draws.integer(6)]!++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(460);
  });

  test("permutation(3) gives the six orders equally often", () => {
    const draws = new Generator({ seed: 5 });
    const counts = new Map<string, number>();
    for (let i = 0; i < 12_000; i++) {
      const order = draws.permutation(3).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(205);
  });
});
