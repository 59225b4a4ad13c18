// Photos of something else: far from all photos of their class, and no other class claims them.

import { percentileOf } from "@ballsight/vision";
import { type ClassNeighbours, neighboursOf } from "./neighbours.ts";

const NEAREST = 10;
/** With fewer, quartiles say nothing. */
const LEAST_PHOTOS = 20;

export interface OffTopic {
  /** Into the photos. */
  readonly photo: number;
  /** exp(-distance / median): 1 is in the middle of others. */
  readonly score: number;
}

/**
 * Of each photo the mean cosine distance to its ten nearest in its class. Strangers that are like one another (ten logos) lie scattered over the
 * classes: the ten nearest of all photos would be each other. Copies do not count.
 */
export function distancesToClass(
  byClass: ClassNeighbours,
  targets: ArrayLike<number>,
  groups: ArrayLike<number>,
): Float64Array {
  return Float64Array.from({ length: groups.length }, (_, photo) => {
    const others = neighboursOf(byClass[targets[photo]!]!, photo).filter(([other]) => groups[other] !== groups[photo]);
    const near = others.slice(0, NEAREST);
    return near.length === 0 ? 0 : near.reduce((sum, [, cosine]) => sum + 1 - cosine, 0) / near.length;
  });
}

/** Beyond Q3 + `ranges` x IQR of all photos' distances (Datalab's rule, whose distances are to all photos and whose ranges are 1.7). */
export function findOffTopic(distances: Float64Array, ranges: number): OffTopic[] {
  if (distances.length < LEAST_PHOTOS) return [];
  const sorted = distances.toSorted();
  const [q1, median, q3] = [25, 50, 75].map((percent) => percentileOf(sorted, percent)) as [number, number, number];
  const most = q3 + ranges * (q3 - q1);
  return [...distances].flatMap((distance, photo) =>
    distance > most ? [{ photo, score: Math.exp(-distance / (median || 1)) }] : [],
  );
}
