// Numbers that describe a list of times.

/** Least, median and 95th percentile, in the unit of what came in. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly p95: number;
}

/** The middle value; of an even number of values the upper of the two in the middle, as the peer's script takes it. */
export function median(values: readonly number[]): number {
  return at(values, Math.floor(values.length / 2));
}

/** The smallest value that at least `share` (0 to 1) of all do not exceed: the nearest-rank percentile. */
export function percentile(values: readonly number[], share: number): number {
  return at(values, Math.max(0, Math.ceil(share * values.length) - 1));
}

export function spread(values: readonly number[]): Spread {
  return { min: at(values, 0), median: median(values), p95: percentile(values, 0.95) };
}

function at(values: readonly number[], index: number): number {
  const value = [...values].sort((a, b) => a - b)[index];
  if (value === undefined) throw new RangeError("expected at least one value for `values` but received none");
  return value;
}
