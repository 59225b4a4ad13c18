// fastai's top losses: the photos that the model is most wrong about, and what they look like.

import { join } from "node:path";
import { crossEntropies, topLosses } from "@ballsight/vision";
import { thumbnailOf } from "../images/thumbnail.ts";
import type { WorstPhoto } from "../report/photos.ts";
import type { Answers } from "./measure.ts";

/** What each photo is, was named and costs (cross-entropy); `files` in the answers' order. */
export function describePhotos(
  labels: readonly string[],
  files: readonly string[],
  { probabilities, predicted, targets }: Answers,
): WorstPhoto[] {
  const losses = crossEntropies(probabilities, targets, labels.length);
  return files.map((file, row) => ({
    file,
    actual: labels[targets[row]!]!,
    predicted: labels[predicted[row]!]!,
    loss: losses[row]!,
    probability: probabilities[row * labels.length + predicted[row]!]!,
  }));
}

/** The `count` with the largest loss, largest first. */
export function rankByLoss(photos: readonly WorstPhoto[], count: number): WorstPhoto[] {
  const losses = photos.map(({ loss }) => loss);
  return topLosses(losses, count).map((row) => photos[row]!);
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
