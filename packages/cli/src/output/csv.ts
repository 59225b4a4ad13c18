// Comma-separated values as RFC 4180 has them, but for line feeds alone at the ends of lines.

/** One line with its end. */
export function csvLine(cells: readonly (string | number)[]): string {
  return `${cells.map((cell) => quote(String(cell))).join(",")}\n`;
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The cells of each line, as `csvLine` writes them. */
export function csvRows(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  // A cell and what ends it; line breaks inside quotes belong to the cell.
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/g)) {
    row.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    if (end === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
