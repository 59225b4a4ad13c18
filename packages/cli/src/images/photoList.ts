// What `predict` was asked for, as a list of photos in the order of the answers.

import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { BallsightError } from "@ballsight/vision";
import { byCodePoint } from "../data/codePoints.ts";
import { PHOTO_EXTENSIONS } from "../data/dataset.ts";

/** Standard input as a file name. */
export const STDIN = "-";

export interface PhotoEntry {
  /** As it was typed, or the folder as typed and the path in it. */
  readonly file: string;
  /** Why there is nothing to decode: a folder without photos, or one that cannot be read. */
  readonly error?: BallsightError;
}

/** Folders are read recursively, sorted, by the extensions of photos; dot-files and linked folders are left alone. */
export async function listPhotos(args: readonly string[]): Promise<PhotoEntry[]> {
  const lists = await Promise.all(args.map((arg) => (arg === STDIN ? [{ file: arg }] : list(arg))));
  return lists.flat();
}

async function list(path: string): Promise<PhotoEntry[]> {
  // What is missing or unreadable gets its error when it is decoded.
  const isFolder = await stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
  if (!isFolder) return [{ file: path }];
  const photos = await walk(path);
  return photos.length > 0 ? photos : [{ file: path, error: new BallsightError("NO_PHOTOS", { name: path }) }];
}

async function walk(folder: string): Promise<PhotoEntry[]> {
  const names = await readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    const reason = `a folder that cannot be read (${cause.code})`;
    return new BallsightError("FILE_NOT_READABLE", { name: folder, reason }, { cause });
  });
  if (names instanceof BallsightError) return [{ file: folder, error: names }];
  const visible = names.filter(({ name }) => !name.startsWith(".")).sort((a, b) => byCodePoint(a.name, b.name));
  const photos: PhotoEntry[] = [];
  for (const entry of visible) {
    const path = join(folder, entry.name);
    // A link to a folder could lead back up and go round for ever.
    if (entry.isDirectory()) photos.push(...(await walk(path)));
    else if (PHOTO_EXTENSIONS.has(extname(entry.name).toLowerCase())) photos.push({ file: path });
  }
  return photos;
}
