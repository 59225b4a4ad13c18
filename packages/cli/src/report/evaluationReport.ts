// report.html of `ballsight evaluate`: how good a model is on these photos, on one page that asks nothing of the network.

import type { EvaluationResult } from "../evaluate/result.ts";
import { calibrationSection } from "./calibration.ts";
import { confusionSection } from "./confusion.ts";
import { percent } from "./html.ts";
import { headline, notes, renderPage, type Settings, settingsTable } from "./page.ts";
import { type WorstPhoto, worstPhotos } from "./photos.ts";

/** What the page's title says behind the model's name. */
export const EVALUATION_KIND = "evaluation report";

export interface EvaluationReport {
  /** The model and the photos, by their names. */
  readonly title: string;
  /** ISO 8601, as the machine's own clock says. */
  readonly finishedAt: string;
  /** Name and version of the program. */
  readonly program: string;
  readonly result: EvaluationResult;
  /** The result's top losses, with their thumbnails. */
  readonly worst: readonly WorstPhoto[];
  readonly settings: Settings;
}

/** The whole page. Pure: the same report gives the same text. */
export function renderEvaluationReport({
  title,
  finishedAt,
  program,
  result,
  worst,
  settings,
}: EvaluationReport): string {
  const { low, high } = result.interval95;
  const { precision, recall, f1 } = result.macro;
  const top = headline({
    kind: "Evaluation report",
    title,
    finishedAt,
    program,
    figures: [
      [percent(result.accuracy), "accuracy"],
      [percent(result.error_rate), "error rate"],
      [result.loss.toFixed(4), "loss"],
      [percent(f1), "mean F1"],
      [String(result.count), result.count === 1 ? "photo" : "photos"],
    ],
    remarks: [
      `95 % interval of the accuracy, as far as so many photos tell: ${percent(low)} to ${percent(high)}.`,
      `Every class counting the same: precision ${percent(precision)}, recall ${percent(recall)}.`,
    ],
  });
  const unreadable = result.unreadable.map(({ file, error }) => ({ file, message: error.message }));
  return renderPage(title, EVALUATION_KIND, [
    top,
    notes({ warnings: result.warnings, unreadable }),
    confusionSection(result.labels, result.confusion),
    calibrationSection(result.reliability, result.expected_calibration_error),
    worstPhotos("Top losses", "The photos with the largest loss: unusual views, or labels to check.", worst),
    settingsTable(settings),
  ]);
}
