// The held-out photos on which the networks disagree, the most telling first, and how many they agree on.

import type { PhotoAnswer } from "./result.ts";

export interface Disagreement {
  readonly file: string;
  readonly actual: string;
  /** One per network, in their order. */
  readonly answers: readonly string[];
}

export interface Agreement {
  /** All networks named them right. */
  readonly right: number;
  /** All gave the same wrong name: unusual views, or labels to check. */
  readonly wrong: number;
  /** Photos that split the networks evenly first, then those with more different names. */
  readonly disagreements: readonly Disagreement[];
}

/** @param answers one list per network, each over the same photos in the same order */
export function agreement(answers: readonly (readonly PhotoAnswer[])[]): Agreement {
  const photos = (answers[0] ?? []).map(({ file, actual }, i) => {
    const named = answers.map((list) => list[i]!.predicted);
    return {
      file,
      actual,
      answers: named,
      names: new Set(named).size,
      right: named.filter((n) => n === actual).length,
    };
  });
  const agreed = photos.filter(({ names }) => names === 1);
  const offCentre = (right: number) => Math.abs(right - answers.length / 2);
  return {
    right: agreed.filter(({ right }) => right > 0).length,
    wrong: agreed.filter(({ right }) => right === 0).length,
    disagreements: photos
      .filter(({ names }) => names > 1)
      .sort((a, b) => offCentre(a.right) - offCentre(b.right) || b.names - a.names)
      .map(({ file, actual, answers: named }) => ({ file, actual, answers: named })),
  };
}
