// Comma-separated values as RFC 4180 has them, but for line feeds alone at the ends of lines.

/** One line with its end. */
export function csvLine(cells: readonly (string | number)[]): string {
  return `${cells.map((cell) => quote(String(cell))).join(",")}\n`;
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
