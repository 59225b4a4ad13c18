// A data set on disk: a folder of class folders, read in an order that is the same on every machine.

import { createHash } from "node:crypto";
import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { BallsightError, fail } from "@ballsight/vision";
import { byCodePoint } from "./codePoints.ts";

/** What looks like a photo by its name. BMP and HEIC are listed although not every build reads them: better a report than silence. */
export const PHOTO_EXTENSIONS: ReadonlySet<string> = new Set(
  ".jpg .jpeg .jpe .jfif .png .webp .gif .avif .tif .tiff .bmp .heic .heif".split(" "),
);

export interface DatasetWarning {
  readonly code: string;
  readonly message: string;
}

export interface Dataset {
  /** Absolute, symlinks resolved. */
  readonly dir: string;
  /** Names of the class folders that hold photos, NFC, sorted by code point. */
  readonly classes: readonly string[];
  /** Relative to `dir` with forward slashes, exactly as on disk (not normalised), by class and then by code point. */
  readonly files: readonly string[];
  /** Class index per file. */
  readonly targets: Int32Array;
  /** Bytes per file. */
  readonly sizes: Float64Array;
  /** Modification time per file, milliseconds. */
  readonly modified: Float64Array;
  readonly warnings: readonly DatasetWarning[];
}

interface FoundPhoto {
  readonly file: string;
  readonly size: number;
  readonly modified: number;
}

/**
 * Reads a folder of class folders. Sub-folders of a class folder belong to that class; dot-files and dot-folders
 * (`.trash`) and photos beside the class folders are left out. Nothing is decoded here.
 * @param least classes that there must be; to train, two
 * @throws DATA_NOT_A_FOLDER, NO_PHOTOS, DATA_ONE_CLASS
 */
export async function readDataset(dir: string, least: 1 | 2 = 2): Promise<Dataset> {
  const { root, entries } = await openFolder(dir);
  const photosByClass = new Map<string, FoundPhoto[]>();
  let loose = 0;
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const found = await isFolder(root, entry);
    if (!found) {
      if (isPhotoName(entry.name)) loose++;
      continue;
    }
    // macOS may hand out decomposed names; two spellings of one name are one class.
    const label = entry.name.normalize("NFC");
    const photos = photosByClass.get(label) ?? [];
    photosByClass.set(label, photos);
    await collectPhotos(root, entry.name, photos, new Set());
  }

  const labels = [...photosByClass.keys()].sort(byCodePoint);
  const classes = labels.filter((label) => photosByClass.get(label)!.length > 0);
  if (classes.length === 0 && loose === 0) fail("NO_PHOTOS", { name: dir });
  if (classes.length < least) fail("DATA_ONE_CLASS", { name: dir, received: describeClasses(classes, loose) });

  const warnings: DatasetWarning[] = labels
    .filter((label) => !classes.includes(label))
    .map((label) => ({
      code: "DATA_EMPTY_CLASS",
      message: new BallsightError("DATA_EMPTY_CLASS", { name: label }).message,
    }));
  if (loose > 0) {
    warnings.push({
      code: "DATA_LOOSE_PHOTOS",
      message: `${loose} ${loose === 1 ? "photo lies" : "photos lie"} beside the class folders and ${loose === 1 ? "is" : "are"} left out`,
    });
  }
  if (classes.every((label) => /^(train|training|valid|validation|val|test)$/i.test(label))) {
    warnings.push({
      code: "DATA_LOOKS_SPLIT",
      message: `the class folders are called ${classes.join(", ")}: to learn what lies inside them, name one of them`,
    });
  }

  const photos = classes.flatMap((label, target) =>
    photosByClass
      .get(label)!
      .sort((a, b) => byCodePoint(a.file.normalize("NFC"), b.file.normalize("NFC")) || byCodePoint(a.file, b.file))
      .map((photo) => ({ ...photo, target })),
  );
  return {
    dir: root,
    classes,
    files: photos.map((photo) => photo.file),
    targets: Int32Array.from(photos, (photo) => photo.target),
    sizes: Float64Array.from(photos, (photo) => photo.size),
    modified: Float64Array.from(photos, (photo) => photo.modified),
    warnings,
  };
}

export interface FingerprintedPhoto {
  /** Relative to the data set's folder, forward slashes. */
  readonly file: string;
  readonly size: number;
  /** Of the content, lower-case hex, where it is known. */
  readonly sha256?: string;
}

/**
 * SHA-256 (hex) of the data set's list, for `ballsight.data`: says whether two models saw the same photos. It does not
 * depend on the order of the list, where the folder lies, or how the file system spells accents.
 */
export function dataFingerprint(photos: Iterable<FingerprintedPhoto>): string {
  const lines = Array.from(photos, ({ file, size, sha256 }) =>
    // JSON, because a file name may hold any character that a plain separator would be.
    JSON.stringify([file.normalize("NFC"), size, sha256 ?? null]),
  );
  return createHash("sha256").update(lines.sort(byCodePoint).join("\n")).digest("hex");
}

export interface SameDataOptions {
  /** The data set's folder. */
  readonly name: string;
  /** The run that began with the photos of the fingerprint `expected`. */
  readonly run: string;
  readonly expected: string;
  readonly received: string;
}

/** Other photos would be split otherwise, and what one part of a run held out another would have trained on. @throws DATA_CHANGED */
export function expectSameData({ name, run, expected, received }: SameDataOptions): void {
  if (expected === received) return;
  fail("DATA_CHANGED", { name, run, expected: expected.slice(0, 12), received: received.slice(0, 12) });
}

export function isPhotoName(name: string): boolean {
  return !name.startsWith(".") && PHOTO_EXTENSIONS.has(extname(name).toLowerCase());
}

async function openFolder(dir: string): Promise<{ root: string; entries: Dirent[] }> {
  try {
    const root = await realpath(dir);
    return { root, entries: await readdir(root, { withFileTypes: true }) };
  } catch (cause) {
    return fail("DATA_NOT_A_FOLDER", { name: dir, received: describeFailure(cause) }, { cause });
  }
}

/** For DATA_NOT_A_FOLDER: what was received in its place. */
export function describeFailure(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code ?? "an error";
  const words: Readonly<Record<string, string>> = {
    ENOENT: "a path where nothing is",
    ENOTDIR: "a file",
    EACCES: "a folder that may not be read",
  };
  return words[code] ?? code;
}

function describeClasses(classes: readonly string[], loose: number): string {
  const found = classes.length === 0 ? "no class folder" : `one (${classes[0]})`;
  return loose === 0 ? found : `${found} and ${loose} ${loose === 1 ? "photo" : "photos"} outside of class folders`;
}

async function isFolder(root: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return (await stat(join(root, entry.name)).catch(() => undefined))?.isDirectory() ?? false;
}

/** Walks one class folder. `seen` holds the real paths above, because a symbolic link can lead back up. */
async function collectPhotos(root: string, folder: string, into: FoundPhoto[], seen: ReadonlySet<string>) {
  const { root: real, entries } = await openFolder(join(root, folder));
  if (seen.has(real)) return;
  const above = new Set(seen).add(real);
  const photos: string[] = [];
  for (const entry of entries) {
    const path = `${folder}/${entry.name}`;
    if (entry.name.startsWith(".")) continue;
    if (await isFolder(join(root, folder), entry)) await collectPhotos(root, path, into, above);
    else if (isPhotoName(entry.name)) photos.push(path);
  }
  const found = await Promise.all(
    photos.map(async (file) => {
      // A broken link is listed all the same: the cache reports it as unreadable, by name.
      const info = await stat(join(root, file)).catch(() => undefined);
      return { file, size: info?.size ?? 0, modified: info?.mtimeMs ?? 0 };
    }),
  );
  for (const photo of found) into.push(photo);
}
