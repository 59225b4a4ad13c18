// history.csv: fastai's columns, and behind them the phase and the learning rate.

import { csvLine } from "../output/csv.ts";

/** One epoch. `epoch` starts at 0 in each phase, as fastai's `fine_tune` counts. */
export interface HistoryRow {
  readonly epoch: number;
  /** Smoothed over the steps of the phase, fastai's debiased mean. */
  readonly trainLoss: number;
  readonly validLoss: number;
  /** 0..1 */
  readonly errorRate: number;
  /** 0..1 */
  readonly accuracy: number;
  readonly seconds: number;
  /** `frozen` or `unfrozen`. */
  readonly phase: string;
  /** Of the last parameter group at the end of the epoch. */
  readonly lr: number;
}

const HEADER = "epoch,train_loss,valid_loss,error_rate,accuracy,time,phase,lr\n";

export function formatHistory(rows: readonly HistoryRow[]): string {
  const lines = rows.map((row) =>
    csvLine([
      row.epoch,
      sixDecimals(row.trainLoss),
      sixDecimals(row.validLoss),
      sixDecimals(row.errorRate),
      sixDecimals(row.accuracy),
      clock(row.seconds),
      row.phase,
      // Six decimals would write fastai's final rate, 1e-8 and less, as 0.
      row.lr.toExponential(6),
    ]),
  );
  return HEADER + lines.join("");
}

/** Python's `%.6f`, to the last digit: a tie goes to the even digit, where `toFixed` rounds up. 1/128 is one. */
export function sixDecimals(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  // x = (k + 1/2) / 10^6 can be a binary number only when x * 2^7 is odd, since 10^6 = 2^6 * 5^6.
  if (Math.abs((value * 128) % 2) !== 1) return value.toFixed(6);
  const below = Math.floor(value * 1e6);
  return ((below % 2 === 0 ? below : below + 1) / 1e6).toFixed(6);
}

/** fastai's times: `mm:ss`, from one hour on `h:mm:ss`. */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return "--:--";
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const minutes = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return whole < 3600 ? minutes : `${Math.floor(whole / 3600)}:${minutes}`;
}
