// What is known of the photos that were taken, where others look for it: metadata.jsonl and CREDITS.md.

import { existsSync } from "node:fs";
import { Metadata, type MetadataRow } from "../data/metadata.ts";
import { writeAtomic } from "../run/writeAtomic.ts";
import { renderCredits } from "./credits.ts";
import { type CollectFolder, CREDITS_FILE } from "./folder.ts";
import type { KeptPhoto } from "./state.ts";

/**
 * Adds the rows that are missing and takes out those of photos that are gone; rows that are there stay as they are, since
 * somebody may have put them right.
 */
export async function writeMetadata(folder: CollectFolder, photos: readonly KeptPhoto[]): Promise<void> {
  const metadata = await Metadata.read(folder.path);
  for (const photo of photos) {
    const isThere = existsSync(folder.file(photo.file));
    if (!isThere) metadata.delete(photo.file);
    else if (metadata.get(photo.file) === undefined) metadata.set(photo.file, rowOf(photo));
  }
  await metadata.save();
  const rows = metadata.rows().filter(({ file_name }) => existsSync(folder.file(file_name)));
  const isWanted = rows.length > 0 || existsSync(folder.file(CREDITS_FILE));
  if (isWanted) await writeAtomic(folder.file(CREDITS_FILE), renderCredits(rows));
}

/** In the order of the design's contract; a photo from a folder has the address where it was found once. */
function rowOf({ file, label, sha256, width, height, origin_url, ...known }: KeptPhoto): MetadataRow {
  const { url, source, query, ...origin } = known;
  const address = url.startsWith("file:") ? origin_url : url;
  const facts = { file_name: file, label, sha256, width, height };
  return { ...facts, ...(address !== undefined && { url: address }), ...origin, source, query };
}
