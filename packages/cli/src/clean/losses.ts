// fastai's cleaner shows the photos of a class with the largest losses, by part of the split; here by models that did not see them.

import { byCodePoint } from "../data/codePoints.ts";
import type { Part } from "../data/version.ts";
import type { LabelCheck } from "./labels.ts";
import type { PassedPhoto } from "./pass.ts";

export interface TopLoss {
  readonly file: string;
  readonly label: string;
  /** Where the model's run says which part the photo is of. */
  readonly split?: Part;
  /** Cross-entropy out of fold, nats. */
  readonly loss: number;
  readonly predicted: string;
  readonly probability: number;
}

/** As many as fastai shows. */
const MOST = 30;

/** By class, then part, then the largest first. Classes that were not judged have none. */
export function topLossesByClass(
  photos: readonly PassedPhoto[],
  { probabilities }: Pick<LabelCheck, "probabilities">,
  classes: readonly string[],
  splitOf: (photo: PassedPhoto) => Part | undefined,
): TopLoss[] {
  const groups = new Map<string, TopLoss[]>();
  for (const [row, photo] of photos.entries()) {
    const own = probabilities.subarray(row * classes.length, (row + 1) * classes.length);
    if (Number.isNaN(own[0])) continue;
    const best = own.indexOf(Math.max(...own));
    const split = splitOf(photo);
    const label = classes[photo.target]!;
    const key = JSON.stringify([label, split ?? ""]);
    const list = groups.get(key) ?? [];
    groups.set(key, list);
    list.push({
      file: photo.file,
      label,
      ...(split !== undefined && { split }),
      loss: lossOf(probabilities, classes.length, row, photo.target)!,
      predicted: classes[best]!,
      probability: short(own[best]!),
    });
  }
  return [...groups.keys()].sort(byCodePoint).flatMap((key) =>
    groups
      .get(key)!
      .sort((a, b) => b.loss - a.loss || byCodePoint(a.file, b.file))
      .slice(0, MOST),
  );
}

/** Cross-entropy of the given label, nats; undefined where it was not judged. */
export function lossOf(probabilities: Float32Array, classes: number, row: number, target: number): number | undefined {
  const own = probabilities[row * classes + target]!;
  return Number.isNaN(own) ? undefined : short(-Math.log(Math.max(own, 1e-7)));
}

const short = (value: number) => Number(value.toFixed(4));
