// What `collect` came to, for a terminal: a row per class, then why there are not more.

import { type CollectResult, reasons } from "../collect/result.ts";
import { type CountTable, countTable } from "./countTable.ts";
import { oneLine } from "./text.ts";

const COLUMNS = ["wanted", "got", "added", "dead", "duplicate", "refused", "failed"] as const;
/** The ledger names all. */
const MOST_CONFLICTS = 8;
const MAY_PASS: ReadonlySet<string> = new Set(["rate-limited", "timeout", "server-error", "network-error"]);

export function collectTable(result: CollectResult): string {
  return [countTable(collectCounts(result)), whyNot(result), conflicts(result), services(result)]
    .filter((text) => text !== "")
    .join("\n\n");
}

export function collectCounts({ classes }: CollectResult): CountTable {
  const rows = classes.map((one) => ({ label: one.label, counts: COLUMNS.map((column) => one[column]) }));
  return { heads: COLUMNS, rows };
}

function whyNot({ classes }: CollectResult): string {
  const counts = reasons(classes);
  if (counts.length === 0) return "";
  const again = counts.map(([status]) => status).filter((status) => MAY_PASS.has(status));
  const advice = again.length === 0 ? "" : `\nmay be otherwise later: --retry ${again.join(",")}`;
  return `not taken: ${counts.map(([status, n]) => `${n} ${status}`).join(", ")}${advice}`;
}

function conflicts({ conflicts }: CollectResult): string {
  if (conflicts.length === 0) return "";
  const shown = conflicts
    .slice(0, MOST_CONFLICTS)
    .map(({ url, label, of }) => `  ${oneLine(label)}: ${oneLine(url)} is ${oneLine(of)}`);
  const more = conflicts.length - shown.length;
  return [
    `the same photo under two classes, kept under the first (${conflicts.length})`,
    ...shown,
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join("\n");
}

function services({ sources }: CollectResult): string {
  const lines = sources.flatMap(({ name, quota, stopped }) => {
    const left = quota.map((one) => `${one.left} of ${one.limit} left (${oneLine(one.name)})`);
    const words = [...left, ...(stopped === undefined ? [] : [`stopped: ${oneLine(stopped)}`])];
    return words.length === 0 ? [] : [`${name.padEnd(10)}  ${words.join("; ")}`];
  });
  return lines.join("\n");
}
