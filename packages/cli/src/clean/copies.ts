// Photos that are there more than once: the same bytes, the same pixels, nearly the same, or one a part of the other; and which one stays.

import { cosine, type Neighbours, type Rows } from "@ballsight/vision";
import { byCodePoint } from "../data/codePoints.ts";
import { findCrop } from "../hash/crop.ts";
import { HashIndex } from "../hash/hashIndex.ts";
import { likeness, sketchOf } from "../hash/likeness.ts";
import { orientedHashes, type PhotoHash } from "../hash/perceptual.ts";
import type { PassedPhoto } from "./pass.ts";
import type { Thresholds } from "./thresholds.ts";

export type CopyHow = "bytes" | "pixels" | "near" | "crop";

export interface Copy {
  /** Into the photos. */
  readonly photo: number;
  readonly kept: number;
  readonly how: CopyHow;
  /** 1 for the same pixels, else the correlation that makes it a copy. */
  readonly likeness: number;
}

export interface CopyGroups {
  readonly copies: readonly Copy[];
  /** Of each photo, the one that stays of its group: itself for most. */
  readonly keptOf: Int32Array;
}

/** What a photo is recognised by. */
interface Face {
  readonly hashes: readonly PhotoHash[];
  readonly sketch: Uint8Array;
}

/** Two photos, one of them a part of the other or edited. */
export interface CropLink {
  readonly a: number;
  readonly b: number;
  readonly likeness: number;
}

type OnProgress = (done: number, total: number) => void;

/** Photos between two looks at the clock: a twentieth of a second. */
const AT_ONCE = 512;

/** Seconds of arithmetic: the progress bar wants to be drawn, and Ctrl-C heard. */
async function breathe(done: number, total: number, onProgress: OnProgress | undefined): Promise<void> {
  onProgress?.(done, total);
  await new Promise(setImmediate);
}

type Known = Pick<PassedPhoto, "sha256" | "pixels" | "grey">;

/** Groups photos around the ones that stay. `Faces` are made once, grouping is repeated when more is known of what should stay. */
export class CopyFinder {
  readonly #photos: readonly Known[];
  readonly #faces: readonly Face[];
  readonly #links: ReadonlyMap<number, readonly CropLink[]>;

  /** @param links as `findCropLinks` finds them */
  static async open(
    photos: readonly Known[],
    links: readonly CropLink[] = [],
    onProgress?: OnProgress,
  ): Promise<CopyFinder> {
    const faces: Face[] = [];
    for (const { grey } of photos) {
      if (faces.length % AT_ONCE === 0) await breathe(faces.length, photos.length, onProgress);
      const values = Float32Array.from(grey);
      faces.push({ hashes: orientedHashes(values), sketch: sketchOf(values) });
    }
    return new CopyFinder(photos, faces, links);
  }

  private constructor(photos: readonly Known[], faces: readonly Face[], links: readonly CropLink[]) {
    this.#photos = photos;
    this.#faces = faces;
    const byPhoto = new Map<number, CropLink[]>();
    for (const link of links) {
      for (const photo of [link.a, link.b]) byPhoto.set(photo, [...(byPhoto.get(photo) ?? []), link]);
    }
    this.#links = byPhoto;
  }

  /**
   * Each photo against those that stay, the best first, and never against another copy: chains of small changes would join photos that
   * have nothing in common.
   * @param order all photos, those that should rather stay first
   */
  async group(
    order: readonly number[],
    thresholds: Pick<Thresholds, "near" | "alike">,
    onProgress?: OnProgress,
  ): Promise<CopyGroups> {
    const keptOf = Int32Array.from(this.#photos, (_, i) => i);
    const byBytes = new Map<string, number>();
    const byPixels = new Map<string, number>();
    const byHash = new HashIndex<number>();
    const staying = new Set<number>();
    const copies: Copy[] = [];
    for (const [done, photo] of order.entries()) {
      if (done % AT_ONCE === 0) await breathe(done, order.length, onProgress);
      const { sha256, pixels } = this.#photos[photo]!;
      const same = byBytes.get(sha256);
      const found: Copy | undefined =
        same !== undefined
          ? { photo, kept: same, how: "bytes", likeness: 1 }
          : byPixels.has(pixels)
            ? { photo, kept: byPixels.get(pixels)!, how: "pixels", likeness: 1 }
            : (this.#near(photo, byHash, thresholds) ?? this.#crop(photo, staying));
      if (found !== undefined) {
        copies.push(found);
        keptOf[photo] = found.kept;
        continue;
      }
      staying.add(photo);
      byBytes.set(sha256, photo);
      byPixels.set(pixels, photo);
      const hash = this.#faces[photo]!.hashes[0];
      if (hash !== undefined) byHash.add(photo, hash);
    }
    return { copies, keptOf };
  }

  #near(
    photo: number,
    index: HashIndex<number>,
    { near, alike }: Pick<Thresholds, "near" | "alike">,
  ): Copy | undefined {
    const { hashes, sketch } = this.#faces[photo]!;
    const to = (other: number) => likeness(this.#faces[other]!.sketch, sketch);
    const found = index.nearest(hashes, near, (other) => to(other) >= alike);
    return found === undefined ? undefined : { photo, kept: found.value, how: "near", likeness: to(found.value) };
  }

  #crop(photo: number, staying: ReadonlySet<number>): Copy | undefined {
    let best: Copy | undefined;
    for (const { a, b, likeness } of this.#links.get(photo) ?? []) {
      const other = a === photo ? b : a;
      if (staying.has(other) && likeness > (best?.likeness ?? 0)) best = { photo, kept: other, how: "crop", likeness };
    }
    return best;
  }
}

export interface CropOptions {
  readonly photos: readonly Pick<PassedPhoto, "grey">[];
  /** Rows of length 1. */
  readonly features: Rows;
  readonly neighbours: Neighbours;
  readonly thresholds: Pick<Thresholds, "look-alike" | "crop">;
  readonly onProgress?: OnProgress;
}

/**
 * Pairs whose embeddings are near are looked at: a part must be found in the other, or in its mirror image. An embedding alone
 * says that both show the same kind of thing.
 */
export async function findCropLinks({
  photos,
  features,
  neighbours,
  thresholds,
  onProgress,
}: CropOptions): Promise<CropLink[]> {
  const pairs = nearPairs(neighbours, thresholds["look-alike"], (a, b) => cosine(features, a, b));
  const links: CropLink[] = [];
  for (const [done, [a, b]] of pairs.entries()) {
    const found = cropLikeness(photos[a]!.grey, photos[b]!.grey);
    if (found >= thresholds.crop) links.push({ a, b, likeness: found });
    if (done % 64 === 0) await breathe(done, pairs.length, onProgress);
  }
  return links;
}

/** The best likeness of either as a part of the other, as it is or mirrored. */
export function cropLikeness(a: Uint8Array, b: Uint8Array): number {
  return Math.max(findCrop(a, b).likeness, findCrop(b, a).likeness);
}

function nearPairs(
  { rows, k }: Neighbours,
  least: number,
  cosineOf: (a: number, b: number) => number,
): (readonly [number, number])[] {
  const pairs = new Map<string, readonly [number, number]>();
  for (let i = 0; i < rows.length; i++) {
    const [a, b] = [Math.floor(i / k), rows[i]!].sort((x, y) => x - y) as [number, number];
    if (a !== b && !pairs.has(`${a} ${b}`) && cosineOf(a, b) >= least) pairs.set(`${a} ${b}`, [a, b]);
  }
  return [...pairs.values()].sort((x, y) => x[0] - y[0] || x[1] - y[1]);
}

/** What is worth more stays, by the first of these that tells two photos apart; each with its words. */
const WORTH: readonly (readonly [words: string, worth: (photo: RankedPhoto) => number])[] = [
  ["somebody kept it in a review", ({ isReviewed }) => (isReviewed ? 1 : 0)],
  ["its label is not doubted", ({ isDoubted }) => (isDoubted ? 0 : 1)],
  ["it has more pixels", ({ width, height }) => width * height],
  ["it is less compressed", ({ bytes }) => bytes],
  ["metadata.jsonl tells where it is from", ({ isKnown }) => (isKnown ? 1 : 0)],
  ["it is older", ({ made }) => -made],
];

export interface RankedPhoto {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  /** When it was taken where EXIF tells, else of the file; milliseconds. */
  readonly made: number;
  readonly isDoubted: boolean;
  readonly isKnown: boolean;
  /** Somebody has looked at it and said that it stays as it is. */
  readonly isReviewed: boolean;
}

/** Photos in the order in which they should stay. */
export function keepOrder(photos: readonly RankedPhoto[]): number[] {
  return [...photos.keys()].sort((a, b) => compare(photos[a]!, photos[b]!));
}

function compare(a: RankedPhoto, b: RankedPhoto): number {
  for (const [, worth] of WORTH) if (worth(a) !== worth(b)) return worth(b) - worth(a);
  return byCodePoint(a.file, b.file);
}

/** Why `kept` stays and not `copy`. */
export function whyKept(kept: RankedPhoto, copy: RankedPhoto): string {
  return WORTH.find(([, worth]) => worth(kept) > worth(copy))?.[0] ?? "it is the first by name";
}
