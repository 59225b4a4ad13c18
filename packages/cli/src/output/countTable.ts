// A table of counts for a terminal: a row per class, a sum at the end.

import { fit, oneLine } from "./text.ts";

/** Wider names are shortened at their beginning. */
const MOST_LABEL = 28;

export interface CountTable {
  /** Of the columns behind the class's name. */
  readonly heads: readonly string[];
  readonly rows: readonly { readonly label: string; readonly counts: readonly number[] }[];
}

export function countTable(table: CountTable): string {
  const rows = withSum(table);
  const names = ["class", ...rows.map(({ label }) => oneLine(label))];
  const width = Math.min(MOST_LABEL, Math.max(...names.map((name) => [...name].length)));
  const widths = table.heads.map((head, i) =>
    Math.max(head.length, ...rows.map(({ counts }) => String(counts[i]).length)),
  );
  const line = (name: string, cells: readonly string[]) =>
    [fit(name, width), ...cells.map((cell, i) => cell.padStart(widths[i]!))].join("  ");
  // What did not happen is a dot: the eye goes to the numbers.
  const cells = (counts: readonly number[]) => counts.map((count) => (count === 0 ? "·" : String(count)));
  return [line("class", table.heads), ...rows.map(({ label, counts }) => line(oneLine(label), cells(counts)))].join(
    "\n",
  );
}

/** The rows, and their sum where there are several. */
export function withSum({ heads, rows }: CountTable): CountTable["rows"] {
  if (rows.length < 2) return rows;
  const counts = heads.map((_, i) => rows.reduce((sum, row) => sum + row.counts[i]!, 0));
  return [...rows, { label: "all", counts }];
}
