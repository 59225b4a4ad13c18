// The answers as a table for spreadsheets (RFC 4180, UTF-8 with a byte order mark, which Excel needs to see what it is).

import type { PagePhoto } from "./photos.ts";

export function csv(photos: readonly PagePhoto[], threshold: number): string {
  const labels = [
    ...new Set(photos.flatMap(({ answer }) => answer?.confidences.map(({ label }) => label) ?? [])),
  ].sort();
  const head = ["file", "label", "confidence", "sure", "correction", "answered by", "sent to", "milliseconds", "error"];
  const rows = photos.map(({ name, answer, correction, error }) => {
    const best = answer?.confidences[0];
    const byLabel = new Map(answer?.confidences.map(({ label, confidence }) => [label, confidence]));
    return [
      name,
      best?.label ?? "",
      best === undefined ? "" : decimals(best.confidence),
      best === undefined ? "" : best.confidence >= threshold ? "yes" : "no",
      correction ?? "",
      answer?.engine ?? "",
      answer?.sentTo ?? "",
      answer === undefined ? "" : String(Math.round(answer.milliseconds)),
      answer === undefined ? (error ?? "") : "",
      ...labels.map((label) => decimals(byLabel.get(label))),
    ];
  });
  return `\ufeff${[[...head, ...labels.map((label) => `p(${label})`)], ...rows].map(line).join("")}`;
}

const decimals = (share: number | undefined) => (share === undefined ? "" : share.toFixed(6));
const line = (cells: readonly string[]) => `${cells.map(cell).join(",")}\r\n`;

/** File names come from strangers: a spreadsheet takes what begins like a formula for one (OWASP, CSV injection). */
function cell(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
