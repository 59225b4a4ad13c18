// Out-of-fold probabilities: what each photo is, by a linear head that was trained on others and by the photos nearest to it.

import type { OrtRuntime } from "@ballsight/grad";
import { Generator } from "../random/generator.ts";
import { centredRows, type Rows } from "./features.ts";
import { LinearHeads } from "./linearHead.ts";
import { neighbourVotes } from "./votes.ts";

export interface OutOfFoldOptions {
  readonly runtime: OrtRuntime;
  /** Rows of length 1. */
  readonly features: Rows;
  readonly targets: Int32Array;
  readonly classes: number;
  /** Rows of one group are held out together: a copy with the same wrong label would vouch for it. */
  readonly groups: ArrayLike<number>;
  readonly folds?: number;
  readonly seed?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

const FOLDS = 5;

/**
 * [n, classes], the mean of both opinions: they err about different photos (bench/LOG.md has what each finds alone). The heads are trained one
 * after the other, each in a second for five thousand photos.
 */
export async function outOfFold(options: OutOfFoldOptions): Promise<Float32Array> {
  const { runtime, features, targets, classes, groups, folds = FOLDS, seed = 42, onProgress } = options;
  const foldOf = assignFolds(targets, groups, folds, seed);
  const probabilities = new Float32Array(targets.length * classes);
  const heads = await LinearHeads.open(runtime, centredRows(features), classes);
  try {
    for (let fold = 0; fold < folds; fold++) {
      const train = Array.from(foldOf.keys()).filter((row) => foldOf[row] !== fold);
      const all = await heads.fit({ train, targets });
      for (const [row, own] of foldOf.entries()) {
        if (own === fold) probabilities.set(all.subarray(row * classes, (row + 1) * classes), row * classes);
      }
      onProgress?.(fold + 1, folds);
    }
  } finally {
    await heads.release();
  }
  const votes = await neighbourVotes({ runtime, features, targets, classes, groups });
  return probabilities.map((own, i) => (own + votes[i]!) / 2);
}

/**
 * A fold per row. Each class is spread evenly, in an order drawn from `seed`, and groups stay together: a group goes where its first row's class
 * has fewest rows so far.
 */
export function assignFolds(
  targets: ArrayLike<number>,
  groups: ArrayLike<number>,
  folds: number,
  seed: number,
): Int32Array {
  const members = new Map<number, number[]>();
  for (let row = 0; row < targets.length; row++) {
    const group = members.get(groups[row]!);
    if (group === undefined) members.set(groups[row]!, [row]);
    else group.push(row);
  }
  const order = new Generator({ seed }).shuffle([...members.values()]);
  const counts = new Map<number, number[]>();
  const foldOf = new Int32Array(targets.length);
  for (const rows of order) {
    const target = targets[rows[0]!]!;
    const inFolds = counts.get(target) ?? new Array<number>(folds).fill(0);
    counts.set(target, inFolds);
    const fold = inFolds.indexOf(Math.min(...inFolds));
    inFolds[fold]! += rows.length;
    for (const row of rows) foldOf[row] = fold;
  }
  return foldOf;
}
