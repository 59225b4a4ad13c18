// Photos brought back from `.trash`, never over another file.

import { rename, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fail } from "@ballsight/vision";
import { syncFolder } from "../run/writeAtomic.ts";
import { TRASH_FOLDER } from "./journal.ts";
import { exists, hashFile, isSameFile, moveFile } from "./move.ts";
import type { Trash } from "./trash.ts";

/** Where a photo in the trash belongs; what somebody put there by hand, by its path. */
export function originOf(trash: Trash, place: string): string {
  return trash.entryOf(place)?.file ?? place.slice(TRASH_FOLDER.length + 1);
}

/**
 * Brings one photo back, and its row of metadata.jsonl, which the caller saves. What was made of it by storing it anew goes, if nobody changed
 * it since: storing the photo anew makes it again.
 * @returns where it is
 * @throws RESTORE_BLOCKED
 */
export async function restorePhoto(trash: Trash, place: string): Promise<string> {
  const { root, metadata } = trash;
  const entry = trash.entryOf(place);
  const file = originOf(trash, place);
  const [from, to] = [join(root, place), join(root, file)];
  const became = entry?.became;
  const stands = became !== undefined && (await hashFile(join(root, became.file))) === became.sha256;
  if (!(await exists(to))) await moveFile(from, to);
  else if (stands && became.file === file) {
    await rename(from, to);
    await syncFolder(dirname(to));
  } else if (await isSameFile(from, to)) await unlink(from);
  else fail("RESTORE_BLOCKED", { name: file, place });
  if (stands && became.file !== file) {
    await unlink(join(root, became.file));
    metadata.delete(became.file);
  }
  if (entry?.row !== undefined) metadata.set(file, entry.row);
  await trash.noteRestored(file, place);
  await removeEmptyAbove(root, dirname(place));
  return file;
}

/** Folders in the trash that hold nothing any more. */
export async function removeEmptyAbove(root: string, folder: string): Promise<void> {
  for (let at = folder; at.startsWith(`${TRASH_FOLDER}/`); at = dirname(at)) {
    const gone = await rmdir(join(root, at)).then(
      () => true,
      () => false,
    );
    if (!gone) return;
  }
}
