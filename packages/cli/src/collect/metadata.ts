// What is known of the photos that were taken, where others look for it: metadata.jsonl and CREDITS.md.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Metadata, type MetadataRow } from "../data/metadata.ts";
import { writeAtomic } from "../run/writeAtomic.ts";
import { CREDITS_MARK, renderCredits } from "./credits.ts";
import { type CollectFolder, CREDITS_FILE } from "./folder.ts";
import type { ThereEntry } from "./ledger.ts";
import type { KeptPhoto } from "./state.ts";

/**
 * Adds the rows that are missing and takes out those of photos that are gone; rows that are there stay as they are, since
 * somebody may have put them right. A photo that was moved to another class takes its row along.
 * @param there photos that the ledger did not bring
 * @returns what became of CREDITS.md
 */
export async function writeMetadata(
  folder: CollectFolder,
  photos: readonly KeptPhoto[],
  there: Iterable<ThereEntry>,
): Promise<CreditsOutcome> {
  const metadata = await Metadata.read(folder.path);
  const living = [...there].filter(({ file }) => existsSync(folder.file(file)));
  const elsewhere = new Map(living.map(({ sha256, file }) => [sha256, file]));
  for (const photo of photos) {
    const row = metadata.get(photo.file) ?? rowOf(photo);
    if (existsSync(folder.file(photo.file))) {
      if (metadata.get(photo.file) === undefined) metadata.set(photo.file, row);
      continue;
    }
    const now = elsewhere.get(photo.sha256);
    const isMoved = now !== undefined && metadata.get(now) === undefined;
    if (isMoved) metadata.set(photo.file, { ...row, file_name: now, label: now.split("/")[0]!.normalize("NFC") });
    else metadata.delete(photo.file);
  }
  await metadata.save();
  return await writeCredits(folder.path, metadata);
}

/** "foreign": somebody else wrote it, so it stays; undefined: there is nobody to be named. */
export type CreditsOutcome = "written" | "foreign" | undefined;

/** Makes CREDITS.md anew from the rows of photos that are there. */
export async function writeCredits(root: string, metadata: Metadata): Promise<CreditsOutcome> {
  const path = join(root, CREDITS_FILE);
  const before = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (before !== undefined && !before.includes(CREDITS_MARK)) return "foreign";
  const rows = metadata.rows().filter(({ file_name }) => existsSync(join(root, file_name)));
  if (rows.length === 0 && before === undefined) return undefined;
  const now = renderCredits(rows);
  if (now !== before) await writeAtomic(path, now);
  return "written";
}

/** In the order of the design's contract; a photo from a folder has the address where it was found once. */
function rowOf({ file, label, sha256, width, height, origin_url, ...known }: KeptPhoto): MetadataRow {
  const { url, source, query, ...origin } = known;
  const address = url.startsWith("file:") ? origin_url : url;
  const facts = { file_name: file, label, sha256, width, height };
  return { ...facts, ...(address !== undefined && { url: address }), ...origin, source, query };
}
