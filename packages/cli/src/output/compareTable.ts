// The results of a comparison for a terminal: a row per network, what is best, and what cannot be told from it.

import {
  type AgainstBest,
  isTrained,
  type NetworkResult,
  SIGNIFICANT,
  type TrainedNetwork,
} from "../compare/result.ts";
import { clock } from "../run/history.ts";
import { oneLine } from "./text.ts";

interface Column {
  readonly head: string;
  readonly cell: (row: TrainedNetwork) => string;
  /** Words stand left, numbers right. */
  readonly words?: true;
}

const share = (value: number) => `${(100 * value).toFixed(1)} %`;

/** `tf_in1k` where the network's own column says the rest. */
const weightsOf = ({ network, start_weights }: TrainedNetwork) => {
  const prefix = `${network.split(".")[0]}.`;
  return oneLine(start_weights.startsWith(prefix) ? start_weights.slice(prefix.length) : start_weights);
};

// The last ones go first where the terminal is too narrow.
const COLUMNS: readonly Column[] = [
  { head: "network", cell: ({ network }) => network, words: true },
  { head: "start weights", cell: weightsOf, words: true },
  { head: "train_loss", cell: (row) => row.train_loss.toFixed(4) },
  { head: "valid_loss", cell: (row) => row.valid_loss.toFixed(4) },
  { head: "error_rate", cell: (row) => row.error_rate.toFixed(4) },
  { head: "accuracy", cell: (row) => share(row.accuracy) },
  { head: "95 % interval", cell: ({ interval95: { low, high } }) => `${share(low)} to ${share(high)}` },
  { head: "time", cell: (row) => clock(row.seconds) },
  { head: "parameters", cell: (row) => `${(row.parameters / 1e6).toFixed(1)} M` },
  { head: "file", cell: (row) => `${(row.model_bytes / 1e6).toFixed(1)} MB` },
  { head: "one photo", cell: (row) => `${row.latency_ms.toFixed(1)} ms` },
];
const ALWAYS = 8;

/**
 * @param results in the order shown, which `ranked` makes
 * @param columns of the terminal; a file is as wide as it takes
 */
export function compareTable(results: readonly NetworkResult[], columns: number): string {
  const trained = results.filter(isTrained);
  const cells = COLUMNS.map(({ cell }) => trained.map(cell));
  const widths = COLUMNS.map(({ head }, i) => Math.max(head.length, ...cells[i]!.map((text) => text.length)));
  widths[0] = Math.max(widths[0]!, ...results.map(({ network }) => network.length));
  let shown = COLUMNS.length;
  const total = () => widths.slice(0, shown).reduce((sum, width) => sum + width + 2, -2);
  while (shown > ALWAYS && total() > columns) shown--;
  const line = (texts: readonly string[]) =>
    texts
      .slice(0, shown)
      .map((text, i) => (COLUMNS[i]!.words ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)))
      .join("  ")
      .trimEnd();
  const rows = results.map((one) => {
    const at = isTrained(one) ? trained.indexOf(one) : -1;
    if (at >= 0) return line(cells.map((column) => column[at]!));
    return `${one.network.padEnd(widths[0]!)}  ${isTrained(one) ? "" : `failed: ${one.error.code}`}`;
  });
  return [line(COLUMNS.map(({ head }) => head)), ...rows].join("\n");
}

/** One network as soon as it is done. */
export function resultLine(row: TrainedNetwork): string {
  const { low, high } = row.interval95;
  return `${row.network}: ${share(row.accuracy)} (${share(low)} to ${share(high)}), valid_loss ${row.valid_loss.toFixed(4)}, ${clock(row.seconds)}; weights ${weightsOf(row)}`;
}

/** What the table says, in sentences: undefined where nothing was trained. */
export function verdict(
  results: readonly NetworkResult[],
  against: ReadonlyMap<string, AgainstBest>,
): string | undefined {
  const [best, ...others] = results.filter(isTrained);
  if (best === undefined) return undefined;
  const named = `best: ${best.network}, ${share(best.accuracy)} of ${best.count} held-out photos`;
  const close = others
    .map(({ network }) => against.get(network)!)
    .filter(({ p }) => p >= SIGNIFICANT)
    .map(({ network, p }) => `${network} (p = ${p.toFixed(2)})`);
  if (others.length === 0) return named;
  if (close.length === 0)
    return `${named}; the others are worse by more than chance explains (McNemar's exact test, p < ${SIGNIFICANT})`;
  return `${named}\nnot distinguishable from it on ${best.count} photos (McNemar's exact test): ${close.join(", ")}`;
}
