// The result of an evaluation for a terminal: figures, a row per class, the confusion matrix, mistakes, calibration.

import type { EvaluationResult } from "../evaluate/result.ts";
import { fit, oneLine, percent } from "./text.ts";

/** Wider names are shortened at their beginning. */
const MOST_LABEL = 28;
const MOST_LOSSES = 10;

/** @param columns of the terminal: a matrix that is wider is left to the report */
export function evaluationTable(result: EvaluationResult, columns: number): string {
  const blocks = [
    figures(result),
    classes(result),
    matrix(result, columns),
    pairs(result),
    losses(result),
    sure(result),
  ];
  return blocks.filter((block) => block !== "").join("\n\n");
}

function figures({ accuracy, interval95, error_rate, loss, count, confusion }: EvaluationResult): string {
  const hits = confusion.reduce((sum, row, k) => sum + row[k]!, 0);
  const interval = `95 % interval ${share(interval95.low)} to ${share(interval95.high)}`;
  return `${hits} of ${count} photos named right
accuracy    ${share(accuracy)}  (${interval})
error rate  ${share(error_rate)}
loss        ${loss.toFixed(4)}`;
}

function classes({ classes, macro, count }: EvaluationResult): string {
  const name = nameColumn([...classes.map(({ label }) => label), "mean"]);
  const row = (label: string, cells: readonly string[]) =>
    `${name(label)}${cells.map((cell) => cell.padStart(11)).join("")}`;
  // A class without photos has no recall, and one that was never named has no precision.
  const shown = classes.filter(({ support }) => support > 0);
  const lines = shown.map(({ label, precision, recall, f1, support }) =>
    row(label, [share(precision), share(recall), share(f1), String(support)]),
  );
  const mean = row("mean", [share(macro.precision), share(macro.recall), share(macro.f1), String(count)]);
  return [row("class", ["precision", "recall", "F1", "photos"]), ...lines, mean].join("\n");
}

function matrix({ labels, confusion }: EvaluationResult, columns: number): string {
  const kept = labels
    .map((_, k) => k)
    .filter((k) => confusion[k]!.some((count) => count > 0) || confusion.some((row) => row[k]! > 0));
  const numbered = kept.map((k, i) => `${i + 1} ${oneLine(labels[k]!)}`);
  const name = nameColumn(numbered);
  const widest = Math.max(...kept.flatMap((a) => kept.map((p) => String(confusion[a]![p]).length)));
  const width = Math.max(widest, String(kept.length).length) + 2;
  if (name("").length + kept.length * width > columns) {
    return `confusion: ${kept.length} classes are wider than this terminal, see the report`;
  }
  const head = name("") + kept.map((_, i) => String(i + 1).padStart(width)).join("");
  const rows = kept.map(
    (a, i) => name(numbered[i]!) + kept.map((p) => String(confusion[a]![p] || "·").padStart(width)).join(""),
  );
  return ["confusion (rows: what it is, columns: what it was named)", head, ...rows].join("\n");
}

function pairs({ most_confused }: EvaluationResult): string {
  if (most_confused.length === 0) return "";
  const lines = most_confused.map(
    ({ actual, predicted, count }) => `${String(count).padStart(4)}  ${oneLine(actual)} named ${oneLine(predicted)}`,
  );
  return ["most confused", ...lines].join("\n");
}

function losses({ top_losses }: EvaluationResult): string {
  const shown = top_losses.slice(0, MOST_LOSSES);
  if (shown.length === 0) return "";
  const actual = nameColumn(shown.map((photo) => photo.actual));
  const predicted = nameColumn(shown.map((photo) => photo.predicted));
  const lines = shown.map(
    (photo) =>
      `${photo.loss.toFixed(2).padStart(6)}  ${actual(photo.actual)}  ${predicted(photo.predicted)}  ${percent(photo.probability)}  ${oneLine(photo.file)}`,
  );
  return ["top losses (loss, what it is, what it was named and how surely, file)", ...lines].join("\n");
}

function sure({ expected_calibration_error, reliability }: EvaluationResult): string {
  const lines = reliability
    .filter(({ count }) => count > 0)
    .map(({ low, high, count, confidence, accuracy }) => {
      const range = `${Math.round(100 * low)}-${Math.round(100 * high)} %`.padStart(9);
      return `${range}${percent(confidence).padStart(12)}${percent(accuracy).padStart(10)}${String(count).padStart(8)}`;
    });
  return [
    `expected calibration error ${share(expected_calibration_error)}`,
    `${"sure".padStart(9)}${"mean".padStart(12)}${"right".padStart(10)}${"photos".padStart(8)}`,
    ...lines,
  ].join("\n");
}

const share = (value: number) => percent(value).trimStart();

function nameColumn(names: readonly string[]): (name: string) => string {
  const width = Math.min(MOST_LABEL, Math.max(...names.map((name) => [...oneLine(name)].length)));
  return (name) => fit(oneLine(name), width);
}
