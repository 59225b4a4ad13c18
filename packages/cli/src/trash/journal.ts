// .trash/journal.jsonl: what was taken out of a data set, renamed or stored anew, and why. Append-only, one object per line.

import { type FileHandle, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { MetadataRow } from "../data/metadata.ts";

export const TRASH_FOLDER = ".trash";
export const JOURNAL_FILE = "journal.jsonl";

/** A photo that lies in `.trash`. All paths are relative to the data set's folder, with forward slashes. */
export interface TakenEntry {
  readonly action: "trash" | "reencode";
  /** Where it was. */
  readonly file: string;
  /** Where it is: ".trash/Golf/a.jpg". */
  readonly trash: string;
  readonly why: readonly string[];
  readonly sha256?: string;
  /** Its row of metadata.jsonl. */
  readonly row?: MetadataRow;
  /** What stands for it in the data set now. */
  readonly became?: { readonly file: string; readonly sha256: string; readonly width: number; readonly height: number };
}

export interface RenamedEntry {
  readonly action: "rename";
  readonly file: string;
  readonly became: { readonly file: string };
}

interface RestoredEntry {
  readonly action: "restore";
  readonly at?: string;
  readonly file: string;
  readonly trash: string;
  /** By undoing what took it out, not because somebody wants this photo back. */
  readonly undo?: true;
}

export type JournalEntry = TakenEntry | RenamedEntry | RestoredEntry;

/** What can be read of it; a torn last line, or one that somebody else wrote, is passed over. */
export async function readJournal(root: string): Promise<JournalEntry[]> {
  const text = await readFile(join(root, TRASH_FOLDER, JOURNAL_FILE), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return text.split("\n").flatMap((line) => parseEntry(line) ?? []);
}

/** Entries are on the disk when this returns: only then may the files be touched. */
export async function appendJournal(root: string, entries: readonly JournalEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const file = await open(join(root, TRASH_FOLDER, JOURNAL_FILE), "a+");
  try {
    const at = new Date().toISOString();
    const lines = entries.map((entry) => `${JSON.stringify({ at, ...entry })}\n`).join("");
    await file.appendFile((await endsTorn(file)) ? `\n${lines}` : lines);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A kill may have cut the last line: what comes next must not be glued to it. */
export async function endsTorn(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== 0x0a;
}

function parseEntry(line: string): JournalEntry | undefined {
  try {
    const entry = JSON.parse(line) as JournalEntry;
    if (!isInside(entry.file)) return undefined;
    if (entry.action === "rename") return isInside(entry.became?.file) ? entry : undefined;
    if (!isInTrash(entry.trash)) return undefined;
    if (entry.action === "restore") return entry;
    if (entry.action !== "trash" && entry.action !== "reencode") return undefined;
    return entry.became === undefined || isInside(entry.became?.file) ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** Data sets come from strangers: no line may lead out of the folder, or into one that is not for photos. */
export function isInside(file: unknown): file is string {
  if (typeof file !== "string" || file === "" || /[\0\\]/.test(file)) return false;
  return file.split("/").every((part) => part !== "" && !part.startsWith("."));
}

export function isInTrash(path: unknown): path is string {
  return (
    typeof path === "string" && path.startsWith(`${TRASH_FOLDER}/`) && isInside(path.slice(TRASH_FOLDER.length + 1))
  );
}
