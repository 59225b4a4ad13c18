// Which part of the data set a photo belongs to: touching the held-out part changes what models are measured on.

import { randomSplit } from "@ballsight/vision";
import { Groups } from "../data/copyGroups.ts";
import { type DataVersion, PARTS, type Part } from "../data/version.ts";
import type { DoubtfulPhoto } from "./issues.ts";

interface NamedContent {
  readonly file: string;
  readonly sha256: string;
}

export interface PartsOptions {
  /** Names of the data set's photos, in its order. */
  readonly files: readonly string[];
  readonly doubtful: readonly DoubtfulPhoto[];
  /** Of a run that somebody named: it goes before the run that the list is of. Empty for none. */
  readonly version: DataVersion;
  /** Of the split by seed, where no run is known. */
  readonly valid: number;
  readonly seed: number;
}

export interface Parts {
  /** What the run did not know was not held out by it. */
  readonly of: (photo: NamedContent) => Part;
  /** Whether a run says so, or only the seed would. */
  readonly isOfRun: boolean;
}

export function partsOf(options: PartsOptions): Parts {
  const known = [options.version, partsInList(options.doubtful)].filter((photos) => photos.length > 0).map(byContent);
  const isOfRun = known.length > 0;
  const sources = isOfRun ? known : [bySeed(options)];
  const of = (photo: NamedContent): Part => {
    for (const source of sources) {
      const part = source(photo);
      if (part !== undefined) return part;
    }
    return "train";
  };
  return { of, isOfRun };
}

type PartOf = (photo: NamedContent) => Part | undefined;

/** `clean` notes them where there is a run beside the model. */
function partsInList(doubtful: readonly DoubtfulPhoto[]): (NamedContent & { readonly split: Part })[] {
  return doubtful.flatMap(({ file, sha256, issues }) => {
    const split = PARTS.find((part) => issues.some((issue) => issue.split === part));
    return split === undefined ? [] : [{ file, sha256, split }];
  });
}

/** Names change; but of copies of the same bytes each has its own part. */
function byContent(photos: Iterable<NamedContent & { readonly split: Part }>): PartOf {
  const parts = new Map<string, Part>();
  for (const { file, sha256, split } of photos) {
    parts.set(`${sha256} ${file}`, split);
    parts.set(sha256, split);
  }
  return ({ file, sha256 }) => parts.get(`${sha256} ${file}`) ?? parts.get(sha256);
}

/**
 * As `train` splits these files now, with copies on one side. Which photos are copies the list says, for the photos are not decoded here; `train`
 * does not know of crops.
 */
function bySeed({ files, doubtful, valid, seed }: PartsOptions): PartOf {
  const places = new Map(files.map((file, i) => [file, i]));
  const groups = new Groups(files.length);
  for (const { file, issues } of doubtful) {
    for (const { of } of issues) {
      const [copy, other] = [places.get(file), places.get(of?.file ?? "")];
      if (of?.how !== "crop" && copy !== undefined && other !== undefined) groups.join(copy, other);
    }
  }
  const held = new Set(Array.from(randomSplit(files.length, valid, seed, groups.numbers()).valid, (i) => files[i]!));
  return ({ file }) => (held.has(file) ? "valid" : "train");
}
