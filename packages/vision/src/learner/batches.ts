// Makes the training batches: which photos, how they are augmented and mixed, their targets and dropout masks. All draws are addressed by
// (seed, epoch, step), so step k of epoch e is the same batch whether or not the run was interrupted before it.

import { float32, sizeOf, type TensorData, type Tensors, type TrainProgram } from "@ballsight/grad";
import { drawAugmentation } from "../data/augment.ts";
import { Generator, STREAMS } from "../random/generator.ts";
import type { LearnerConfig } from "./config.ts";
import { drawCutMix, drawMixUp, type Mix, softTargets } from "./mixup.ts";
import { TRAIN_INPUTS } from "./network.ts";
import type { PhotoSource } from "./source.ts";

/** The order in which an epoch visits the training photos. */
export function epochOrder(train: readonly number[], seed: number, epoch: number): number[] {
  return [...new Generator({ seed, epoch, stream: STREAMS.order }).permutation(train.length)].map(
    (i) => train[i] as number,
  );
}

/**
 * As many photos as `epochOrder` visits, but each class equally often, give or take one: those of small classes come again.
 * Within a class every photo comes once before one comes twice.
 */
export function balancedOrder(
  train: readonly number[],
  targets: ArrayLike<number>,
  seed: number,
  epoch: number,
): number[] {
  const draws = new Generator({ seed, epoch, stream: STREAMS.order });
  const classes = new Map<number, number[]>();
  for (const index of train) {
    const photos = classes.get(targets[index]!);
    if (photos === undefined) classes.set(targets[index]!, [index]);
    else photos.push(index);
  }
  const each = Math.floor(train.length / classes.size);
  // Who gets the photos left over changes with the epoch.
  const luck = draws.permutation(classes.size);
  const order = [...classes.values()].flatMap((photos, rank) => {
    const wanted = each + (luck[rank]! < train.length % classes.size ? 1 : 0);
    const rounds = Array.from({ length: Math.ceil(wanted / photos.length) }, () => [
      ...draws.permutation(photos.length),
    ]);
    return rounds
      .flat()
      .slice(0, wanted)
      .map((i) => photos[i]!);
  });
  return draws.shuffle(order);
}

export interface BatchPlace {
  /** Counted through all phases. */
  readonly epoch: number;
  readonly step: number;
  /** Which of the step's `parts` equal batches is made (0 of 1). */
  readonly part?: number;
  readonly parts?: number;
  /** Side in pixels of the photos as the network sees them, for CutMix's boxes (the config's). */
  readonly size?: number;
  /** By which a photo's loss counts, one per class. */
  readonly classWeights?: readonly number[];
}

/**
 * One batch of a step.
 * @param photos all of the step's: their augmentation and dropout are the same in however many parts they come
 */
export async function makeBatch(
  source: PhotoSource,
  photos: readonly number[],
  config: LearnerConfig,
  program: TrainProgram,
  { epoch, step, part = 0, parts = 1, size = config.size, classWeights }: BatchPlace,
): Promise<Tensors> {
  const { seed } = config;
  const n = photos.length / parts;
  const indices = photos.slice(part * n, (part + 1) * n);
  const side = source.cacheSize;
  const pixels = source.read(indices);
  const aspects = photos.map((index) => source.aspects[index] as number);
  const draws = drawAugmentation(
    config.augment,
    aspects,
    new Generator({ seed, epoch, step, stream: STREAMS.augment }),
  );
  const own = (values: Float32Array, width: number) => values.slice(part * n * width, (part + 1) * n * width);
  // Partners must be of the same batch.
  const mixing = drawMix(
    n,
    size,
    config,
    new Generator({ seed, epoch, step: step * parts + part, stream: STREAMS.mixup }),
  );
  const classes = source.classes.length;
  const targets = indices.map((index) => source.targets[index] as number);
  const soft = softTargets(targets, classes, {
    smoothing: config.labelSmoothing,
    ...(mixing && { mix: mixing.mix }),
    ...(classWeights && { classWeights }),
  });
  return {
    pixels: { dtype: "uint8", dims: [n, side, side, 3], data: await pixels },
    matrices: float32(own(draws.matrices, 9), [n, 3, 3]),
    brightness: float32(own(draws.brightness, 1)),
    contrast: float32(own(draws.contrast, 1)),
    [TRAIN_INPUTS.targets]: float32(soft, [n, classes]),
    ...mixing?.inputs,
    ...dropoutMasks(program, { seed, epoch, step, stream: STREAMS.dropout }, part, parts),
  };
}

interface Mixing {
  readonly mix: Mix;
  readonly inputs: Tensors;
}

/** MixUp, CutMix, or where both are on one of them at random for each batch. */
function drawMix(n: number, size: number, { mixup, cutmix }: LearnerConfig, draws: Generator): Mixing | undefined {
  if (mixup === 0 && cutmix === 0) return undefined;
  const cuts = cutmix > 0 && (mixup === 0 || draws.chance(0.5));
  const { box, ...mix } = cuts
    ? drawCutMix(n, size, size, draws, cutmix)
    : { ...drawMixUp(n, draws, mixup), box: { x0: 0, y0: 0, x1: 0, y1: 0 } };
  return {
    mix,
    inputs: {
      // Outside of its box a cut photo stays as it is.
      [TRAIN_INPUTS.lambda]: float32(cuts ? new Float32Array(n).fill(1) : mix.lambda),
      [TRAIN_INPUTS.partner]: { dtype: "int64", dims: [n], data: BigInt64Array.from(mix.partner, BigInt) },
      ...(cutmix > 0 && { [TRAIN_INPUTS.box]: float32([box.x0, box.y0, box.x1, box.y1]) }),
    },
  };
}

/** Masks of one part: its rows of what a batch of the whole step would draw, one word for each value. */
function dropoutMasks(
  program: TrainProgram,
  address: { readonly seed: number; readonly epoch: number; readonly step: number; readonly stream: number },
  part: number,
  parts: number,
): Record<string, TensorData> {
  const masks: Record<string, TensorData> = {};
  let before = 0;
  for (const { name, p, shape } of program.masks) {
    const keep = 1 / (1 - p);
    const size = sizeOf(shape);
    const random = new Generator({ ...address, position: before + part * size });
    before += parts * size;
    masks[name] = float32(
      Float32Array.from({ length: size }, () => (random.u32() < p * 2 ** 32 ? 0 : keep)),
      shape,
    );
  }
  return masks;
}
