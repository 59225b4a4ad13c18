// What photos are, by content: read once, and again only where size or time say that a file has changed.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { aheadOf } from "../images/aheadOf.ts";
import { hashFile } from "../trash/move.ts";
import { type ListedFile, listFiles } from "../verify/files.ts";
import type { KnownPhoto } from "./state.ts";

const SIDE_BY_SIDE = 4;

export class PhotoHashes {
  /** The data set's folder. */
  readonly root: string;
  readonly #known = new Map<string, { readonly stamp: string; readonly sha256: string }>();

  constructor(root: string) {
    this.root = root;
  }

  /** Undefined where the file cannot be read. */
  async of(file: string): Promise<string | undefined> {
    const path = join(this.root, file);
    const info = await stat(path, { bigint: true }).catch(() => undefined);
    if (info === undefined || !info.isFile()) return undefined;
    const stamp = `${info.size} ${info.mtimeNs} ${info.ino}`;
    const known = this.#known.get(file);
    if (known?.stamp === stamp) return known.sha256;
    const sha256 = await hashFile(path);
    if (sha256 !== undefined) this.#known.set(file, { stamp, sha256 });
    return sha256;
  }
}

/** All photos of class folders that can be read, in the order of their names. */
export async function hashedPhotos(
  root: string,
  hashes: PhotoHashes,
  onProgress?: (done: number, total: number) => void,
): Promise<KnownPhoto[]> {
  const files = await photoFiles(root);
  const photos: KnownPhoto[] = [];
  let done = 0;
  for await (const { item, outcome } of aheadOf(files, SIDE_BY_SIDE, ({ file }) => hashes.of(file))) {
    const sha256 = outcome.status === "fulfilled" ? outcome.value : undefined;
    if (sha256 !== undefined) photos.push({ file: item.file, label: item.label, sha256 });
    onProgress?.(++done, files.length);
  }
  return photos;
}

export async function photoFiles(root: string): Promise<ListedFile[]> {
  return (await listFiles(root)).filter(({ named, label }) => named && label !== "");
}
