// Photos of something else: far from every class, as no other photo is near them.

import { type Neighbours, percentileOf } from "@ballsight/vision";
import { neighboursOf } from "./labels.ts";

const NEAREST = 10;
/** With fewer, quartiles say nothing. */
const LEAST_PHOTOS = 20;

export interface OffTopic {
  /** Into the photos. */
  readonly photo: number;
  /** Mean cosine distance to the ten nearest photos. */
  readonly distance: number;
  /** exp(-distance / median): 1 is in the middle of others. */
  readonly score: number;
}

/**
 * Beyond Q3 + `ranges` x IQR of all photos' mean distance to their nearest ten (as Datalab). Copies do not count as neighbours.
 * @param neighbours of all photos among all
 */
export function findOffTopic(neighbours: Neighbours, groups: ArrayLike<number>, ranges: number): OffTopic[] {
  if (groups.length < LEAST_PHOTOS) return [];
  const distances = Array.from({ length: groups.length }, (_, photo) => {
    const others = neighboursOf(neighbours, photo).filter(([other]) => groups[other] !== groups[photo]);
    const near = others.slice(0, NEAREST);
    return near.length === 0 ? 0 : near.reduce((sum, [, cosine]) => sum + 1 - cosine, 0) / near.length;
  });
  const sorted = Float64Array.from(distances).sort();
  const [q1, median, q3] = [25, 50, 75].map((percent) => percentileOf(sorted, percent)) as [number, number, number];
  const most = q3 + ranges * (q3 - q1);
  return distances.flatMap((distance, photo) =>
    distance > most ? [{ photo, distance, score: Math.exp(-distance / (median || 1)) }] : [],
  );
}
