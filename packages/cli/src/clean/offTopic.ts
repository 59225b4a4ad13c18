// Photos of something else: farther from the photos of their class than those are from one another.

import { percentileOf } from "@ballsight/vision";
import { type ClassNeighbours, neighboursOf } from "./neighbours.ts";

const NEAREST = 10;
/** With fewer, quartiles say nothing. */
const LEAST_PHOTOS = 20;

export interface OffTopic {
  /** Into the photos. */
  readonly photo: number;
  /** 1 / (1 + ranges beyond three quarters): 0 is infinitely far away. */
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
  return Float64Array.from({ length: groups.length }, (_, photo) =>
    distanceTo(targets[photo]!, photo, byClass, groups),
  );
}

/** The class whose photos are nearest to a photo, its own among them. */
export function nearestClass(photo: number, byClass: ClassNeighbours, groups: ArrayLike<number>): number {
  const distances = byClass.map((own, k) => (own.k === 0 ? 2 : distanceTo(k, photo, byClass, groups)));
  return distances.indexOf(Math.min(...distances));
}

function distanceTo(target: number, photo: number, byClass: ClassNeighbours, groups: ArrayLike<number>): number {
  const others = neighboursOf(byClass[target]!, photo).filter(([other]) => groups[other] !== groups[photo]);
  const near = others.slice(0, NEAREST);
  return near.length === 0 ? 0 : near.reduce((sum, [, cosine]) => sum + 1 - cosine, 0) / near.length;
}

/**
 * By how many interquartile ranges each photo lies beyond three quarters of its class, or of all photos where the class has too few: a class of
 * all sorts is wide and one of golf balls narrow, and one measure for both would find strangers in the first alone.
 */
export function rangesBeyond(distances: Float64Array, targets: ArrayLike<number>): Float64Array {
  if (distances.length < LEAST_PHOTOS) return new Float64Array(distances.length);
  const byClass = new Map<number, number[]>();
  for (const [photo, distance] of distances.entries()) {
    const own = byClass.get(targets[photo]!);
    if (own === undefined) byClass.set(targets[photo]!, [distance]);
    else own.push(distance);
  }
  const all = quartiles(distances);
  const measures = new Map(
    [...byClass].map(([target, own]) => [target, own.length < LEAST_PHOTOS ? all : quartiles(Float64Array.from(own))]),
  );
  return distances.map((distance, photo) => {
    const { upper, range } = measures.get(targets[photo]!)!;
    return (distance - upper) / (range || 1);
  });
}

/** Beyond Q3 + `ranges` x IQR (Datalab's rule, whose distances are to all photos, whose quartiles are of all and whose ranges are 1.7). */
export function findOffTopic(beyond: Float64Array, ranges: number): OffTopic[] {
  return [...beyond].flatMap((own, photo) => (own > ranges ? [{ photo, score: 1 / (1 + own) }] : []));
}

function quartiles(distances: Float64Array): { readonly upper: number; readonly range: number } {
  const sorted = distances.toSorted();
  const [lower, upper] = [percentileOf(sorted, 25), percentileOf(sorted, 75)];
  return { upper, range: upper - lower };
}
