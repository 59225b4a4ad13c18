// A curve in the terminal: one character per column, rows of round height, letters where something stands on it.

export interface TerminalPlot {
  readonly points: readonly (readonly [x: number, y: number])[];
  /** One letter each, drawn over the curve. */
  readonly marks: readonly { readonly x: number; readonly y: number; readonly letter: string }[];
  readonly formatX: (value: number) => string;
  readonly formatY: (value: number) => string;
  readonly columns?: number;
  readonly rows?: number;
}

/** Lines without breaks; none for fewer than two points. */
export function terminalPlot({ points, marks, formatX, formatY, columns = 64, rows = 12 }: TerminalPlot): string[] {
  const finite = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  if (finite.length < 2) return [];
  const column = placer(
    finite.map(([x]) => x),
    columns,
  );
  const height = placer(
    finite.map(([, y]) => y),
    rows,
  );
  const row = (y: number) => rows - 1 - height(y);
  const cells = Array.from({ length: rows }, () => new Array<string>(columns).fill(" "));
  for (const [x, y] of finite) cells[row(y)]![column(x)] = "·";
  for (const { x, y, letter } of marks) cells[row(y)]![column(x)] = letter;
  const [low, high] = extent(finite.map(([, y]) => y));
  const labels = [formatY(high), formatY(low)];
  const width = Math.max(...labels.map((label) => label.length));
  const lines = cells.map((line, i) => {
    const label = i === 0 ? labels[0]! : i === rows - 1 ? labels[1]! : "";
    return `${label.padStart(width)} │${line.join("")}`.trimEnd();
  });
  const [left, right] = extent(finite.map(([x]) => x)).map(formatX) as [string, string];
  const gap = " ".repeat(Math.max(1, columns - left.length - right.length));
  return [...lines, `${" ".repeat(width)} └${"─".repeat(columns)}`, `${" ".repeat(width + 2)}${left}${gap}${right}`];
}

/** Which of `count` cells a value falls into; those beyond the ends into the outermost. */
function placer(values: readonly number[], count: number): (value: number) => number {
  const [low, high] = extent(values);
  return (value) => Math.min(Math.max(Math.round(((value - low) / (high - low || 1)) * (count - 1)), 0), count - 1);
}

function extent(values: readonly number[]): [low: number, high: number] {
  return [Math.min(...values), Math.max(...values)];
}
