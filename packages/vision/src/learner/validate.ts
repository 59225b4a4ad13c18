// Runs a network over photos as they will be served, and over augmented copies (test-time augmentation).

import { type Engine, float32, type State } from "@ballsight/grad";
import { type AugmentConfig, drawAugmentation } from "../data/augment.ts";
import { prefetch } from "../data/prefetch.ts";
import { Generator, STREAMS } from "../random/generator.ts";
import { accuracy, argmaxRows } from "./metrics.ts";
import { softTargets } from "./mixup.ts";
import { augmentedModel, evaluationModel, type NetworkSpec } from "./network.ts";
import type { PhotoSource } from "./source.ts";

export interface Validation {
  /** Mean cross-entropy with the training's label smoothing, as fastai's valid_loss. */
  readonly loss: number;
  readonly accuracy: number;
  /** [n, classes]. */
  readonly probabilities: Float32Array;
  readonly predicted: Int32Array;
  readonly targets: Int32Array;
}

/** Photos per run, for a side in pixels: with training in memory beside it, more cost hundreds of megabytes and bring nothing. */
const batchFor = (size: number) => Math.max(1, Math.min(16, Math.floor((16 * 160 ** 2) / size ** 2)));

/** Class scores before softmax, [n, classes], of photos as the served model sees them. */
export async function evaluationLogits(
  engine: Engine,
  spec: NetworkSpec,
  state: State,
  source: PhotoSource,
  indices: readonly number[],
  size: number,
): Promise<Float32Array> {
  const inference = await engine.infer(evaluationModel(spec, state, size));
  try {
    const logits = new Float32Array(indices.length * spec.classes);
    const parts = chunks(indices, batchFor(size));
    let row = 0;
    for await (const { n, data } of prefetch(
      async (i) => ({ n: parts[i]!.length, data: await source.readForEvaluation(parts[i]!) }),
      parts.length,
      2,
    )) {
      const outputs = await inference.run({ pixels: { dtype: "uint8", dims: [n, size, size, 3], data } });
      logits.set(outputs.logits!.data as Float32Array, row * spec.classes);
      row += n;
    }
    return logits;
  } finally {
    await inference.release();
  }
}

/** Loss and accuracy of probabilities [n, classes]. */
export function score(
  probabilities: Float32Array,
  targets: ArrayLike<number>,
  classes: number,
  labelSmoothing: number,
): Validation {
  const soft = softTargets(targets, classes, { smoothing: labelSmoothing });
  let loss = 0;
  for (let i = 0; i < soft.length; i++) loss -= soft[i]! * Math.log(Math.max(probabilities[i]!, 1e-12));
  const predicted = Int32Array.from(argmaxRows(probabilities, classes));
  const actual = Int32Array.from(targets);
  return {
    loss: loss / actual.length,
    accuracy: accuracy(predicted, actual),
    probabilities,
    predicted,
    targets: actual,
  };
}

export interface TtaOptions {
  /** Side in pixels of the augmented photos, as in training. */
  readonly size: number;
  /** Side of the plain ones, as they are served (`size`). */
  readonly testSize?: number;
  readonly augment: AugmentConfig;
  readonly seed: number;
  /** Augmented passes (fastai: 4). */
  readonly passes?: number;
  /** Share of the plain pass in the mean (fastai: 0.25). */
  readonly beta?: number;
}

/** fastai's tta: mean probabilities over augmented passes, mixed with the plain ones; [n, classes]. */
export async function testTimeAugmentation(
  engine: Engine,
  spec: NetworkSpec,
  state: State,
  source: PhotoSource,
  indices: readonly number[],
  options: TtaOptions,
): Promise<Float32Array> {
  const { size, testSize = size, augment, seed, passes = 4, beta = 0.25 } = options;
  const { classes } = spec;
  const plain = softmaxRows(await evaluationLogits(engine, spec, state, source, indices, testSize), classes);
  const batch = Math.min(batchFor(size), indices.length);
  const side = source.cacheSize;
  const inference = await engine.infer(augmentedModel(spec, state, { batch, size, cacheSize: side }));
  const sums = new Float32Array(plain.length);
  try {
    for (let pass = 0; pass < passes; pass++) {
      for (let start = 0; start < indices.length; start += batch) {
        // The graph has a fixed batch: the last one reaches back, and its first rows are dropped.
        const from = Math.min(start, indices.length - batch);
        const part = indices.slice(from, from + batch);
        const draws = drawAugmentation(
          augment,
          part.map((i) => source.aspects[i]!),
          new Generator({ seed, epoch: pass, step: start, stream: STREAMS.augment }),
        );
        const outputs = await inference.run({
          pixels: { dtype: "uint8", dims: [batch, side, side, 3], data: await source.read(part) },
          matrices: float32(draws.matrices, [batch, 3, 3]),
          brightness: float32(draws.brightness),
          contrast: float32(draws.contrast),
        });
        const probabilities = softmaxRows(outputs.logits!.data as Float32Array, classes);
        for (let i = (start - from) * classes; i < probabilities.length; i++)
          sums[from * classes + i]! += probabilities[i]! / passes;
      }
    }
  } finally {
    await inference.release();
  }
  return sums.map((value, i) => beta * plain[i]! + (1 - beta) * value);
}

export function softmaxRows(logits: Float32Array, classes: number): Float32Array {
  const rows = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes);
    const top = Math.max(...row);
    const exps = Array.from(row, (value) => Math.exp(value - top));
    const sum = exps.reduce((a, b) => a + b, 0);
    for (let i = 0; i < classes; i++) rows[start + i] = exps[i]! / sum;
  }
  return rows;
}

function chunks(indices: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(indices.length / size) }, (_, i) => indices.slice(i * size, (i + 1) * size));
}
