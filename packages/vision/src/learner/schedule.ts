// Learning rate, momentum and photo size over a training: fastai's one-cycle and flat-cosine schedules, fine_tune as a plan of phases.

/** Cosine from a (t = 0) to b (t = 1). */
export function cos(a: number, b: number, t: number): number {
  return a + ((1 + Math.cos(Math.PI * (1 - t))) * (b - a)) / 2;
}

/** Up and down once, Smith 2018: lr max/div -> max -> max/divFinal, momentum the other way. */
export interface OneCycle {
  readonly kind: "oneCycle";
  readonly pctStart: number;
  readonly div: number;
  readonly divFinal: number;
  readonly momentums: readonly [number, number, number];
}

/** The full rate, then from `pctStart` on a cosine to lr/divFinal; momentum stands still. */
export interface FlatCos {
  readonly kind: "flatCos";
  readonly pctStart: number;
  readonly divFinal: number;
  readonly momentum: number;
}

export type Schedule = OneCycle | FlatCos;

export const SCHEDULES = ["one-cycle", "flat-cos"] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

/** `position` is the share of the phase that is done: batch i of a phase of n has i / n, so 1 is never reached. */
export interface Hypers {
  /** One per parameter group, from the input's side to the head's. */
  readonly lr: number[];
  readonly momentum: number;
}

export function oneCycle(options: Partial<Omit<OneCycle, "kind">> = {}): OneCycle {
  return { kind: "oneCycle", pctStart: 0.25, div: 25, divFinal: 1e5, momentums: [0.95, 0.85, 0.95], ...options };
}

export function flatCos(options: Partial<Omit<FlatCos, "kind">> = {}): FlatCos {
  return { kind: "flatCos", pctStart: 0.75, divFinal: 1e5, momentum: 0.9, ...options };
}

/** The values at a position, given each group's highest rate. */
export function hypersAt(schedule: Schedule, lrMax: readonly number[], position: number): Hypers {
  const { pctStart, divFinal } = schedule;
  const rising = position < pctStart;
  const t = rising ? position / pctStart : (position - pctStart) / (1 - pctStart);
  if (schedule.kind === "flatCos") {
    return { lr: lrMax.map((max) => (rising ? max : cos(max, max / divFinal, t))), momentum: schedule.momentum };
  }
  const { div, momentums } = schedule;
  return {
    lr: lrMax.map((max) => (rising ? cos(max / div, max, t) : cos(max, max / divFinal, t))),
    momentum: rising ? cos(momentums[0], momentums[1], t) : cos(momentums[1], momentums[2], t),
  };
}

/** A rate for all groups, or fastai's `slice(high)` (a tenth for all but the last), or `slice(low, high)` (geometric from low to high). */
export type LearningRate = number | { readonly low?: number; readonly high: number };

/** One rate per parameter group. A single group gets the highest rate. */
export function broadcastLr(lr: LearningRate, groups: number): number[] {
  return Array.from({ length: groups }, (_, group) => {
    if (typeof lr === "number") return lr;
    if (group === groups - 1) return lr.high;
    return lr.low === undefined ? lr.high / 10 : lr.low * (lr.high / lr.low) ** (group / (groups - 1));
  });
}

/** A part of a training with one schedule; a frozen one trains the last group (and normalisation layers) only. Plain data. */
export interface Phase {
  readonly name: "frozen" | "unfrozen";
  readonly epochs: number;
  readonly lrMax: readonly number[];
  readonly schedule: Schedule;
}

export interface FineTuneOptions {
  readonly epochs: number;
  /** Number of parameter groups of the model. */
  readonly groups: number;
  readonly freezeEpochs?: number;
  readonly lr?: number;
  /** By how much the first group's rate lies below the head's once all train. */
  readonly lrMult?: number;
  /** Of the phase in which all groups train; pctStart and div are one-cycle's. */
  readonly schedule?: ScheduleName;
  readonly pctStart?: number;
  readonly div?: number;
}

/** fastai's `fine_tune`: the head alone, warming up almost throughout, then all groups at half the rate. A phase of 0 epochs is left out. */
export function fineTunePlan(options: FineTuneOptions): Phase[] {
  const { epochs, groups, freezeEpochs = 1, lr = 2e-3, lrMult = 100 } = options;
  const { schedule = "one-cycle", pctStart = 0.3, div = 5 } = options;
  const high = lr / 2;
  const phases: Phase[] = [
    {
      name: "frozen",
      epochs: freezeEpochs,
      lrMax: broadcastLr({ high: lr }, groups),
      schedule: oneCycle({ pctStart: 0.99 }),
    },
    {
      name: "unfrozen",
      epochs,
      lrMax: broadcastLr({ low: high / lrMult, high }, groups),
      schedule: schedule === "flat-cos" ? flatCos() : oneCycle({ pctStart, div }),
    },
  ];
  return phases.filter((phase) => phase.epochs > 0);
}

export interface ProgressiveSizes {
  /** Side in pixels of the first epoch and of the last ones. */
  readonly start: number;
  readonly end: number;
  /** Share of the epochs after which `end` is reached (0.6): the last epochs train at what is served. */
  readonly ramp?: number;
  /** Sides between are multiples of this (32, the stride of most networks). */
  readonly multipleOf?: number;
}

/** Photo side for an epoch (from 0) of `epochs`: small photos first, which is quicker and regularises (Tan and Le 2021, section 4). */
export function progressiveSize(epoch: number, epochs: number, sizes: ProgressiveSizes): number {
  const { start, end, ramp = 0.6, multipleOf = 32 } = sizes;
  const t = epoch / Math.max(ramp * epochs, 1);
  if (t >= 1 || epoch >= epochs - 1) return end;
  if (epoch === 0) return start;
  const side = Math.round((start + t * (end - start)) / multipleOf) * multipleOf;
  return Math.min(Math.max(side, Math.min(start, end)), Math.max(start, end));
}
