// Answers of `predict` as people and programs read them: a table with a line per photo, or a JSON object per line.

import type { PhotoEntry } from "../images/photoList.ts";
import { type ErrorRecord, recordLine } from "../output/errors.ts";
import { dim, fit, oneLine, percent } from "../output/text.ts";

/** What became of a photo: its best labels, or why there are none. Plain data, whoever found it out. */
export type PhotoAnswer =
  | { readonly top: readonly { readonly label: string; readonly confidence: number }[] }
  | { readonly error: ErrorRecord };

export type Print = (file: string, answer: PhotoAnswer) => void;

/** Widest file column of the table. */
const MAX_FILE_COLUMN = 60;

export const printJson: Print = (file, answer) => {
  process.stdout.write(`${JSON.stringify({ file, ...("error" in answer ? answer : best(answer)) })}\n`);
};

function best(answer: { readonly top: readonly { readonly label: string; readonly confidence: number }[] }) {
  // float32 has seven digits: what lies beyond is noise.
  const top = answer.top.map(({ label, confidence }) => ({ label, confidence: Number(confidence.toFixed(6)) }));
  return { ...top[0], top };
}

/** @param labels all of the model's, as the column is as wide as the widest */
export function tablePrinter(entries: readonly PhotoEntry[], labels: readonly string[]): Print {
  const widest = (texts: readonly string[]) => texts.reduce((width, text) => Math.max(width, [...text].length), 0);
  const fileColumn = Math.min(MAX_FILE_COLUMN, widest(entries.map(({ file }) => oneLine(file))));
  const labelColumn = widest(labels.map(oneLine));
  return (file, answer) => {
    if ("error" in answer) {
      process.stderr.write(`${recordLine(answer.error, file)}\n`);
      return;
    }
    const [first, ...others] = answer.top;
    if (first === undefined) return;
    const rest = others
      .map(({ label, confidence }) => `${oneLine(label)} ${percent(confidence).trimStart()}`)
      .join(", ");
    const row = `${fit(oneLine(file), fileColumn)}  ${oneLine(first.label).padEnd(labelColumn)}  ${percent(first.confidence)}`;
    process.stdout.write(`${row}${rest === "" ? "" : dim(`  ${rest}`, process.stdout)}\n`);
  };
}
