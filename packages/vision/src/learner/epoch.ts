// An epoch of a phase: its training program, how its photos fall into batches and steps, and the batches themselves.

import type { State, Target, Tensors, TrainProgram } from "@ballsight/grad";
import { type Prefetched, prefetch } from "../data/prefetch.ts";
import { balancedOrder, epochOrder, makeBatch } from "./batches.ts";
import type { LearnerConfig } from "./config.ts";
import { type NetworkSpec, trainProgram } from "./network.ts";
import type { Phase } from "./schedule.ts";
import type { PhotoSource } from "./source.ts";

/** Batches that are made ahead of the engine. */
const AHEAD = 3;

export interface EpochShape {
  /** Photos per batch. */
  readonly batch: number;
  /** Batches per step of the optimiser. */
  readonly parts: number;
  readonly steps: number;
}

/** A last step that would not be whole is left out, as fastai does; photos fewer than a batch, or a step, make one all the same. */
export function epochShape(photos: number, { batch: wanted, accumulate }: LearnerConfig): EpochShape {
  const batch = Math.min(wanted, photos);
  const parts = Math.min(accumulate, Math.floor(photos / batch));
  return { batch, parts, steps: Math.floor(photos / (batch * parts)) };
}

export interface ProgramOptions {
  readonly phase: Phase["name"];
  readonly size: number;
  readonly cacheSize: number;
  readonly target: Target;
  readonly average: boolean;
}

export function phaseProgram(
  spec: NetworkSpec,
  state: State,
  config: LearnerConfig,
  { batch, parts }: EpochShape,
  { phase, size, cacheSize, target, average }: ProgramOptions,
): TrainProgram {
  const { bodyGroups } = spec.architecture;
  return trainProgram(spec, state, {
    batch,
    size,
    cacheSize,
    firstGroup: phase === "frozen" ? bodyGroups : Math.min(config.frozenGroups, bodyGroups),
    trainFrozenNorms: config.trainFrozenNorms,
    statistics: config.statistics,
    mixup: config.mixup > 0,
    cutmix: config.cutmix > 0,
    accumulate: parts > 1,
    average,
    target,
  });
}

export interface EpochPlace {
  /** Counted through all phases. */
  readonly epoch: number;
  /** The first step that is still to be done. */
  readonly first: number;
  readonly size: number;
}

/** The batches of an epoch from step `first` on, `parts` for each step. */
export function epochBatches(
  source: PhotoSource,
  train: readonly number[],
  config: LearnerConfig,
  program: TrainProgram,
  { epoch, first, size }: EpochPlace,
): Prefetched<Tensors> {
  const { batch, parts, steps } = epochShape(train.length, config);
  const order = config.balance
    ? balancedOrder(train, source.targets, config.seed, epoch)
    : epochOrder(train, config.seed, epoch);
  // Of the photos as they are shown: `balance` evens out the classes already, and weights of the folders would do it again.
  const classWeights = config.classWeights ? balancedWeights(order, source.targets, source.classes.length) : undefined;
  const photos = batch * parts;
  return prefetch(
    (i) => {
      const step = first + Math.floor(i / parts);
      return makeBatch(source, order.slice(step * photos, (step + 1) * photos), config, program, {
        epoch,
        step,
        part: i % parts,
        parts,
        size,
        ...(classWeights && { classWeights }),
      });
    },
    (steps - first) * parts,
    AHEAD,
  );
}

/** scikit-learn's "balanced": n / (classes · photos of the class), over the classes that are there. Their mean over the photos is 1. */
export function balancedWeights(photos: readonly number[], targets: ArrayLike<number>, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const index of photos) counts[targets[index]!]! += 1;
  const present = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count === 0 ? 1 : photos.length / (present * count)));
}
