// Which photos train and which validate: fastai's RandomSplitter, and the same permutation kept fair to every class.

import { fail } from "../errors.ts";
import { randperm } from "../random/mt19937.ts";

/** Indices into the data set's sorted order, both in the order of the permutation. */
export interface Split {
  readonly train: number[];
  readonly valid: number[];
}

/** fastai's `RandomSplitter(validPct, seed)`, index for index: the first int(validPct * n) of torch's permutation validate. */
export function randomSplit(n: number, validPct: number, seed: number): Split {
  checkOptions(validPct, seed);
  const order = [...randperm(n, seed)];
  const cut = Math.trunc(validPct * n);
  return { valid: order.slice(0, cut), train: order.slice(cut) };
}

/**
 * Of each class's n photos round(validPct * n) validate, but at least one does and one does not where there are two.
 * They are the class's first ones in the permutation of `randomSplit`. A class's only photo trains. `validPct` 0 leaves all to training.
 */
export function stratifiedSplit(targets: ArrayLike<number>, validPct: number, seed: number): Split {
  checkOptions(validPct, seed);
  const wanted = new Map<number, number>();
  for (let i = 0; i < targets.length; i++) wanted.set(targets[i]!, (wanted.get(targets[i]!) ?? 0) + 1);
  for (const [target, count] of wanted) {
    const share = Math.min(Math.max(Math.round(validPct * count), 1), count - 1);
    wanted.set(target, validPct === 0 ? 0 : share);
  }
  const split: Split = { train: [], valid: [] };
  for (const index of randperm(targets.length, seed)) {
    const left = wanted.get(targets[index]!)!;
    (left > 0 ? split.valid : split.train).push(index);
    wanted.set(targets[index]!, left - 1);
  }
  return split;
}

function checkOptions(validPct: number, seed: number): void {
  if (!(validPct >= 0 && validPct < 1)) {
    fail("BAD_OPTION", { option: "valid", expected: "a share of the photos, 0 to below 1", received: validPct });
  }
  if (!Number.isSafeInteger(seed)) {
    fail("BAD_OPTION", { option: "seed", expected: "a whole number of at most 53 bits", received: seed });
  }
}
