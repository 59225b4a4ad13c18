// What the photos most like a photo are called: a second opinion beside the linear head, which draws straight borders where classes are ragged.

import type { OrtRuntime } from "@ballsight/grad";
import { type Rows, rowCount } from "./features.ts";
import { nearestRows } from "./nearest.ts";

const VOTERS = 40;
/** Further ones that are asked for, as some may be of the photo's own group. */
const SPARE = 24;
/** Cosine by which a vote falls to a third and a bit (1 / e). */
const REACH = 0.05;
/** Share of the answer that is the same for all classes: forty photos that agree are not certain. */
const PRIOR = 1 / 6;

export interface VotesOptions {
  readonly runtime: OrtRuntime;
  /** Rows of length 1. */
  readonly features: Rows;
  readonly targets: ArrayLike<number>;
  readonly classes: number;
  /** Rows of one group do not vote about one another: copies would vouch for themselves. */
  readonly groups: ArrayLike<number>;
}

/** Probabilities [n, classes]; alike for all classes where nobody is left to vote. */
export async function neighbourVotes({ runtime, features, targets, classes, groups }: VotesOptions) {
  const count = rowCount(features);
  const { rows, cosines, k } = await nearestRows(runtime, features, features, VOTERS + SPARE);
  const votes = new Float32Array(count * classes);
  for (let row = 0; row < count; row++) {
    let [voters, sum] = [0, 0];
    for (let at = row * k; at < (row + 1) * k && voters < VOTERS; at++) {
      const other = rows[at]!;
      if (groups[other] === groups[row]) continue;
      const weight = Math.exp((cosines[at]! - 1) / REACH);
      votes[row * classes + targets[other]!]! += weight;
      voters += 1;
      sum += weight;
    }
    for (let at = row * classes; at < (row + 1) * classes; at++) {
      votes[at] = (sum === 0 ? (1 - PRIOR) / classes : ((1 - PRIOR) * votes[at]!) / sum) + PRIOR / classes;
    }
  }
  return votes;
}
