// The same photo twice: byte for byte, or nearly so; within a class, or under two, where one label must be wrong.

import { HashIndex, NEAR_COPY } from "../hash/hashIndex.ts";
import { ALIKE, likeness } from "../hash/likeness.ts";
import type { Looks } from "../hash/looks.ts";
import type { GoodPhoto } from "./check.ts";

export interface Copies {
  /** Same bytes in one class: what stays, and the others. */
  readonly exact: readonly { readonly kept: string; readonly copies: readonly string[] }[];
  /** Same bytes under several classes. */
  readonly conflicts: readonly (readonly string[])[];
  /** Scaled, compressed again, mirrored or turned: the photo with fewer pixels, and which one it is nearest to. */
  readonly near: readonly NearCopy[];
}

export interface NearCopy {
  readonly file: string;
  readonly of: string;
  /** Bits of 64 in which their hashes differ. */
  readonly distance: number;
  /** Correlation of their sketches, 0.975 to 1. */
  readonly likeness: number;
}

/**
 * @param photos in the order of their names
 * @param looks of each, by its `at`
 * @param isKnown whether metadata tells where a photo is from: of equal copies such a one is worth more
 */
export function findCopies(photos: readonly GoodPhoto[], looks: Looks, isKnown: (file: string) => boolean): Copies {
  const groups = groupBy(photos, ({ sha256 }) => sha256).map((group) => [
    ...group.filter(({ file }) => isKnown(file)),
    ...group.filter(({ file }) => !isKnown(file)),
  ]);
  const repeated = groups.filter(({ length }) => length > 1);
  const exact = repeated.flatMap((group) =>
    groupBy(group, ({ label }) => label)
      .filter(({ length }) => length > 1)
      .map(([kept, ...copies]) => ({ kept: kept!.file, copies: copies.map(({ file }) => file) })),
  );
  const conflicts = repeated
    .filter((group) => group.some(({ label }) => label !== group[0]!.label))
    .map((group) => group.map(({ file }) => file));
  return {
    exact,
    conflicts,
    near: nearCopies(
      groups.map(([first]) => first!),
      looks,
    ),
  };
}

/**
 * Each photo against those kept so far, largest first, and not against other copies: chains of small changes would tie
 * photos together that have nothing in common.
 */
function nearCopies(photos: readonly GoodPhoto[], looks: Looks): NearCopy[] {
  const kept = new HashIndex<GoodPhoto>();
  const found: NearCopy[] = [];
  for (const photo of photos.toSorted((a, b) => b.width * b.height - a.width * a.height)) {
    const hashes = looks.hashes(photo.at);
    const likenessTo = ({ at }: GoodPhoto) => likeness(looks.sketch(at), looks.sketch(photo.at));
    const nearest = kept.nearest(hashes, NEAR_COPY, (other) => likenessTo(other) >= ALIKE);
    if (nearest !== undefined) {
      const { value: of, distance } = nearest;
      found.push({ file: photo.file, of: of.file, distance, likeness: Number(likenessTo(of).toFixed(4)) });
    } else if (hashes[0] !== undefined) kept.add(photo, hashes[0]);
  }
  return found.sort((a, b) => b.likeness - a.likeness);
}

/** In the order in which the keys come first. Map.groupBy needs Node 21. */
function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
