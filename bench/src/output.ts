// What a benchmark prints: one JSON line for machines, an aligned table for people; what goes on meanwhile, on stderr.

/** One line of a table: its name, then the cells. */
export type Row = readonly [string, ...string[]];

/** Left-aligned names, right-aligned cells, two spaces between columns. */
export function table(rows: readonly Row[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export const seconds = (value: number) => `${value.toFixed(value < 10 ? 3 : 1)} s`;
export const milliseconds = (value: number) => `${value.toFixed(1)} ms`;
export const rate = (perSecond: number) => `${perSecond.toFixed(perSecond < 100 ? 1 : 0)}/s`;
export const times = (factor: number) => `${factor.toFixed(2)} x`;

/** For JSON: the clock's noise starts at the fourth decimal of a second, as in the peer's lines. */
export const rounded = (value: number, digits = 4) => Number(value.toFixed(digits));

/** Prints the result alone on stdout. */
export function print(result: object, rows: readonly Row[], json: boolean): void {
  process.stdout.write(`${json ? JSON.stringify(result) : table(rows)}\n`);
}

export function tell(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}
