// How long a training will take yet, as far as its epochs so far tell.

import type { EpochRow } from "@ballsight/vision";

/**
 * Seconds, by the epochs in which all layers train: the head alone trains several times quicker and tells nothing.
 * undefined before the first of them is over. Sizes that grow make the rest longer than this.
 * @param epochs planned, in which all layers train
 * @param share of the epoch under way that is done, 0..1
 */
export function timeLeft(rows: readonly EpochRow[], epochs: number, share: number): number | undefined {
  const whole = rows.filter(({ phase }) => phase === "unfrozen");
  const last = whole.at(-1);
  return last === undefined ? undefined : last.seconds * Math.max(0, epochs - whole.length - share);
}
