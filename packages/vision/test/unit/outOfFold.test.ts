// Folds that keep groups together and classes even, and the minimiser behind the heads.

import fc from "fast-check";
import { expect, test } from "vitest";
import { minimize } from "../../src/labels/lbfgs.ts";
import { assignFolds } from "../../src/labels/outOfFold.ts";

test("groups are held out together, and single photos of a class spread evenly", () => {
  const photos = fc.array(fc.record({ target: fc.nat(3), group: fc.nat(60) }), { minLength: 1, maxLength: 80 });
  fc.assert(
    fc.property(photos, fc.nat(1000), (rows, seed) => {
      const targets = rows.map(({ target }) => target);
      const alone = rows.map((_, i) => i);
      const even = assignFolds(targets, alone, 5, seed);
      for (let k = 0; k < 4; k++) {
        const sizes = [0, 1, 2, 3, 4].map((fold) => even.filter((own, i) => own === fold && targets[i] === k).length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }
      const groups = rows.map(({ group }) => group);
      const together = assignFolds(targets, groups, 5, seed);
      for (const [i, fold] of together.entries()) expect(together[groups.indexOf(groups[i]!)]).toBe(fold);
      expect([...assignFolds(targets, groups, 5, seed)]).toEqual([...together]);
    }),
  );
});

test("the minimiser finds the bottom of Rosenbrock's valley (1, 1)", async () => {
  const evaluate = async ([x, y]: Float64Array) => ({
    value: (1 - x!) ** 2 + 100 * (y! - x! ** 2) ** 2,
    gradient: Float64Array.of(-2 * (1 - x!) - 400 * x! * (y! - x! ** 2), 200 * (y! - x! ** 2)),
  });
  const [x, y] = await minimize(evaluate, Float64Array.of(-1.2, 1), { tolerance: 1e-12, iterations: 200 });
  expect(x).toBeCloseTo(1, 5);
  expect(y).toBeCloseTo(1, 5);
});

test("it solves linear equations: the bottom of a quadratic", async () => {
  // A = [[3, 1], [1, 2]], b = [5, 5]: A x = b at x = [1, 2].
  const evaluate = async ([x, y]: Float64Array) => ({
    value: (3 * x! * x! + 2 * x! * y! + 2 * y! * y!) / 2 - 5 * x! - 5 * y!,
    gradient: Float64Array.of(3 * x! + y! - 5, x! + 2 * y! - 5),
  });
  const found = await minimize(evaluate, Float64Array.of(0, 0), { tolerance: 1e-12 });
  expect(found[0]).toBeCloseTo(1, 6);
  expect(found[1]).toBeCloseTo(2, 6);
});
