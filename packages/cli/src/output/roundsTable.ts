// Rounds of cleaning for a terminal: what was done unseen, and a row per round on the same held-out photos.

import type { Decision } from "../decisions/entries.ts";
import type { RoundResult } from "../rounds/result.ts";
import { oneLine } from "./text.ts";

/** Of decisions: their file has all of them. */
const MOST_LINES = 40;

const share = (value: number) => `${(100 * value).toFixed(1)} %`;

const HEADS = ["round", "trained on", "taken out", "relabelled", "accuracy", "95 % interval", "p against round 0"];

export function roundsTable(results: readonly RoundResult[]): string {
  const rows = results.map(({ round, trained_on, taken_out, relabelled, accuracy, interval95: { low, high }, p }) => [
    String(round),
    ...[trained_on, taken_out, relabelled].map(String),
    share(accuracy),
    `${share(low)} to ${share(high)}`,
    p === null ? "" : p.toFixed(3),
  ]);
  const widths = HEADS.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padStart(widths[i]!))
      .join("  ")
      .trimEnd();
  return [line(HEADS), ...rows.map(line)].join("\n");
}

export function decisionLines(decisions: readonly Decision[]): string[] {
  const lines = decisions.map(({ file, action, from, to, of }) =>
    action === "relabel"
      ? `  ${oneLine(file)}: ${oneLine(from)} -> ${oneLine(to!)}`
      : `  ${oneLine(file)}: ${of === undefined ? "" : "a copy, "}taken out`,
  );
  const more = lines.length - MOST_LINES;
  return more > 1 ? [...lines.slice(0, MOST_LINES), `  and ${more} more`] : lines;
}
