// Which photos train and which validate: fastai's RandomSplitter, and the same permutation kept fair to every class.

import { fail } from "../errors.ts";
import { randperm } from "../random/mt19937.ts";

/** Indices into the data set's sorted order, both in the order of the permutation. */
export interface Split {
  readonly train: number[];
  readonly valid: number[];
}

/** Photos with the same number are copies of one another: all train, or all validate. */
export type CopyGroups = ArrayLike<number>;

/**
 * fastai's `RandomSplitter(validPct, seed)`, index for index: the first int(validPct * n) of torch's permutation validate.
 * With `groups`, the first of a group in the permutation takes the others along, for as long as there is room: no more photos validate, and
 * where no photo has a copy it is the same split.
 */
export function randomSplit(n: number, validPct: number, seed: number, groups?: CopyGroups): Split {
  checkOptions(validPct, seed);
  const order = [...randperm(n, seed)];
  let left = Math.trunc(validPct * n);
  return divide(order, groups, (members) => {
    if (members.length > left) return false;
    left -= members.length;
    return true;
  });
}

/**
 * Of each class's n photos round(validPct * n) validate, but at least one does and one does not where there are two.
 * They are the class's first ones in the permutation of `randomSplit`. A class's only photo trains. `validPct` 0 leaves all to training.
 * With `groups`, copies stay together, as in `randomSplit`; a class whose photos are all copies of one another may then have none.
 */
export function stratifiedSplit(
  targets: ArrayLike<number>,
  validPct: number,
  seed: number,
  groups?: CopyGroups,
): Split {
  checkOptions(validPct, seed);
  const wanted = new Map<number, number>();
  for (let i = 0; i < targets.length; i++) wanted.set(targets[i]!, (wanted.get(targets[i]!) ?? 0) + 1);
  for (const [target, count] of wanted) {
    const share = Math.min(Math.max(Math.round(validPct * count), 1), count - 1);
    wanted.set(target, validPct === 0 ? 0 : share);
  }
  return divide([...randperm(targets.length, seed)], groups, (members) => {
    const needed = new Map<number, number>();
    for (const index of members) needed.set(targets[index]!, (needed.get(targets[index]!) ?? 0) + 1);
    if ([...needed].some(([target, count]) => wanted.get(target)! < count)) return false;
    for (const [target, count] of needed) wanted.set(target, wanted.get(target)! - count);
    return true;
  });
}

/** @param validates asked once for each group, in the order of the permutation */
function divide(
  order: readonly number[],
  groups: CopyGroups | undefined,
  validates: (members: readonly number[]) => boolean,
): Split {
  const members = new Map<number, number[]>();
  const groupOf = (index: number) => groups?.[index] ?? index;
  for (const index of order) {
    const group = members.get(groupOf(index));
    if (group === undefined) members.set(groupOf(index), [index]);
    else group.push(index);
  }
  const isValid = new Map([...members].map(([group, indices]) => [group, validates(indices)]));
  return {
    valid: order.filter((index) => isValid.get(groupOf(index))),
    train: order.filter((index) => !isValid.get(groupOf(index))),
  };
}

function checkOptions(validPct: number, seed: number): void {
  if (!(validPct >= 0 && validPct < 1)) {
    fail("BAD_OPTION", { option: "valid", expected: "a share of the photos, 0 to below 1", received: validPct });
  }
  if (!Number.isSafeInteger(seed)) {
    fail("BAD_OPTION", { option: "seed", expected: "a whole number of at most 53 bits", received: seed });
  }
}
