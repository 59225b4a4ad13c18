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
 * Means over the classes that have samples, each counting the same; `recall` is the balanced accuracy. scikit-learn's macro average,
 * which is this where all classes have samples, also counts one without that was called, as 0.
 */
export function macroScores(classes: readonly ClassScores[]): ClassScores {
  const present = classes.filter(({ support }) => support > 0);
  const mean = (pick: (scores: ClassScores) => number) =>
    present.reduce((sum, scores) => sum + pick(scores), 0) / present.length;
  return {
    precision: mean(({ precision }) => precision),
    recall: mean(({ recall }) => recall),
    f1: mean(({ f1 }) => f1),
    support: present.reduce((sum, { support }) => sum + support, 0),
  };
}

/**
 * Cross-entropy of each sample, in nats, without label smoothing.
 * @param probabilities [n, classes], rows sum to 1; 0 counts as 1e-12, so that one sample cannot make a mean infinite
 */
export function crossEntropies(
  probabilities: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
): Float64Array {
  return Float64Array.from({ length: targets.length }, (_, i) => {
    // `0 -`, because the negation of log(1) is -0.
    return 0 - Math.log(Math.max(probabilities[i * classes + targets[i]!]!, 1e-12));
  });
}

/** Rows of the `count` largest losses, largest first; equal ones in their order (fastai's top_losses). */
export function topLosses(losses: ArrayLike<number>, count: number): number[] {
  return Array.from({ length: losses.length }, (_, row) => row)
    .sort((a, b) => losses[b]! - losses[a]!)
    .slice(0, count);
}

/** Samples whose highest probability lies in (low, high]. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean highest probability; NaN in an empty bin. */
  readonly confidence: number;
  /** Share of the bin that is right; NaN in an empty bin. */
  readonly accuracy: number;
}

/**
 * The reliability diagram (Guo et al. 2017): how often the model is right when it is this sure, in equal bins.
 * @param probabilities [n, classes], rows sum to 1
 */
export function reliabilityBins(
  probabilities: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
  bins = 15,
): ReliabilityBin[] {
  const predictions = argmaxRows(probabilities, classes);
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, hits: 0 }));
  for (let i = 0; i < targets.length; i++) {
    const confidence = probabilities[i * classes + predictions[i]!]!;
    // Confidence above 1 by rounding belongs to the last bin.
    const bin = sums[Math.min(Math.max(Math.ceil(confidence * bins) - 1, 0), bins - 1)]!;
    bin.count += 1;
    bin.confidence += confidence;
    if (predictions[i] === targets[i]) bin.hits += 1;
  }
  return sums.map(({ count, confidence, hits }, i) => ({
    low: i / bins,
    high: (i + 1) / bins,
    count,
    confidence: confidence / count,
    accuracy: hits / count,
  }));
}

/** Expected calibration error (Guo et al. 2017): how far confidence and accuracy lie apart, averaged over the samples; NaN for none. */
export function expectedCalibrationError(bins: readonly ReliabilityBin[]): number {
  const filled = bins.filter(({ count }) => count > 0);
  const total = filled.reduce((sum, { count }) => sum + count, 0);
  return filled.reduce((sum, bin) => sum + bin.count * Math.abs(bin.accuracy - bin.confidence), 0) / total;
}
