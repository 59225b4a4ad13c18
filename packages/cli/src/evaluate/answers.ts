// Runs a model over many photos: decoding goes on in libvips' threads while the network computes.

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { decodeFile } from "@ballsight/server/photos";
import { argmaxRows, type Prediction, type Recognizer } from "@ballsight/vision";
import type { Dataset } from "../data/dataset.ts";
import { aheadOf } from "../images/aheadOf.ts";
import type { Answers } from "./measure.ts";

/** Photos decoded ahead of the network; each is held whole. */
export const DECODE_AHEAD = Math.max(2, availableParallelism());

export interface AnsweredPhotos extends Answers {
  /** Into the data set's files, in the answers' order. */
  readonly indices: readonly number[];
}

export interface AnswerOptions {
  readonly recognizer: Recognizer;
  readonly dataset: Dataset;
  /** Into the data set's files. */
  readonly indices: readonly number[];
  /** The model's label of each class folder. */
  readonly labelOf: readonly number[];
  /** A photo that could not be read or answered takes no further part. */
  readonly onFailure: (index: number, error: unknown) => void;
  readonly onProgress: (done: number) => void;
}

export async function answerPhotos(options: AnswerOptions): Promise<AnsweredPhotos> {
  const { recognizer, dataset, labelOf } = options;
  const classes = recognizer.labels.length;
  const answered: number[] = [];
  const rows: Float32Array[] = [];
  let done = 0;
  const decoded = aheadOf(options.indices, DECODE_AHEAD, (index) => {
    const file = dataset.files[index]!;
    return decodeFile(join(dataset.dir, file), file);
  });
  for await (const { item: index, outcome } of decoded) {
    try {
      if (outcome.status === "rejected") throw outcome.reason;
      const [prediction] = await recognizer.predict([outcome.value]);
      rows.push((prediction as Prediction).probabilities);
      answered.push(index);
    } catch (error) {
      options.onFailure(index, error);
    }
    options.onProgress(++done);
  }
  const probabilities = new Float32Array(rows.length * classes);
  rows.forEach((row, i) => {
    probabilities.set(row, i * classes);
  });
  return {
    indices: answered,
    probabilities,
    predicted: argmaxRows(probabilities, classes),
    targets: Int32Array.from(answered, (index) => labelOf[dataset.targets[index]!]!),
  };
}
