// One file looked at in full: whether it is a photo, whether it looks like one to other programs, and what copies are found by.

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { extname, join } from "node:path";
import { readPhotoFile, sniff } from "@ballsight/server/photos";
import { BallsightError } from "@ballsight/vision";
import { sketchOf } from "../hash/likeness.ts";
import type { Looks } from "../hash/looks.ts";
import { orientedHashes } from "../hash/perceptual.ts";
import { inspectPhoto, type PhotoFacts } from "../images/inspect.ts";
import { type ErrorRecord, errorRecord } from "../output/errors.ts";
import type { ListedFile } from "./files.ts";
import { type BrokenKind, brokenKind, type OddKind } from "./kinds.ts";

export interface GoodPhoto extends ListedFile {
  readonly sha256: string;
  readonly bytes: number;
  readonly width: number;
  readonly height: number;
  /** How the name should end: ".jpg". */
  readonly extension: string;
  readonly odd: readonly OddKind[];
  /** Its number in the `Looks` of the scan. */
  readonly at: number;
}

export interface BrokenPhoto extends ListedFile {
  readonly kind: BrokenKind;
  readonly error: ErrorRecord;
  /** Where the bytes could be read. */
  readonly sha256?: string;
}

export type CheckedPhoto = GoodPhoto | BrokenPhoto;

export const isBroken = (photo: CheckedPhoto): photo is BrokenPhoto => "kind" in photo;

/**
 * Undefined for a file that neither is called a photo nor is one.
 * @param looks gets how it looks under the number `at`; nothing else of its pixels is kept
 */
export async function checkFile(
  root: string,
  listed: ListedFile,
  looks: Looks,
  at: number,
): Promise<CheckedPhoto | undefined> {
  const path = join(root, listed.file);
  if (!listed.named && !(await beginsLikeAPhoto(path))) return undefined;
  let sha256: string | undefined;
  try {
    const bytes = await readPhotoFile(path, listed.file);
    sha256 = sha256Of(bytes);
    const { grey, ...facts } = await inspectPhoto(bytes, listed.file);
    const { width, height, extension } = facts;
    const photo = { ...listed, sha256, bytes: bytes.length, width, height, extension };
    looks.set(at, orientedHashes(grey), sketchOf(grey));
    return { ...photo, odd: oddities(listed.file, facts), at };
  } catch (error) {
    if (!listed.named) return undefined;
    if (!(error instanceof BallsightError)) throw error;
    return {
      ...listed,
      kind: brokenKind(error.code),
      error: errorRecord(error),
      ...(sha256 !== undefined && { sha256 }),
    };
  }
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function oddities(file: string, facts: Omit<PhotoFacts, "grey" | "width" | "height">): OddKind[] {
  const found: OddKind[] = [];
  if (!isRightExtension(extname(file).toLowerCase(), facts.extension)) found.push("wrong-extension");
  if (facts.turned) found.push("exif-rotated");
  if (facts.cmyk) found.push("cmyk");
  if (facts.deep) found.push("16-bit");
  if (facts.frames > 1) found.push("animated");
  return found;
}

/** Other endings that say the same. */
const ALSO: Readonly<Record<string, readonly string[]>> = {
  ".jpg": [".jpeg", ".jpe", ".jfif"],
  ".tif": [".tiff"],
  ".avif": [".heif"],
  ".heic": [".heif"],
};

function isRightExtension(extension: string, right: string): boolean {
  return extension === right || ALSO[right]?.includes(extension) === true;
}

/** Raw files of cameras begin like a TIFF and are none: what is not called a photo must be a photo beyond doubt. */
async function beginsLikeAPhoto(path: string): Promise<boolean> {
  try {
    const file = await open(path, "r");
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
      const { kind, words } = sniff(buffer.subarray(0, bytesRead));
      return kind === "photo" && !words.includes("TIFF");
    } finally {
      await file.close();
    }
  } catch {
    return false;
  }
}
