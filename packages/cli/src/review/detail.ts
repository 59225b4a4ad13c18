// All that is known of one photo: reasons, the nearest photos of either class, the one that it is a copy of, where it is from.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Neighbour, PhotoDetail, PhotoFacts } from "@ballsight/server";
import { loadSharp } from "@ballsight/server/photos";
import type { Metadata } from "../data/metadata.ts";
import type { KnownPhoto } from "../decisions/state.ts";
import type { SimilarPhoto } from "./issues.ts";
import type { Roll, RolledPhoto } from "./roll.ts";

export interface DetailOptions {
  readonly root: string;
  readonly roll: Roll;
  readonly metadata: Metadata;
}

export async function detailOf(photo: RolledPhoto, options: DetailOptions): Promise<PhotoDetail> {
  const { roll } = options;
  const { issues } = photo.doubt;
  const withNearest = issues.find(({ nearest }) => nearest !== undefined);
  const of = issues.find((issue) => issue.of !== undefined)?.of;
  const original = of === undefined ? undefined : await roll.look(of.file);
  return {
    ...(await factsOf(photo, options.root)),
    reasons: issues.map(({ kind, reason }) => ({ kind, reason })),
    probability: withNearest?.probability ?? null,
    nearest:
      withNearest?.nearest === undefined
        ? null
        : {
            given: await neighbours(withNearest.nearest.given, roll),
            suggested: await neighbours(withNearest.nearest.suggested, roll),
          },
    of: of && original ? { ...(await factsOf(original, options.root)), why: of.why ?? "" } : null,
    origin: originOf(options.metadata, photo.file),
  };
}

/** Those that are still there, with the content that they have now. */
async function neighbours(photos: readonly SimilarPhoto[], roll: Roll): Promise<Neighbour[]> {
  const found = await Promise.all(
    photos.slice(0, 3).map(async ({ file, cosine }) => {
      const photo = await roll.look(file);
      return photo === undefined ? [] : [{ ...photo, cosine }];
    }),
  );
  return found.flat();
}

async function factsOf({ file, label, sha256 }: KnownPhoto, root: string): Promise<PhotoFacts> {
  const path = join(root, file);
  const bytes = await stat(path).then(
    ({ size }) => size,
    () => null,
  );
  const sharp = await loadSharp();
  const size = await sharp(path, { limitInputPixels: false })
    .metadata()
    .then(
      ({ autoOrient }) => autoOrient,
      () => ({ width: null, height: null }),
    );
  return { sha256, file, label, width: size.width, height: size.height, bytes };
}

function originOf(metadata: Metadata, file: string): string | null {
  const row = metadata.get(file);
  const parts = ["title", "creator", "license", "source"].flatMap((name) => {
    const value = row?.[name];
    return typeof value === "string" && value !== "" ? [value] : [];
  });
  return parts.length === 0 ? null : parts.join(" · ");
}
