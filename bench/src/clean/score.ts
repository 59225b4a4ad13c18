// How well something was found: precision, recall, average precision.

export interface Found {
  /** Of what was called so, how much was planted. */
  readonly precision: number;
  /** Of what was planted, how much was called so. */
  readonly recall: number;
  /** Over everything ranked by its score. */
  readonly averagePrecision: number;
}

/**
 * @param flagged what was called so
 * @param scores of everything, low is bad
 * @param planted what is so
 */
export function found(flagged: readonly number[], scores: ArrayLike<number>, planted: ReadonlySet<number>): Found {
  const hits = flagged.filter((row) => planted.has(row)).length;
  return {
    precision: flagged.length === 0 ? 1 : hits / flagged.length,
    recall: hits / planted.size,
    averagePrecision: averagePrecision(scores, planted),
  };
}

/** Mean, over what was planted, of the precision down to its rank. */
export function averagePrecision(scores: ArrayLike<number>, planted: ReadonlySet<number>): number {
  const ranked = Array.from(scores)
    .map((score, row) => ({ score, row }))
    .sort((a, b) => a.score - b.score || a.row - b.row);
  let [seen, sum] = [0, 0];
  for (const [rank, { row }] of ranked.entries()) if (planted.has(row)) sum += ++seen / (rank + 1);
  return sum / planted.size;
}

export function meanOf(all: readonly Found[]): Found {
  const mean = (value: (one: Found) => number) =>
    Number((all.reduce((sum, one) => sum + value(one), 0) / all.length).toFixed(4));
  return {
    precision: mean(({ precision }) => precision),
    recall: mean(({ recall }) => recall),
    averagePrecision: mean(({ averagePrecision }) => averagePrecision),
  };
}
