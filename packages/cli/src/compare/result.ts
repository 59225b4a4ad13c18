// What a comparison amounts to: a row per network, which is best, what tells the others from it.

import { csvLine } from "../output/csv.ts";
import type { ErrorRecord } from "../output/errors.ts";
import { sixDecimals } from "../run/history.ts";
import { mcnemarExact } from "./mcnemar.ts";

/** A trained network, as `--json` prints it; shares 0..1, losses in nats with the training's label smoothing. */
export interface TrainedNetwork {
  /** As `--archs` names it. */
  readonly network: string;
  /** A name of the table, or RANDOM or RANDOM_FALLBACK. */
  readonly start_weights: string;
  readonly train_loss: number;
  readonly valid_loss: number;
  readonly error_rate: number;
  readonly accuracy: number;
  /** Wilson's, of the accuracy. */
  readonly interval95: { readonly low: number; readonly high: number };
  /** Held-out photos. */
  readonly count: number;
  readonly trained_on: number;
  readonly epochs: number;
  /** Of all epochs, validation included. */
  readonly seconds: number;
  /** That training changes: BatchNorm's statistics are none. */
  readonly parameters: number;
  readonly model_bytes: number;
  /** One photo through the model file on this machine, without decoding: a median. */
  readonly latency_ms: number;
  /** The run directory. */
  readonly run: string;
}

export interface FailedNetwork {
  readonly network: string;
  readonly error: ErrorRecord;
}

export type NetworkResult = TrainedNetwork | FailedNetwork;

export const RANDOM = "random";
export const RANDOM_FALLBACK = "random (none at hand)";

export const isTrained = (result: NetworkResult): result is TrainedNetwork => !("error" in result);

/** What a network named one held-out photo. */
export interface PhotoAnswer {
  readonly file: string;
  readonly actual: string;
  readonly predicted: string;
}

/** A network against the best one, on the photos that exactly one of the two named right. */
export interface AgainstBest {
  readonly network: string;
  readonly only_best: number;
  readonly only_this: number;
  /** McNemar's exact test, two-sided. */
  readonly p: number;
}

/** Above this p a difference is one that chance alone makes often. */
export const SIGNIFICANT = 0.05;

/** By accuracy, equal ones by validation loss; what failed comes last, in its own order. */
export function ranked(results: readonly NetworkResult[]): NetworkResult[] {
  const trained = results.filter(isTrained).sort((a, b) => b.accuracy - a.accuracy || a.valid_loss - b.valid_loss);
  return [...trained, ...results.filter((result) => !isTrained(result))];
}

/** @param answers of the trained networks by name, each over the same photos in the same order */
export function againstBest(
  best: string,
  answers: ReadonlyMap<string, readonly PhotoAnswer[]>,
): ReadonlyMap<string, AgainstBest> {
  const isRight = ({ actual, predicted }: PhotoAnswer) => actual === predicted;
  const bestRight = answers.get(best)!.map(isRight);
  const others = [...answers].filter(([network]) => network !== best);
  return new Map(
    others.map(([network, own]) => {
      const right = own.map(isRight);
      const onlyBest = right.filter((hit, i) => !hit && bestRight[i]).length;
      const onlyThis = right.filter((hit, i) => hit && !bestRight[i]).length;
      return [network, { network, only_best: onlyBest, only_this: onlyThis, p: mcnemarExact(onlyBest, onlyThis) }];
    }),
  );
}

const CSV_COLUMNS = [
  ..."network start_weights train_loss valid_loss error_rate accuracy accuracy_low accuracy_high".split(" "),
  ..."held_out trained_on epochs seconds parameters model_bytes latency_ms p_against_best error".split(" "),
];

/** compare.csv: every network in the order given, which `ranked` makes; what failed has an error and nothing else. */
export function compareCsv(results: readonly NetworkResult[], against: ReadonlyMap<string, AgainstBest>): string {
  const lines = results.map((one) => {
    if (!isTrained(one)) return csvLine([one.network, ...CSV_COLUMNS.slice(2).map(() => ""), one.error.code]);
    const p = against.get(one.network)?.p;
    return csvLine([
      one.network,
      one.start_weights,
      ...[one.train_loss, one.valid_loss, one.error_rate, one.accuracy].map(sixDecimals),
      ...[one.interval95.low, one.interval95.high].map(sixDecimals),
      ...[one.count, one.trained_on, one.epochs, one.seconds.toFixed(1), one.parameters, one.model_bytes],
      one.latency_ms.toFixed(2),
      p === undefined ? "" : p.toPrecision(4),
      "",
    ]);
  });
  return `${CSV_COLUMNS.join(",")}\n${lines.join("")}`;
}
