// Every file of a data set that may be a photo, whatever it is called, in an order that is the same on every machine.

import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "@ballsight/vision";
import { byCodePoint } from "../data/codePoints.ts";
import { describeFailure, isPhotoName } from "../data/dataset.ts";

export interface ListedFile {
  /** Relative to the data set's folder, forward slashes, as on disk. */
  readonly file: string;
  /** The class folder's name, NFC; "" beside the class folders. */
  readonly label: string;
  /** Whether the name ends like a photo's. What does not, training never sees. */
  readonly named: boolean;
}

/** What is in `.trash`, `.collect` and other dot-folders is no part of the data set. */
export async function listFiles(root: string): Promise<ListedFile[]> {
  const found: ListedFile[] = [];
  await walk(root, "", new Set(), found);
  return found.sort(byName);
}

type Named = Pick<ListedFile, "file" | "label">;

/** By class, then by name however it is spelled. */
export function byName(a: Named, b: Named): number {
  const nfc = (text: string) => text.normalize("NFC");
  return byCodePoint(a.label, b.label) || byCodePoint(nfc(a.file), nfc(b.file)) || byCodePoint(a.file, b.file);
}

/** `above` holds the real paths of the folders above: a linked folder can lead back up. */
async function walk(root: string, folder: string, above: ReadonlySet<string>, found: ListedFile[]): Promise<void> {
  const { real, entries } = await open(join(root, folder));
  if (above.has(real)) return;
  const seen = new Set(above).add(real);
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const file = folder === "" ? entry.name : `${folder}/${entry.name}`;
    const info = entry.isSymbolicLink() ? await stat(join(real, entry.name)).catch(() => undefined) : entry;
    if (info?.isDirectory()) await walk(root, file, seen, found);
    // A link that leads nowhere is listed, and reported by its name; sockets and pipes are nobody's photos.
    else if (info === undefined || info.isFile()) {
      const label = file.includes("/") ? file.slice(0, file.indexOf("/")).normalize("NFC") : "";
      found.push({ file, label, named: isPhotoName(entry.name) });
    }
  }
}

async function open(folder: string): Promise<{ real: string; entries: Dirent[] }> {
  try {
    const real = await realpath(folder);
    return { real, entries: await readdir(real, { withFileTypes: true }) };
  } catch (cause) {
    return fail("DATA_NOT_A_FOLDER", { name: folder, received: describeFailure(cause) }, { cause });
  }
}
