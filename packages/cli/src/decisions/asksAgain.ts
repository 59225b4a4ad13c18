// Whether somebody has to look at a photo; one that was decided is shown again only where what is said of it has changed a lot.

import type { Decision, Opinion } from "./entries.ts";
import { standing } from "./state.ts";

/** Scores run from 0 to 1. Another model, or another split into folds, moves a margin by a tenth without meaning anything. */
const A_LOT = 0.25;

/**
 * @param before what was said when somebody decided
 * @param now what is said today
 */
export function asksAgain(before: readonly Opinion[], now: readonly Opinion[]): boolean {
  return now.some((opinion) => {
    const known = before.filter(({ kind, label }) => kind === opinion.kind && label === opinion.label);
    return known.every(({ score }) => score - opinion.score > A_LOT);
  });
}

/**
 * @param decision the one that counts for the photo
 * @param label the photo's, now
 * @param now what is said of it today
 */
export function waits(decision: Decision | undefined, label: string, now: readonly Opinion[]): boolean {
  const stands = standing(decision, label);
  return stands === "none" || (stands === "settled" && asksAgain(decision!.why, now));
}
