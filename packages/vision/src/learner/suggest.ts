// What learning rate to take, from the curve of a range test: fastai's four rules.

/** One step of the test: the rate, and the smoothed loss after it. */
export interface LrCurve {
  readonly lrs: readonly number[];
  /** Debiased moving average, as the training's own; NaN from the first step on whose loss was none. */
  readonly losses: readonly number[];
}

export type SuggestRule = "valley" | "steep" | "minimum" | "slide";

export interface LrSuggestion {
  /** null where the rule had too few points. */
  readonly lr: number | null;
  /** Where its dot stands on the curve: at the rate, but for `minimum`, which suggests a tenth of the minimum's. */
  readonly index: number | null;
  /** Points that the rule needs. */
  readonly least: number;
}

/** Points that go into the rules and into the plot. */
interface Points {
  readonly lrs: readonly number[];
  readonly losses: readonly number[];
  /** Index of the first in the curve. */
  readonly from: number;
}

interface Rule {
  readonly least: number;
  /** Index among the points of the suggestion (for `minimum`: of the minimum). */
  readonly at: (points: Points) => number;
}

const WINDOW = 15;
const SLOPE_CHANGE = 0.005;

const RULES: Readonly<Record<SuggestRule, Rule>> = {
  valley: { least: 2, at: ({ losses }) => valleyAt(losses) },
  steep: { least: 2, at: steepAt },
  minimum: { least: 1, at: ({ losses }) => indexOfLeast(losses) },
  slide: { least: WINDOW + 1, at: ({ losses }) => slideAt(losses) },
};

/** What the rules look at: without the first tenth of the steps that were planned, the last five, and all from the first NaN on. */
export function suggestPoints({ lrs, losses }: LrCurve, planned: number): Points {
  const from = Math.floor(planned / 10);
  const nan = losses.findIndex(Number.isNaN);
  // fastai goes on to the last step with losses that are no number: the last five are of those.
  const to = Math.max(from, nan < 0 ? losses.length - 5 : Math.min(nan, planned - 5));
  return { lrs: lrs.slice(from, to), losses: losses.slice(from, to), from };
}

/** All four suggestions. @param planned steps that the test was to make */
export function suggestLrs(curve: LrCurve, planned: number): Record<SuggestRule, LrSuggestion> {
  const points = suggestPoints(curve, planned);
  const suggest = ({ least, at }: Rule, divisor = 1): LrSuggestion => {
    if (points.losses.length < least) return { lr: null, index: null, least };
    const index = at(points);
    return { lr: points.lrs[index]! / divisor, index: points.from + index, least };
  };
  return {
    valley: suggest(RULES.valley),
    steep: suggest(RULES.steep),
    minimum: suggest(RULES.minimum, 10),
    slide: suggest(RULES.slide),
  };
}

/** About half-way down the longest valley: the longest strictly falling subsequence, whose length is counted back from its end. */
function valleyAt(losses: readonly number[]): number {
  const lengths: number[] = [];
  let end = 0;
  for (const [i, loss] of losses.entries()) {
    const before = lengths.map((length, j) => (losses[j]! > loss ? length : 0));
    lengths.push(1 + Math.max(0, ...before));
    if (lengths[i]! > lengths[end]!) end = i;
  }
  const start = end - lengths[end]!;
  const third = (end - start) / 3;
  // A valley of one or two points at the very start would count back beyond it; fastai's index -1 is then the largest rate of all.
  return Math.max(0, start + Math.floor(third) + Math.floor(third / 2));
}

/** Where the loss falls quickest over the logarithm of the rate: the left one of the two points. */
function steepAt({ lrs, losses }: Points): number {
  const slopes = losses.slice(1).map((loss, i) => (loss - losses[i]!) / (Math.log(lrs[i + 1]!) - Math.log(lrs[i]!)));
  return indexOfLeast(slopes);
}

/** From the right, the last place at which the slope still differs from the one fifteen points further on. */
function slideAt(losses: readonly number[]): number {
  const slopes = gradient(losses);
  let right = losses.length - 1;
  let at = right - WINDOW;
  for (let left = at; left >= 0; left--, right--) {
    if (!(Math.abs(slopes[right]! - slopes[left]!) > SLOPE_CHANGE)) break;
    at = left;
  }
  return at;
}

/** NumPy's gradient: central differences, one-sided at the ends. */
function gradient(values: readonly number[]): number[] {
  const last = values.length - 1;
  return values.map((_, i) => {
    const [low, high] = [Math.max(i - 1, 0), Math.min(i + 1, last)];
    return (values[high]! - values[low]!) / (high - low);
  });
}

function indexOfLeast(values: readonly number[]): number {
  let least = 0;
  for (const [i, value] of values.entries()) if (value < values[least]!) least = i;
  return least;
}
