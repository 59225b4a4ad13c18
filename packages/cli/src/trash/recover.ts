// What a kill left half done, finished or undone: afterwards every photo is at one place, and metadata.jsonl says so.

import { unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Metadata, MetadataRow } from "../data/metadata.ts";
import type { JournalEntry, RenamedEntry, TakenEntry } from "./journal.ts";
import { lastWords } from "./list.ts";
import { exists, hashFile, isSameFile } from "./move.ts";

/**
 * The disk decides, the journal explains it: a line is written before the files are touched, and metadata.jsonl after all of them.
 * Safe to run at any time by whoever holds the lock.
 */
export async function recover(root: string, journal: readonly JournalEntry[], metadata: Metadata): Promise<void> {
  const renamed = new Map<string, RenamedEntry>();
  for (const entry of journal) if (entry.action === "rename") renamed.set(entry.file, entry);
  for (const entry of lastWords(journal).values()) await recoverTaken(root, entry, metadata);
  for (const entry of renamed.values()) await recoverRenamed(root, entry, metadata);
}

async function recoverTaken(root: string, entry: TakenEntry, metadata: Metadata): Promise<void> {
  const [file, trash] = [join(root, entry.file), join(root, entry.trash)];
  const [isThere, isTaken] = await Promise.all([exists(file), exists(trash)]);
  if (isThere && isTaken && (await isSameFile(file, trash))) {
    // Between the two names of a move. A photo that stands for it is whole already: on; nothing does: back.
    const isReplaced =
      entry.became !== undefined && entry.became.file !== entry.file && (await isAsBecame(root, entry));
    await unlink(isReplaced ? file : trash);
    const row = metadata.get(entry.file);
    if (!isReplaced) await recoverRestored(root, entry, metadata);
    else if (row !== undefined) metadata.set(entry.file, rowAfter(entry, row));
    return;
  }
  if (isTaken && entry.became !== undefined) {
    // Not where a later photo has come to that name.
    const row = metadata.get(entry.file);
    const isOpen = entry.became.file === entry.file ? row?.sha256 !== entry.became.sha256 : !isThere;
    if (row !== undefined && isOpen && (await isAsBecame(root, entry))) metadata.set(entry.file, rowAfter(entry, row));
  } else if (isTaken && !isThere) metadata.delete(entry.file);
  else if (isThere && !isTaken) await recoverRestored(root, entry, metadata);
}

/** Brought back, by `restore` or by hand: its row comes back too, and what stood for it goes. */
async function recoverRestored(root: string, entry: TakenEntry, metadata: Metadata): Promise<void> {
  const { file, sha256, row, became } = entry;
  const left = became !== undefined && became.file !== file ? metadata.get(became.file) : undefined;
  if (left !== undefined && left.sha256 === became?.sha256 && !(await exists(join(root, left.file_name)))) {
    metadata.delete(left.file_name);
  }
  const current = metadata.get(file);
  const isMissing = row !== undefined && (current === undefined || current.sha256 === became?.sha256);
  const stands = became !== undefined && became.file !== file && (await exists(join(root, became.file)));
  if ((!isMissing && !stands) || sha256 === undefined || (await hashFile(join(root, file))) !== sha256) return;
  if (stands && (await isAsBecame(root, entry))) {
    await unlink(join(root, became.file));
    metadata.delete(became.file);
  }
  if (isMissing) metadata.set(file, row);
}

async function recoverRenamed(root: string, { file, became }: RenamedEntry, metadata: Metadata): Promise<void> {
  const [from, to] = [join(root, file), join(root, became.file)];
  if (!(await exists(to))) return;
  if (await exists(from)) {
    if (!(await isSameFile(from, to))) return;
    await unlink(from);
  }
  const row = metadata.get(file);
  if (row !== undefined) metadata.set(file, { ...row, file_name: became.file });
}

async function isAsBecame(root: string, { became }: TakenEntry): Promise<boolean> {
  return became !== undefined && (await hashFile(join(root, became.file))) === became.sha256;
}

/** Of a photo that was stored anew: where it is from stays, what it is changes. */
export function rowAfter({ file, sha256, became }: TakenEntry, row: MetadataRow): MetadataRow {
  if (became === undefined) throw new TypeError(`expected a photo that stands for ${file}`);
  const { file: file_name, sha256: hash, width, height } = became;
  return { ...row, file_name, sha256: hash, width, height, ...(sha256 !== undefined && { original_sha256: sha256 }) };
}
