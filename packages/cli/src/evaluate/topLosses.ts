// fastai's top losses: the photos that the model is most wrong about, and what they look like.

import { join } from "node:path";
import { crossEntropies, topLosses } from "@ballsight/vision";
import { thumbnailOf } from "../images/thumbnail.ts";
import type { WorstPhoto } from "../report/photos.ts";
import type { Answers } from "./measure.ts";

/** The `count` photos with the largest cross-entropy, largest first; `files` in the answers' order. */
export function rankByLoss(
  labels: readonly string[],
  files: readonly string[],
  { probabilities, predicted, targets }: Answers,
  count: number,
): WorstPhoto[] {
  const losses = crossEntropies(probabilities, targets, labels.length);
  return topLosses(losses, count).map((row) => ({
    file: files[row]!,
    actual: labels[targets[row]!]!,
    predicted: labels[predicted[row]!]!,
    loss: losses[row]!,
    probability: probabilities[row * labels.length + predicted[row]!]!,
  }));
}

/** Photos that have gone since stay without one. */
export function withThumbnails(folder: string, photos: readonly WorstPhoto[]): Promise<WorstPhoto[]> {
  return Promise.all(
    photos.map(async (photo) => {
      const thumbnail = await thumbnailOf(join(folder, photo.file));
      return { ...photo, ...(thumbnail !== undefined && { thumbnail }) };
    }),
  );
}
