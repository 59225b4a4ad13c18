// Settings of a training, as plain data: what `config.json` of a run holds and what repeats it.

import type { AugmentConfig } from "../data/augment.ts";
import type { NormStatistics } from "../models/builder.ts";
import type { HeadKind } from "../models/head.ts";
import type { BestOptions } from "./best.ts";
import { type Phase, progressiveSize, type ScheduleName } from "./schedule.ts";

export interface LearnerConfig extends BestOptions {
  /** Epochs in which all groups train, after the frozen ones. */
  readonly epochs: number;
  readonly freezeEpochs: number;
  /** fastai's base_lr: the head's highest rate in the frozen phase; half of it afterwards. */
  readonly lr: number;
  /** By how much the first group's rate lies below the head's once all train. */
  readonly lrMult: number;
  /** Of the epochs in which all groups train; the frozen ones warm up. */
  readonly schedule: ScheduleName;
  readonly weightDecay: number;
  readonly batch: number;
  /** Batches whose gradients make one step. */
  readonly accumulate: number;
  /** Side in pixels of the photos that the network is trained on, in the last epochs. */
  readonly size: number;
  /**
   * Side in pixels of the photos when the network is validated and served. Random crops make things look larger in training than
   * in whole photos; seeing those at a larger side makes up for it (Touvron et al. 2019, https://arxiv.org/abs/1906.06423).
   */
  readonly testSize: number;
  /** Side in the first epoch; the same as `size` for no progressive resizing. */
  readonly startSize: number;
  readonly seed: number;
  readonly head: HeadKind;
  readonly labelSmoothing: number;
  /** MixUp's alpha; 0 for none. */
  readonly mixup: number;
  /** CutMix's alpha; 0 for none. With MixUp on as well, each batch gets one of the two. */
  readonly cutmix: number;
  /** Show photos of every class equally often. */
  readonly balance: boolean;
  /** Let every class count the same in the loss of an epoch; with `balance`, which shows them equally often, they nearly do. */
  readonly classWeights: boolean;
  /** Decay of the weight average that is validated and exported; 0 for none. */
  readonly average: number;
  /** Body groups that never train, from the pixels' side; of a body with fewer, all. */
  readonly frozenGroups: number;
  /** fastai's train_bn: norms of frozen layers train too. */
  readonly trainFrozenNorms: boolean;
  /** BatchNorm's statistics in training layers. */
  readonly statistics: NormStatistics;
  readonly augment: AugmentConfig;
}

/** Side of the photos in an epoch (from 0) of a phase; the head alone learns from small photos as well, and sooner. */
export function sizeAt(config: LearnerConfig, phase: Phase["name"], epoch: number, stride: number): number {
  const { startSize, size, epochs } = config;
  if (phase === "frozen") return epochs > 0 ? startSize : size;
  return progressiveSize(epoch, epochs, { start: startSize, end: size, multipleOf: stride });
}

/** All sides that a training goes through, the last one first. */
export function trainingSizes(config: LearnerConfig, stride: number): number[] {
  const sizes = Array.from({ length: config.epochs }, (_, epoch) => sizeAt(config, "unfrozen", epoch, stride));
  return [
    ...new Set([config.size, ...(config.freezeEpochs > 0 ? [sizeAt(config, "frozen", 0, stride)] : []), ...sizes]),
  ];
}

/** The usual test size: a quarter more, in whole cells of the feature map; torchvision's own recipe trains at 176 and tests at 224. */
export const testSizeFor = (size: number, stride: number) =>
  Math.max(size, Math.floor((size * 1.25) / stride) * stride);

/** Side of the cached squares for photos of `size`: more, so that a crop of them is not blurred. */
export const cacheSizeFor = (size: number) => Math.ceil((size * 1.5) / 8) * 8;
