// Splits: index for index as RandomSplitter, and fair to each class.

import fc from "fast-check";
import { expect, test } from "vitest";
import { randomSplit, stratifiedSplit } from "../../src/data/split.ts";

// torch.randperm(10) of seed 42 is 2 6 1 8 4 5 0 9 3 7 (T1).
test("the first int(validPct * n) of the permutation validate", () => {
  expect(randomSplit(10, 0.2, 42)).toEqual({ valid: [2, 6], train: [1, 8, 4, 5, 0, 9, 3, 7] });
  expect(randomSplit(10, 0.39, 42).valid).toEqual([2, 6, 1]);
  expect(randomSplit(10, 0, 42).valid).toEqual([]);
});

test("int() truncates the float product, as Python does: 0.29 * 100 is 28.999...", () => {
  expect(randomSplit(100, 0.29, 42).valid).toHaveLength(28);
});

test("stratified: each class gives its rounded share, in the order of the permutation", () => {
  const targets = [0, 0, 0, 0, 0, 0, 1, 1, 1, 2];
  expect(stratifiedSplit(targets, 0.25, 42)).toEqual({ valid: [2, 6, 1], train: [8, 4, 5, 0, 9, 3, 7] });
});

test("stratified: two photos of a class part, even at a small or a large share; share 0 takes none", () => {
  const targets = [0, 0, 1, 1];
  for (const share of [0.01, 0.99]) {
    const { valid } = stratifiedSplit(targets, share, 7);
    expect(valid.map((index) => targets[index]).sort()).toEqual([0, 1]);
  }
  expect(stratifiedSplit(targets, 0, 7).valid).toEqual([]);
});

test("both splits are partitions; the stratified one leaves every class a photo to train on", () => {
  const inputs = fc.tuple(
    fc.array(fc.nat(5), { minLength: 1, maxLength: 200 }),
    fc.double({ min: 0, max: 0.99, noNaN: true }),
    fc.maxSafeInteger(),
  );
  fc.assert(
    fc.property(inputs, ([targets, share, seed]) => {
      const all = targets.map((_, index) => index);
      for (const { train, valid } of [
        randomSplit(targets.length, share, seed),
        stratifiedSplit(targets, share, seed),
      ]) {
        expect([...train, ...valid].sort((a, b) => a - b)).toEqual(all);
      }
      const { train } = stratifiedSplit(targets, share, seed);
      expect(new Set(train.map((index) => targets[index]))).toEqual(new Set(targets));
    }),
  );
});

test.each([[-0.1], [1], [Number.NaN]])("a share of %d is refused", (share) => {
  expect(() => randomSplit(10, share, 42)).toThrow("expected a share of the photos, 0 to below 1 for `valid`");
});

test("a seed with a fraction is refused", () => {
  expect(() => stratifiedSplit([0, 1], 0.5, 1.5)).toThrow("`seed` but received 1.5");
});
