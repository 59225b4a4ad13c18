// What a set of answers amounts to: the figures that training, evaluation and the model file's metadata share.

import {
  accuracy,
  classScores,
  confusionMatrix,
  expectedCalibrationError,
  macroScores,
  mostConfused,
  reliabilityBins,
  wilsonInterval,
} from "@ballsight/vision";

export interface Answers {
  /** [n, classes], rows sum to 1. */
  readonly probabilities: Float32Array;
  readonly predicted: Int32Array;
  readonly targets: Int32Array;
}

/** Pairs of classes that the figures name; the confusion matrix has the rest. */
const MOST_PAIRS = 10;

/** Figures by the names that `--json` and `ballsight.metrics` give them; all shares are 0..1. */
export function measure(labels: readonly string[], { probabilities, predicted, targets }: Answers) {
  const confusion = confusionMatrix(predicted, targets, labels.length);
  const classes = classScores(confusion);
  const hits = confusion.reduce((sum, row, k) => sum + row[k]!, 0);
  const reliability = reliabilityBins(probabilities, targets, labels.length);
  return {
    metrics: {
      accuracy: accuracy(predicted, targets),
      interval95: wilsonInterval(hits, targets.length),
      count: targets.length,
      classes: classes.map((scores, k) => ({ label: labels[k]!, ...scores })),
      confusion,
      expected_calibration_error: expectedCalibrationError(reliability),
      most_confused: mostConfused(confusion)
        .slice(0, MOST_PAIRS)
        .map(({ actual, predicted: other, count }) => ({ actual: labels[actual]!, predicted: labels[other]!, count })),
    },
    macro: macroScores(classes),
    reliability,
  };
}
