// Where a training stands, as plain data: what a checkpoint holds besides the tensors, and the rows and curves that are shown.

import type { Best, PhaseEnd } from "./best.ts";
import { type SmoothLoss, smoothLoss } from "./metrics.ts";
import type { Phase } from "./schedule.ts";

/** A finished epoch: fastai's row, and the times of engine and data. */
export interface EpochRow {
  readonly phase: Phase["name"];
  /** From 0, in its phase. */
  readonly epoch: number;
  readonly size: number;
  readonly trainLoss: number;
  readonly validLoss: number;
  readonly errorRate: number;
  readonly accuracy: number;
  /** The head's rate at the epoch's end. */
  readonly lr: number;
  /** Training and validation together. */
  readonly seconds: number;
  /** Inside ONNX Runtime, training only. */
  readonly engineSeconds: number;
  /** That the engine stood still for want of photos. */
  readonly waitSeconds: number;
}

export interface CurvePoint {
  readonly step: number;
  readonly loss: number;
  readonly lr: number;
}

/** Where a training stands: with the state, all that is needed to go on. */
export interface Position {
  readonly phase: number;
  readonly epoch: number;
  readonly step: number;
  /** Steps since the optimiser was cleared. */
  readonly optimizerStep: number;
  /** Steps in all phases. */
  readonly steps: number;
  readonly smooth: SmoothLoss;
  readonly rows: readonly EpochRow[];
  /** Smoothed loss and the head's rate, every few steps, for the charts. */
  readonly curve: readonly CurvePoint[];
  /** The best epoch of the phase so far; null before its first. */
  readonly best: Best | null;
  /** The phases that are over. */
  readonly ends: readonly PhaseEnd[];
  /** Times of the epoch under way up to where it was stopped. */
  readonly spent: Pick<EpochRow, "seconds" | "engineSeconds" | "waitSeconds">;
}

const NOTHING_SPENT: Position["spent"] = { seconds: 0, engineSeconds: 0, waitSeconds: 0 };

export const START: Position = {
  phase: 0,
  epoch: 0,
  step: 0,
  optimizerStep: 0,
  steps: 0,
  smooth: smoothLoss.init(),
  rows: [],
  curve: [],
  best: null,
  ends: [],
  spent: NOTHING_SPENT,
};

/** The first steps give a curve point each, so that short runs have a curve; later ones every so many. */
const CURVE_WHOLE = 100;
const CURVE_EVERY = 10;

/** After one more step. */
export function stepped(position: Position, loss: number, lr: number): Position {
  const smooth = smoothLoss.update(position.smooth, loss);
  const steps = position.steps + 1;
  const point = { step: steps, loss: smoothLoss.value(smooth), lr };
  return {
    ...position,
    step: position.step + 1,
    optimizerStep: position.optimizerStep + 1,
    steps,
    smooth,
    curve: steps <= CURVE_WHOLE || steps % CURVE_EVERY === 0 ? [...position.curve, point] : position.curve,
  };
}

/** At the beginning of the next epoch. */
export function afterEpoch(position: Position, row: EpochRow, best: Best | null): Position {
  return { ...position, epoch: row.epoch + 1, step: 0, rows: [...position.rows, row], best, spent: NOTHING_SPENT };
}

/** At the beginning of the next phase, with an optimiser and a smoothed loss that have seen nothing. */
export function afterPhase(position: Position, end: PhaseEnd): Position {
  const { steps, rows, curve, ends, phase } = position;
  return { ...START, phase: phase + 1, steps, rows, curve, ends: [...ends, end] };
}
