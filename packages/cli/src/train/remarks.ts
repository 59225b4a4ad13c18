// Sentences on a training that its figures alone do not tell: which epoch was kept, what was chosen by the held-out photos, what was tried.

import type { Calibration, LearnerConfig, PhaseEnd, Validation } from "@ballsight/vision";

/** What test-time augmentation brings: fastai's mix of augmented and plain passes. */
export interface TtaResult {
  readonly passes: number;
  readonly accuracy: number;
  readonly loss: number;
}

/** One line each where a phase ended early, or goes on from another epoch than its last. */
export function phaseRemarks({ phase, epochs, planned, kept }: PhaseEnd, config: LearnerConfig): string[] {
  const { patience, monitor, saveBest } = config;
  const early =
    epochs < planned
      ? [
          `the ${phase} phase ended after ${epochs} of ${planned} epochs: no better ${monitor} for ${patience} ${patience === 1 ? "epoch" : "epochs"}`,
        ]
      : [];
  return saveBest ? [...early, `kept epoch ${kept} of the ${phase} phase, the best by ${monitor}`] : early;
}

/** What is told of the phases once the training is over: for the report and the card. */
export function endRemarks(ends: readonly PhaseEnd[], config: LearnerConfig): string[] {
  const phases = ends.flatMap((end) => phaseRemarks(end, config)).map(sentence);
  const chosen = "The held-out photos chose that epoch, so their own figures are a little flattered.";
  return phases.length === 0 ? [] : [...phases, chosen];
}

export function ttaRemark({ passes, accuracy, loss }: TtaResult, plain: Validation): string {
  return `With test-time augmentation (${passes} ${passes === 1 ? "pass" : "passes"}) accuracy is ${percent(accuracy)} instead of ${percent(plain.accuracy)}, loss ${loss.toFixed(4)} instead of ${plain.loss.toFixed(4)}; the model file answers without.`;
}

export function calibrationRemark({ temperature, before, crossFitted }: Calibration): string {
  return `The model file divides logits by ${temperature.toFixed(3)}, fitted on the held-out photos; all figures here are without. The calibration error of ${percent(before)} becomes ${percent(crossFitted)} where the temperature is fitted on one half of those photos and measured on the other.`;
}

const sentence = (text: string) => `${text[0]!.toUpperCase()}${text.slice(1)}.`;
const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
