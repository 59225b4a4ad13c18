// A whole data set checked: several files side by side, and what is remembered of each is a few hundred bytes.

import { availableParallelism } from "node:os";
import { loadSharp } from "@ballsight/server/photos";
import type { Metadata } from "../data/metadata.ts";
import { Looks } from "../hash/looks.ts";
import { type BrokenPhoto, type CheckedPhoto, checkFile, type GoodPhoto, isBroken } from "./check.ts";
import { type Copies, findCopies } from "./copies.ts";
import type { ListedFile } from "./files.ts";

export interface Scan {
  readonly good: readonly GoodPhoto[];
  readonly broken: readonly BrokenPhoto[];
  readonly copies: Copies;
  /** Rows of metadata.jsonl whose file is not there. */
  readonly rowsWithoutFile: readonly string[];
  /** Photos whose SHA-256 is not the one in metadata.jsonl. */
  readonly changed: readonly string[];
}

export interface ScanOptions {
  readonly root: string;
  readonly files: readonly ListedFile[];
  readonly metadata: Metadata;
  readonly onProgress?: (done: number) => void;
}

export async function scan({ root, files, metadata, onProgress }: ScanOptions): Promise<Scan> {
  await loadSharp();
  const looks = new Looks(files.length);
  const checked: (CheckedPhoto | undefined)[] = new Array(files.length);
  let [next, done] = [0, 0];
  const work = async () => {
    while (next < files.length) {
      const at = next++;
      checked[at] = await checkFile(root, files[at]!, looks, at);
      onProgress?.(++done);
    }
  };
  // libuv has four threads unless told otherwise, and every photo in flight is held whole: as many for 10,000 photos as for 100.
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism() + 1) }, work));
  const photos = checked.filter((photo) => photo !== undefined);
  const good = photos.filter((photo): photo is GoodPhoto => !isBroken(photo));
  const there = new Set(files.map(({ file }) => file.normalize("NFC")));
  return {
    good,
    broken: photos.filter(isBroken),
    copies: findCopies(good, looks, (file) => metadata.get(file) !== undefined),
    rowsWithoutFile: metadata
      .rows()
      .map((row) => row.file_name)
      .filter((file) => !there.has(file.normalize("NFC"))),
    changed: good.filter((photo) => isOther(metadata.get(photo.file)?.sha256, photo.sha256)).map(({ file }) => file),
  };
}

const isOther = (said: unknown, found: string) => typeof said === "string" && said.toLowerCase() !== found;
