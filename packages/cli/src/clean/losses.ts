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
      loss: short(-Math.log(Math.max(own[photo.target]!, 1e-7))),
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

const short = (value: number) => Number(value.toFixed(4));
