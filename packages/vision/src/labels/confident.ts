// Confident learning (Northcutt, Jiang and Chuang 2021, arXiv:1911.00068): which labels are wrong, judged by probabilities of models that did not see them.

export interface LabelledProbabilities {
  /** [n, classes], each row from a model that was not trained on that row. */
  readonly probabilities: Float32Array;
  /** Class per row. */
  readonly targets: ArrayLike<number>;
  readonly classes: number;
}

export interface LabelDoubt {
  readonly row: number;
  /** The most probable class. */
  readonly suggested: number;
  /** Normalised margin (P[given] - max of the others + 1) / 2: 0 is certainly wrong, 1 certainly right. */
  readonly margin: number;
  /** P[given]. */
  readonly selfConfidence: number;
}

export interface LabelFindings {
  /** Labels that are probably wrong, the surest first. */
  readonly doubts: readonly LabelDoubt[];
  /** Estimated shares of all rows, [given][true]; they sum to 1. */
  readonly joint: readonly (readonly number[])[];
  /** Share of labels estimated to be wrong. */
  readonly noise: number;
}

/** What floating point may take from a probability that is as large as its threshold. */
const ROUNDING = 1e-6;

/** Finds them by "prune by noise rate": of each class as many as the joint says, those with the largest margin. */
export function findWrongLabels(labelled: LabelledProbabilities, leastKept = 1): LabelFindings {
  const joint = calibratedJoint(confidentJoint(labelled), labelled);
  const rows = Array.from({ length: labelled.targets.length }, (_, row) => doubtOf(labelled, row));
  const found = prune(labelled, joint, leastKept).filter((row) => rows[row]!.suggested !== labelled.targets[row]);
  const total = rows.length || 1;
  const shares = joint.map((counts) => counts.map((count) => count / total));
  return {
    doubts: found.map((row) => rows[row]!).sort((a, b) => a.margin - b.margin || a.row - b.row),
    joint: shares,
    noise: 1 - shares.reduce((sum, counts, k) => sum + counts[k]!, 0),
  };
}

/** How far each row's label is to be doubted, whether it is found wrong or not. On a tie the given label counts as the most probable. */
export function doubtOf({ probabilities, targets, classes }: LabelledProbabilities, row: number): LabelDoubt {
  const given = targets[row]!;
  const selfConfidence = probabilities[row * classes + given]!;
  let [suggested, best, rival] = [given, selfConfidence + ROUNDING, Number.NEGATIVE_INFINITY];
  for (let k = 0; k < classes; k++) {
    if (k === given) continue;
    const p = probabilities[row * classes + k]!;
    if (p > best) [suggested, best] = [k, p];
    rival = Math.max(rival, p);
  }
  return { row, suggested, margin: (selfConfidence - rival + 1) / 2, selfConfidence };
}

/** Mean probability of each class over the rows that carry its label: what counts as confident differs from class to class. */
export function classThresholds({ probabilities, targets, classes }: LabelledProbabilities): Float64Array {
  const sums = new Float64Array(classes);
  const counts = new Float64Array(classes);
  for (let row = 0; row < targets.length; row++) {
    sums[targets[row]!]! += probabilities[row * classes + targets[row]!]!;
    counts[targets[row]!]! += 1;
  }
  // No probability reaches 2: a class without rows is nobody's true class.
  return sums.map((sum, k) => (counts[k] === 0 ? 2 : Math.max(sum / counts[k]!, 2e-6)));
}

/** Counts [given][true]: a row counts for the class whose threshold it reaches, the most probable one where there are several, or not at all. */
export function confidentJoint(labelled: LabelledProbabilities): number[][] {
  const { probabilities, targets, classes } = labelled;
  const thresholds = classThresholds(labelled);
  const joint = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let row = 0; row < targets.length; row++) {
    let [reached, only, top] = [0, -1, 0];
    for (let k = 0; k < classes; k++) {
      const p = probabilities[row * classes + k]!;
      if (p > probabilities[row * classes + top]!) top = k;
      if (p < thresholds[k]! - ROUNDING) continue;
      reached += 1;
      only = k;
    }
    if (reached > 0) joint[targets[row]!]![reached === 1 ? only : top]! += 1;
  }
  for (let k = 0; k < classes; k++) joint[k]![k] = Math.max(joint[k]![k]!, 1);
  return joint;
}

/** The joint scaled so that each class has as many rows as there are labels of it, in whole numbers. */
export function calibratedJoint(joint: readonly (readonly number[])[], { targets }: LabelledProbabilities): number[][] {
  const counts = new Array<number>(joint.length).fill(0);
  for (let row = 0; row < targets.length; row++) counts[targets[row]!]! += 1;
  return joint.map((row, given) => {
    const sum = row.reduce((total, count) => total + count, 0);
    return wholeNumbers(
      row.map((count) => (count * counts[given]!) / sum),
      counts[given]!,
    );
  });
}

/** Rounded so that they sum to `total`: the largest remainders are rounded up (Hamilton's method), earlier ones first on a tie. */
function wholeNumbers(values: readonly number[], total: number): number[] {
  const whole = values.map(Math.floor);
  const left = total - whole.reduce((sum, value) => sum + value, 0);
  const order = values.map((value, i) => ({ i, rest: value - whole[i]! })).sort((a, b) => b.rest - a.rest || a.i - b.i);
  for (const { i } of order.slice(0, left)) whole[i]! += 1;
  return whole;
}

/** For each given g and other j, the joint[g][j] rows of g with the largest P[j] - P[g]; of each class `leastKept` rows stay at least. */
function prune({ probabilities, targets, classes }: LabelledProbabilities, joint: number[][], leastKept: number) {
  const found = new Set<number>();
  for (let given = 0; given < classes; given++) {
    const rows = Array.from(targets, (_, row) => row).filter((row) => targets[row] === given);
    const spare = Math.max(rows.length - leastKept, 0);
    const wrong = joint[given]!.reduce((sum, count, k) => (k === given ? sum : sum + count), 0);
    const share = wrong > spare ? spare / wrong : 1;
    for (let other = 0; other < classes; other++) {
      const count = other === given ? 0 : Math.floor(joint[given]![other]! * share);
      if (count === 0) continue;
      const lead = (row: number) => probabilities[row * classes + other]! - probabilities[row * classes + given]!;
      for (const row of rows.toSorted((a, b) => lead(b) - lead(a) || a - b).slice(0, count)) found.add(row);
    }
  }
  return [...found];
}
