// The result of an evaluation, as `--json` prints it, the report shows it and the terminal lists it.

import type { ReliabilityBin } from "@ballsight/vision";
import { csvLine } from "../output/csv.ts";
import type { ErrorRecord } from "../output/errors.ts";
import type { WorstPhoto } from "../report/photos.ts";
import { type Answers, measure } from "./measure.ts";
import type { EvaluateSettings, SplitSettings } from "./options.ts";
import { describePhotos, rankByLoss } from "./topLosses.ts";

type Metrics = ReturnType<typeof measure>["metrics"];

/** Names as in `ballsight.metrics`; shares 0..1, loss in nats. */
export interface EvaluationResult extends Metrics {
  readonly error_rate: number;
  /** Mean cross-entropy, without the label smoothing that a training's valid_loss holds. */
  readonly loss: number;
  /** The model's; rows and columns of `confusion`. */
  readonly labels: readonly string[];
  /** Means over the classes that have photos. */
  readonly macro: { readonly precision: number; readonly recall: number; readonly f1: number };
  readonly reliability: readonly ReliabilityBin[];
  readonly top_losses: readonly WorstPhoto[];
  readonly model: string;
  readonly data: string;
  readonly split: { readonly part: EvaluateSettings["part"]; readonly from?: string } & Partial<SplitSettings>;
  /** Whether the model was trained on this list of photos; null where it does not say. */
  readonly seen_in_training: boolean | null;
  readonly warnings: readonly string[];
  /** Photos of classes that the model does not know. */
  readonly left_out: readonly { readonly folder: string; readonly count: number }[];
  readonly unreadable: readonly { readonly file: string; readonly error: ErrorRecord }[];
}

type Circumstances = Pick<
  EvaluationResult,
  "model" | "data" | "split" | "seen_in_training" | "warnings" | "left_out" | "unreadable"
>;

/** @param files in the answers' order */
export function evaluationResult(
  labels: readonly string[],
  files: readonly string[],
  answers: Answers,
  top: number,
  circumstances: Circumstances,
): EvaluationResult {
  const { metrics, macro, reliability } = measure(labels, answers);
  const { accuracy, interval95, count, confusion, ...others } = metrics;
  const { precision, recall, f1 } = macro;
  const photos = describePhotos(labels, files, answers);
  return {
    accuracy,
    interval95,
    error_rate: 1 - accuracy,
    loss: photos.reduce((sum, { loss }) => sum + loss, 0) / count,
    count,
    labels,
    confusion,
    ...others,
    macro: { precision, recall, f1 },
    reliability,
    top_losses: rankByLoss(photos, top),
    ...circumstances,
  };
}

/** One line per photo in the data set's order, for a spreadsheet or a script that looks for wrong labels. */
export function predictionsCsv(labels: readonly string[], files: readonly string[], answers: Answers): string {
  const header = "file,actual,predicted,correct,probability,actual_probability,loss\n";
  // float32 has seven digits: what lies beyond is noise.
  const digits = (value: number) => Number(value.toFixed(6));
  const lines = describePhotos(labels, files, answers).map(({ file, actual, predicted, probability, loss }) =>
    csvLine([
      file,
      actual,
      predicted,
      Number(actual === predicted),
      digits(probability),
      digits(Math.exp(-loss)),
      digits(loss),
    ]),
  );
  return header + lines.join("");
}
