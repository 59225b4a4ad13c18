// What a classifier's answers are worth: accuracy, confusion, precision and recall, calibration, intervals, and the smoothed loss.

/** Index of the largest of each row of [n, classes]; the first on a tie. */
export function argmaxRows(values: ArrayLike<number>, classes: number): Int32Array {
  return Int32Array.from({ length: values.length / classes }, (_, row) => {
    let best = 0;
    for (let k = 1; k < classes; k++) {
      if (values[row * classes + k]! > values[row * classes + best]!) best = k;
    }
    return best;
  });
}

/** Share of predictions that hit; NaN for none. */
export function accuracy(predictions: ArrayLike<number>, targets: ArrayLike<number>): number {
  let hits = 0;
  for (let i = 0; i < targets.length; i++) if (predictions[i] === targets[i]) hits++;
  return hits / targets.length;
}

export function errorRate(predictions: ArrayLike<number>, targets: ArrayLike<number>): number {
  return 1 - accuracy(predictions, targets);
}

/** Counts, rows actual, columns predicted. */
export function confusionMatrix(
  predictions: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < targets.length; i++) matrix[targets[i]!]![predictions[i]!]!++;
  return matrix;
}

export interface ClassScores {
  /** Of what was called this class, how much is; 0 where nothing was called so. */
  readonly precision: number;
  /** Of what is this class, how much was called so; 0 where there is none. */
  readonly recall: number;
  readonly f1: number;
  /** How many photos are this class. */
  readonly support: number;
}

/** Scores of each class; a quotient by 0 counts as 0, as in scikit-learn. */
export function classScores(confusion: readonly (readonly number[])[]): ClassScores[] {
  return confusion.map((row, k) => {
    const hits = row[k]!;
    const support = row.reduce((sum, count) => sum + count, 0);
    const called = confusion.reduce((sum, other) => sum + other[k]!, 0);
    const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
    return {
      precision: ratio(hits, called),
      recall: ratio(hits, support),
      f1: ratio(2 * hits, called + support),
      support,
    };
  });
}

export interface ConfusedPair {
  readonly actual: number;
  readonly predicted: number;
  readonly count: number;
}

/** Pairs of classes taken for one another at least `minimum` times, most often first, ties in the order of the matrix. */
export function mostConfused(confusion: readonly (readonly number[])[], minimum = 1): ConfusedPair[] {
  return confusion
    .flatMap((row, actual) => row.map((count, predicted) => ({ actual, predicted, count })))
    .filter(({ actual, predicted, count }) => actual !== predicted && count >= minimum)
    .sort((a, b) => b.count - a.count);
}

/** Mean of per-batch means, each counted by its number of samples, so that a short last batch weighs less. */
export function weightedMean(means: ArrayLike<number>, counts: ArrayLike<number>): number {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < means.length; i++) {
    sum += means[i]! * counts[i]!;
    total += counts[i]!;
  }
  return sum / total;
}

/** fastai's train_loss: a moving average that starts at 0, divided by the weight it has seen. Plain data, goes into checkpoints. */
export interface SmoothLoss {
  readonly sum: number;
  readonly count: number;
}

const SMOOTHING = 0.98;

export const smoothLoss = {
  init: (): SmoothLoss => ({ sum: 0, count: 0 }),
  update: ({ sum, count }: SmoothLoss, loss: number): SmoothLoss => ({
    sum: SMOOTHING * sum + (1 - SMOOTHING) * loss,
    count: count + 1,
  }),
  /** NaN before the first update. */
  value: ({ sum, count }: SmoothLoss): number => sum / (1 - SMOOTHING ** count),
};

/** Wilson's interval (1927) of a share, both ends in [0, 1]; z 1.96 covers 95 %. Sound for few samples and for 100 %, unlike the normal one. */
export function wilsonInterval(hits: number, count: number, z = 1.959963984540054): { low: number; high: number } {
  if (count === 0) return { low: 0, high: 1 };
  const share = hits / count;
  const scale = 1 + z ** 2 / count;
  const centre = (share + z ** 2 / (2 * count)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/**
 * Expected calibration error (Guo et al. 2017): how far confidence and accuracy lie apart, averaged over equal bins (low, high].
 * @param probabilities [n, classes], rows sum to 1
 */
export function expectedCalibrationError(
  probabilities: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
  bins = 15,
): number {
  const predictions = argmaxRows(probabilities, classes);
  const gaps = new Float64Array(bins);
  for (let i = 0; i < targets.length; i++) {
    const confidence = probabilities[i * classes + predictions[i]!]!;
    // Confidence above 1 by rounding belongs to the last bin.
    const bin = Math.min(Math.max(Math.ceil(confidence * bins) - 1, 0), bins - 1);
    gaps[bin]! += (predictions[i] === targets[i] ? 1 : 0) - confidence;
  }
  // |sum of (hit - confidence)| is the bin's count times its gap, so the counts cancel.
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / targets.length;
}
