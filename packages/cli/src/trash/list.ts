// What lies in `.trash`, and what the journal says of it.

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { JOURNAL_FILE, type JournalEntry, type TakenEntry, TRASH_FOLDER } from "./journal.ts";

const LOCKS = ["lock", "lock.takeover"];

/** Names at the top of `.trash` that are no photos, nor a class's folder there; on file systems that know no case too. */
export const isReserved = (name: string): boolean => [JOURNAL_FILE, ...LOCKS].includes(name.toLowerCase());

/** By place in the trash. A place is used again once it is free: its last entry counts. */
export function lastWords(journal: readonly JournalEntry[]): Map<string, TakenEntry> {
  const words = new Map<string, TakenEntry>();
  for (const entry of journal)
    if (entry.action !== "rename" && entry.action !== "restore") words.set(entry.trash, entry);
  return words;
}

/** By file, when somebody last wanted it back, ISO 8601. */
export function restoredAt(journal: readonly JournalEntry[]): Map<string, string> {
  return new Map(
    journal.flatMap((entry) =>
      entry.action === "restore" && entry.undo !== true ? [[entry.file, entry.at ?? ""] as const] : [],
    ),
  );
}

export interface TrashedPhoto {
  /** Relative to the data set's folder: ".trash/Golf/a.jpg". */
  readonly trash: string;
  readonly bytes: number;
}

/** What lies in `.trash`, by its place, also what somebody put there by hand. */
export async function listTrash(root: string): Promise<TrashedPhoto[]> {
  const found: TrashedPhoto[] = [];
  const walk = async (folder: string): Promise<void> => {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = `${folder}/${entry.name}`;
      const isOurs = folder === TRASH_FOLDER && isReserved(entry.name);
      if (entry.name.startsWith(".") || isOurs) continue;
      if (entry.isDirectory()) await walk(path);
      else found.push({ trash: path, bytes: (await stat(join(root, path)).catch(() => undefined))?.size ?? 0 });
    }
  };
  await walk(TRASH_FOLDER);
  return found.sort((a, b) => (a.trash < b.trash ? -1 : 1));
}
