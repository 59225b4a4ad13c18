// Temperature scaling (Guo et al. 2017): one number by which logits are divided, so that a model is right as often as it says it is sure.

import { expectedCalibrationError, reliabilityBins } from "./metrics.ts";
import { softmaxRows } from "./validate.ts";

export interface Calibration {
  /** What logits are divided by: below 1 for a model that is less sure than it may be, as label smoothing leaves it. */
  readonly temperature: number;
  /** Expected calibration error as the model answers without it. */
  readonly before: number;
  /**
   * The same with temperatures that were fitted on the other half of the photos than they were measured on: what may be
   * expected of new photos. The error of `temperature` itself on these photos would flatter, as it was fitted on them.
   */
  readonly crossFitted: number;
}

/** From answers on photos that were not trained on. @param probabilities [n, classes], rows sum to 1 */
export function calibrate(probabilities: Float32Array, targets: Int32Array, classes: number): Calibration {
  const error = (answers: Float32Array) => expectedCalibrationError(reliabilityBins(answers, targets, classes));
  const crossed = new Float32Array(probabilities.length);
  for (const half of [0, 1]) {
    const others = rowsWhere(probabilities, targets, classes, (row) => row % 2 !== half);
    const temperature = fitTemperature(others.probabilities, others.targets, classes);
    const scaled = atTemperature(probabilities, classes, temperature);
    for (let row = half; row < targets.length; row += 2)
      crossed.set(scaled.subarray(row * classes, (row + 1) * classes), row * classes);
  }
  return {
    temperature: fitTemperature(probabilities, targets, classes),
    before: error(probabilities),
    crossFitted: error(crossed),
  };
}

/** Between these a fit stays: where all answers are right, or none, there is no best one. */
const LIMITS: readonly [low: number, high: number] = [0.05, 20];

/** The temperature with the least cross-entropy; 1 without photos. */
export function fitTemperature(probabilities: Float32Array, targets: ArrayLike<number>, classes: number): number {
  if (targets.length === 0) return 1;
  // The cross-entropy is convex in 1 / temperature: its slope has one root.
  let [low, high] = [1 / LIMITS[1], 1 / LIMITS[0]];
  for (let i = 0; i < 60; i++) {
    const middle = Math.sqrt(low * high);
    if (slope(probabilities, targets, classes, middle) < 0) low = middle;
    else high = middle;
  }
  return 1 / Math.sqrt(low * high);
}

/** Derivative of the summed cross-entropy by 1 / temperature: expected minus actual logit, logits being log-probabilities. */
function slope(probabilities: Float32Array, targets: ArrayLike<number>, classes: number, inverse: number): number {
  const scaled = atTemperature(probabilities, classes, 1 / inverse);
  let sum = 0;
  for (let row = 0; row < targets.length; row++) {
    sum -= logit(probabilities[row * classes + targets[row]!]!);
    for (let k = 0; k < classes; k++) sum += scaled[row * classes + k]! * logit(probabilities[row * classes + k]!);
  }
  return sum;
}

/** Answers after division of the logits by a temperature. */
export function atTemperature(probabilities: Float32Array, classes: number, temperature: number): Float32Array {
  return softmaxRows(
    probabilities.map((value) => logit(value) / temperature),
    classes,
  );
}

// Zeros are what float32 makes of answers that are very sure.
const logit = (probability: number) => Math.log(Math.max(probability, 1e-30));

function rowsWhere(
  probabilities: Float32Array,
  targets: Int32Array,
  classes: number,
  wanted: (row: number) => boolean,
): { probabilities: Float32Array; targets: Int32Array } {
  return {
    probabilities: probabilities.filter((_, i) => wanted(Math.floor(i / classes))),
    targets: targets.filter((_, row) => wanted(row)),
  };
}
