// One state of a data set as a small file: content, label and part of every photo. A training writes its own, and trains on it again.

import { readFile } from "node:fs/promises";
import { fail, type Split } from "@ballsight/vision";
import { byCodePoint } from "./codePoints.ts";
import { type Dataset, describeFailure } from "./dataset.ts";

/** `out`: taken out by a decision, in neither part. */
export const PARTS = ["valid", "train", "out"] as const;

export type Part = (typeof PARTS)[number];

export interface VersionPhoto {
  /** Of the content, lower-case hex: a photo is what its content is, its name may change. */
  readonly sha256: string;
  readonly label: string;
  readonly split: Part;
  /** Its name then, relative to the data set's folder: tells copies of the same bytes apart. */
  readonly file: string;
}

/** In the order of the split: the same training comes out again, bit for bit. */
export type DataVersion = readonly VersionPhoto[];

/** @param photos what the split's numbers mean */
export function versionOf(
  photos: { readonly files: readonly string[]; readonly sha256: readonly string[]; readonly labels: readonly string[] },
  split: Split,
): DataVersion {
  const part = (name: Part, indices: readonly number[]): VersionPhoto[] =>
    indices.map((i) => ({ sha256: photos.sha256[i]!, label: photos.labels[i]!, split: name, file: photos.files[i]! }));
  return [...part("valid", split.valid), ...part("train", split.train)];
}

export const formatVersion = (version: DataVersion): string =>
  version.map((photo) => `${JSON.stringify(photo)}\n`).join("");

/** @throws DATA_VERSION_INVALID */
export async function readVersion(path: string): Promise<DataVersion> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    return fail("DATA_VERSION_INVALID", { name: path, received: describeFailure(cause) }, { cause });
  }
  const version = text.split("\n").flatMap((line, i) => (line === "" ? [] : [parsePhoto(line, path, i + 1)]));
  if (version.length === 0) fail("DATA_VERSION_INVALID", { name: path, received: "no photos" });
  return version;
}

function parsePhoto(line: string, name: string, number: number): VersionPhoto {
  let value: Partial<Record<keyof VersionPhoto, unknown>> = {};
  try {
    value = { ...(JSON.parse(line) as object) };
  } catch {
    // Refused below.
  }
  const { sha256, label, split, file } = value;
  const sound =
    typeof sha256 === "string" &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    typeof label === "string" &&
    label !== "" &&
    typeof file === "string" &&
    PARTS.some((part) => part === split);
  if (!sound) return fail("DATA_VERSION_INVALID", { name, received: `line ${number}, which is no photo` });
  return { sha256, label, split: split as Part, file };
}

/**
 * Which file of the data set each photo of the version is, by content; among files of the same content the one of the same name, else the first.
 * @param hashes of the data set's files; undefined where one cannot be read
 * @returns undefined for what is no longer there
 */
export function findVersion(
  version: DataVersion,
  files: readonly string[],
  hashes: readonly (string | undefined)[],
): (number | undefined)[] {
  const byContent = new Map<string, number[]>();
  for (const [i, hash] of hashes.entries()) {
    if (hash === undefined) continue;
    const same = byContent.get(hash);
    if (same === undefined) byContent.set(hash, [i]);
    else same.push(i);
  }
  const take = (sha256: string, wanted: (index: number) => boolean): number | undefined => {
    const left = byContent.get(sha256) ?? [];
    const at = left.findIndex(wanted);
    return at === -1 ? undefined : left.splice(at, 1)[0];
  };
  // Names first: a copy must not be taken by another line before its own line comes.
  const found = version.map(({ sha256, file }) => take(sha256, (index) => files[index] === file));
  return found.map((index, i) => index ?? take(version[i]!.sha256, () => true));
}

export interface Versioned {
  /** The same files, by the version's labels; those that have no part in it stay under any. */
  readonly dataset: Dataset;
  /** Names of the files of each part, in the version's order. */
  readonly valid: readonly string[];
  readonly train: readonly string[];
  /** Photos of the version that are no longer there. */
  readonly vanished: DataVersion;
  /** Files of the data set that the version does not know. */
  readonly added: number;
}

export function applyVersion(
  version: DataVersion,
  dataset: Dataset,
  hashes: readonly (string | undefined)[],
): Versioned {
  const found = findVersion(version, dataset.files, hashes);
  const present = version.flatMap((photo, i) => (found[i] === undefined ? [] : [{ ...photo, index: found[i] }]));
  const used = present.filter(({ split }) => split !== "out");
  const classes = dataset.classes.filter((label) => used.some((photo) => photo.label === label));
  for (const { label } of used) if (!classes.includes(label)) classes.push(label);
  classes.sort(byCodePoint);
  const targets = dataset.targets.map(() => 0);
  for (const { index, label } of used) targets[index] = classes.indexOf(label);
  const names = (part: Part) => present.filter(({ split }) => split === part).map(({ index }) => dataset.files[index]!);
  return {
    dataset: { ...dataset, classes, targets },
    valid: names("valid"),
    train: names("train"),
    vanished: version.filter((_, i) => found[i] === undefined),
    added: dataset.files.length - present.length,
  };
}
