// Which epoch of a phase is the best so far, when to stop waiting for a better one, and its weights: fastai's SaveModelCallback and
// EarlyStoppingCallback, both begun anew in each phase (reset_on_fit).

import type { TensorData } from "@ballsight/grad";
import type { EpochRow } from "./position.ts";
import type { Phase } from "./schedule.ts";

export const MONITORS = ["valid_loss", "accuracy"] as const;
export type Monitor = (typeof MONITORS)[number];

export interface BestOptions {
  /** What is watched on the held-out photos. */
  readonly monitor: Monitor;
  /** An epoch is better only if it is better by more than this. */
  readonly minDelta: number;
  /** Epochs without a better one after which a phase ends; 0 for all epochs. */
  readonly patience: number;
  /** Go on with, and in the end export, the weights of each phase's best epoch instead of its last. */
  readonly saveBest: boolean;
}

export interface Best {
  readonly epoch: number;
  /** Of the monitor. */
  readonly value: number;
}

/** How a phase ended. */
export interface PhaseEnd {
  readonly phase: Phase["name"];
  /** Epochs that were trained, of those that were planned. */
  readonly epochs: number;
  readonly planned: number;
  /** The epoch whose weights go on. */
  readonly kept: number;
}

/** The best epoch once `row` is in. A value that is no number is never better. */
export function bestAfter(best: Best | null, row: EpochRow, { monitor, minDelta }: BestOptions): Best | null {
  const value = monitor === "accuracy" ? row.accuracy : row.validLoss;
  const better =
    best === null
      ? !Number.isNaN(value)
      : monitor === "accuracy"
        ? value - minDelta > best.value
        : value + minDelta < best.value;
  return better ? { epoch: row.epoch, value } : best;
}

/** Whether `epochs` are enough: the last `patience` of them brought nothing better. */
export function isStale(best: Best | null, epochs: number, { patience }: BestOptions): boolean {
  return patience > 0 && epochs - 1 - (best?.epoch ?? -1) >= patience;
}

const PREFIX = "best.";

/** Notes what `saved` trained tensors are now as the best, in the state itself: a checkpoint then holds them too. */
export function keepBest(state: Map<string, TensorData>, saved: Iterable<string>): void {
  for (const name of saved) if (!isMoment(name)) state.set(`${PREFIX}${name}`, state.get(name)!);
}

/** Makes the best the current tensors. Those that no training touched have none: they are what they were. */
export function restoreBest(state: Map<string, TensorData>): void {
  for (const [name, tensor] of [...state]) if (name.startsWith(PREFIX)) state.set(name.slice(PREFIX.length), tensor);
}

export function forgetBest(state: Map<string, TensorData>): void {
  for (const name of [...state.keys()]) if (name.startsWith(PREFIX)) state.delete(name);
}

/** The optimiser's moments, which no phase leaves to the next. */
export const isMoment = (name: string) => /^(exp_avg|exp_avg_sq)\./.test(name);

/** Whether a name in the state is a parameter or a statistic of the network, and no copy, average or moment. */
export const isWeight = (name: string) => !isMoment(name) && !/^(average|best)\./.test(name);
