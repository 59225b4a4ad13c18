// The table of a training as fastai prints it: one header per phase, one line per epoch.

import { clock, type HistoryRow, sixDecimals } from "../run/history.ts";

const COLUMNS = ["epoch", "train_loss", "valid_loss", "error_rate", "accuracy", "time"] as const;
/** Names are padded to at least this, with two spaces between columns. */
const LEAST_WIDTH = 8;

/** The header line, without a line break. */
export function tableHeader(): string {
  return line(COLUMNS);
}

/** The line of one epoch, without a line break. */
export function tableRow(row: HistoryRow): string {
  return line([
    String(row.epoch),
    sixDecimals(row.trainLoss),
    sixDecimals(row.validLoss),
    sixDecimals(row.errorRate),
    sixDecimals(row.accuracy),
    clock(row.seconds),
  ]);
}

/** fastai pads the last column too; the spaces at the end are left away here. */
function line(cells: readonly string[]): string {
  return cells
    .map((cell, i) => cell.padEnd(Math.max(LEAST_WIDTH, COLUMNS[i]!.length)))
    .join("  ")
    .trimEnd();
}
