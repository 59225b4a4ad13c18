// Makes the training batches: which photos, how they are augmented and mixed, their targets and dropout masks. All draws are addressed by
// (seed, epoch, step), so step k of epoch e is the same batch whether or not the run was interrupted before it.

import { float32, type TensorData, type Tensors, type TrainProgram } from "@ballsight/grad";
import { drawAugmentation } from "../data/augment.ts";
import { Generator, STREAMS } from "../random/generator.ts";
import type { LearnerConfig } from "./config.ts";
import { drawMixUp, softTargets } from "./mixup.ts";
import { TRAIN_INPUTS } from "./network.ts";
import type { PhotoSource } from "./source.ts";

/** The order in which an epoch visits the training photos. */
export function epochOrder(train: readonly number[], seed: number, epoch: number): number[] {
  return [...new Generator({ seed, epoch, stream: STREAMS.order }).permutation(train.length)].map(
    (i) => train[i] as number,
  );
}

export interface BatchPlace {
  /** Counted through all phases. */
  readonly epoch: number;
  readonly step: number;
}

export async function makeBatch(
  source: PhotoSource,
  indices: readonly number[],
  config: LearnerConfig,
  program: TrainProgram,
  place: BatchPlace,
): Promise<Tensors> {
  const { seed } = config;
  const generator = (stream: number) => new Generator({ seed, ...place, stream });
  const n = indices.length;
  const side = source.cacheSize;
  const pixels = source.read(indices);
  const aspects = indices.map((index) => source.aspects[index] as number);
  const draws = drawAugmentation(config.augment, aspects, generator(STREAMS.augment));
  const mix = config.mixup > 0 ? drawMixUp(n, generator(STREAMS.mixup), config.mixup) : undefined;
  const classes = source.classes.length;
  const targets = indices.map((index) => source.targets[index] as number);
  const soft = softTargets(targets, classes, { smoothing: config.labelSmoothing, ...(mix && { mix }) });
  return {
    pixels: { dtype: "uint8", dims: [n, side, side, 3], data: await pixels },
    matrices: float32(draws.matrices, [n, 3, 3]),
    brightness: float32(draws.brightness),
    contrast: float32(draws.contrast),
    [TRAIN_INPUTS.targets]: float32(soft, [n, classes]),
    ...(mix && {
      [TRAIN_INPUTS.lambda]: float32(mix.lambda),
      [TRAIN_INPUTS.partner]: {
        dtype: "int64",
        dims: [n],
        data: BigInt64Array.from(mix.partner, BigInt),
      } satisfies TensorData,
    }),
    ...dropoutMasks(program, generator(STREAMS.dropout)),
  };
}

function dropoutMasks(program: TrainProgram, random: Generator): Record<string, TensorData> {
  const masks: Record<string, TensorData> = {};
  for (const { name, p, shape } of program.masks) {
    const keep = 1 / (1 - p);
    const size = shape.reduce((product, dim) => product * dim, 1);
    masks[name] = float32(
      Float32Array.from({ length: size }, () => (random.u32() < p * 2 ** 32 ? 0 : keep)),
      shape,
    );
  }
  return masks;
}
