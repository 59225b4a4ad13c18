// Wrong labels: heads on embeddings that never saw the photo that they judge, confident learning on what they say, and the nearest photos as the reason.

import type { OrtRuntime } from "@ballsight/grad";
import { findWrongLabels, type LabelDoubt, nearestRows, outOfFold, type Rows } from "@ballsight/vision";
import { neighboursOf, pickRows } from "./neighbours.ts";
import type { PassedPhoto } from "./pass.ts";

/** A class of fewer photos is not judged: heads that have seen two of a kind know nothing of it. */
export const LEAST_PHOTOS = 5;

const NEAREST = 3;

export interface LabelOptions {
  readonly runtime: OrtRuntime;
  readonly photos: readonly PassedPhoto[];
  /** Rows of length 1. */
  readonly features: Rows;
  readonly classes: number;
  /** Group per photo: copies are held out together. */
  readonly groups: ArrayLike<number>;
  /** Instead of linear heads on the features. */
  readonly judge?: (photos: readonly PassedPhoto[], groups: ArrayLike<number>) => Promise<Float32Array>;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface LabelCheck {
  /** `row` is into the photos. */
  readonly doubts: readonly LabelDoubt[];
  /** Out of fold, [photos, classes]; NaN in the rows of classes that are too small to be judged. */
  readonly probabilities: Float32Array;
  /** Into the data set's classes. */
  readonly unjudged: readonly number[];
  readonly joint: readonly (readonly number[])[];
  readonly noise: number;
}

export async function checkLabels(options: LabelOptions): Promise<LabelCheck> {
  const { photos, features, classes, groups } = options;
  const counts = new Array<number>(classes).fill(0);
  for (const { target } of photos) counts[target]! += 1;
  const isJudged = counts.map((count) => count >= LEAST_PHOTOS);
  const unjudged = [...counts.keys()].filter((k) => !isJudged[k]);
  const rows = [...photos.keys()].filter((row) => isJudged[photos[row]!.target]);
  const probabilities = new Float32Array(photos.length * classes).fill(Number.NaN);
  if (classes - unjudged.length < 2) return { doubts: [], probabilities, unjudged, joint: [], noise: 0 };
  const targets = Int32Array.from(rows, (row) => photos[row]!.target);
  const rowGroups = rows.map((row) => groups[row]!);
  const judged =
    options.judge === undefined
      ? await outOfFold({
          runtime: options.runtime,
          features: pickRows(features, rows),
          targets,
          classes,
          groups: rowGroups,
          ...(options.onProgress !== undefined && { onProgress: options.onProgress }),
        })
      : await options.judge(
          rows.map((row) => photos[row]!),
          rowGroups,
        );
  for (const [i, row] of rows.entries()) {
    probabilities.set(judged.subarray(i * classes, (i + 1) * classes), row * classes);
  }
  const found = findWrongLabels({ probabilities: judged, targets, classes });
  return {
    ...found,
    doubts: found.doubts.map((doubt) => ({ ...doubt, row: rows[doubt.row]! })),
    probabilities,
    unjudged,
  };
}

export interface NearestPhotos {
  /** Into the photos, nearest first, with their cosines. */
  readonly given: readonly (readonly [photo: number, cosine: number])[];
  readonly suggested: readonly (readonly [photo: number, cosine: number])[];
}

/** For each doubt, the nearest photos of both classes whose own labels are not doubted, copies of it left out. */
export async function nearestOfBoth(
  { runtime, photos, features, classes, groups }: LabelOptions,
  doubts: readonly LabelDoubt[],
): Promise<NearestPhotos[]> {
  const doubted = new Set(doubts.map(({ row }) => row));
  const nearest = doubts.map(
    () => ({ given: [], suggested: [] }) as { -readonly [K in keyof NearestPhotos]: NearestPhotos[K] },
  );
  for (let k = 0; k < classes; k++) {
    const base = [...photos.keys()].filter((row) => photos[row]!.target === k && !doubted.has(row));
    const asked = [...doubts.keys()].filter((i) => doubts[i]!.suggested === k || photos[doubts[i]!.row]!.target === k);
    if (asked.length === 0) continue;
    const queries = pickRows(
      features,
      asked.map((i) => doubts[i]!.row),
    );
    const found = await nearestRows(runtime, queries, pickRows(features, base), NEAREST + 4);
    for (const [at, i] of asked.entries()) {
      const own = groups[doubts[i]!.row]!;
      const list = neighboursOf(found, at)
        .map(([row, cosine]) => [base[row]!, cosine] as const)
        .filter(([photo]) => groups[photo] !== own)
        .slice(0, NEAREST);
      nearest[i]![doubts[i]!.suggested === k ? "suggested" : "given"] = list;
    }
  }
  return nearest;
}
