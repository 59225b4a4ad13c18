// What `verify` does about what it found, where it was asked to: nothing is deleted, and all of it can be taken back.

import { extname, join } from "node:path";
import { readPhotoFile } from "@ballsight/server/photos";
import { type ErrorRecord, errorRecord } from "../output/errors.ts";
import type { NewPhoto, Trash } from "../trash/trash.ts";
import type { GoodPhoto } from "./check.ts";
import { needsReencoding, reencode } from "./reencode.ts";
import type { Scan } from "./scan.ts";

export interface FixOptions {
  /** Broken photos to `.trash`, wrong extensions put right. */
  readonly fix: boolean;
  /** What only looks wrong elsewhere is stored anew. */
  readonly reencode: boolean;
  /** Exact copies within a class to `.trash`. */
  readonly dropCopies: boolean;
}

export interface FixedPhoto {
  readonly action: "trash" | "rename" | "reencode";
  readonly file: string;
  /** Its new name; null in the trash. */
  readonly now: string | null;
  readonly why: readonly string[];
}

export interface Fixes {
  /** In the order in which it was done. */
  readonly done: readonly FixedPhoto[];
  /** What could not be stored anew and stays as it is. */
  readonly failed: readonly { readonly file: string; readonly error: ErrorRecord }[];
  /** CREDITS.md is somebody else's and stays as it is. */
  readonly keeps_credits?: true;
}

/**
 * @param found of the data set that `trash` holds, nothing of which has changed since */
export async function fixPhotos(
  trash: Trash,
  found: Scan,
  options: FixOptions,
  onProgress: (done: number, total: number) => void,
): Promise<Fixes> {
  const copies = new Set(options.dropCopies ? found.copies.exact.flatMap((group) => group.copies) : []);
  const taken = [
    // What cannot be read today may be a matter of permissions or of a disk that is away.
    ...(options.fix ? found.broken.filter(({ kind }) => kind !== "unreadable") : []).map(({ file, kind, sha256 }) => ({
      file,
      why: [kind],
      ...(sha256 !== undefined && { sha256 }),
    })),
    ...found.good.filter(({ file }) => copies.has(file)).map(({ file, sha256 }) => ({ file, why: ["copy"], sha256 })),
  ];
  const stays = found.good.filter(({ file }) => !copies.has(file));
  const anew = options.reencode ? stays.filter(needsReencoding) : [];
  const misnamed = options.fix
    ? stays.filter((photo) => photo.odd.includes("wrong-extension") && !anew.includes(photo))
    : [];

  const total = taken.length + anew.length + misnamed.length;
  const done: FixedPhoto[] = [];
  const failed: Fixes["failed"][number][] = [];
  const step = () => onProgress(done.length + failed.length, total);
  try {
    await trash.take(taken, ({ file, why }) => {
      done.push({ action: "trash", file, now: null, why });
      step();
    });
    for (const photo of misnamed) {
      const now = await trash.rename(photo.file, renamed(photo));
      done.push({ action: "rename", file: photo.file, now, why: ["wrong-extension"] });
      step();
    }
    for (const photo of anew) {
      const { file, odd: why, sha256 } = photo;
      const stored = await storedAnew(trash.root, photo);
      if ("error" in stored) failed.push({ file, error: stored.error });
      else done.push({ action: "reencode", file, now: await trash.replace({ file, why, sha256 }, stored), why });
      step();
    }
  } finally {
    await trash.save();
  }
  return { done, failed, ...(trash.keepsCredits && { keeps_credits: true as const }) };
}

async function storedAnew(root: string, photo: GoodPhoto): Promise<NewPhoto | { readonly error: ErrorRecord }> {
  try {
    return await reencode(await readPhotoFile(join(root, photo.file), photo.file), photo);
  } catch (error) {
    return { error: errorRecord(error) };
  }
}

/** `a.png` is `a.jpg`; what ends in nothing known keeps it: `a.aspx` is `a.aspx.jpg`. */
function renamed({ file, named, extension }: GoodPhoto): string {
  return (named ? file.slice(0, file.length - extname(file).length) : file) + extension;
}
