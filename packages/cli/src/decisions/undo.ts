// The last `apply` taken back: photos to where they were, metadata.jsonl and CREDITS.md byte for byte as they were, if nobody else changed them.

import { readFile, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { CREDITS_MARK } from "../collect/credits.ts";
import { CREDITS_FILE } from "../collect/folder.ts";
import { METADATA_FILE } from "../data/metadata.ts";
import { writeAtomic } from "../run/writeAtomic.ts";
import { Trash } from "../trash/trash.ts";
import { type ApplyOptions, type FailedMove, foreseeMoves, undoMoves } from "./carryOut.ts";
import { PhotoHashes } from "./hashes.ts";
import { holdReview } from "./lock.ts";
import type { Move } from "./plan.ts";
import { forgetRecords, noteStatus, RECORDS, readPlans, type SavedPlan, savedRecord } from "./plans.ts";

export interface Undone {
  /** Undefined where nothing was ever applied, or all of it was undone. */
  readonly plan: { readonly at: string } | undefined;
  /** As they were applied: each went back from `to` to `file`, the last one first. */
  readonly moved: readonly Move[];
  readonly failed: readonly FailedMove[];
}

const NOTHING: Undone = { plan: undefined, moved: [], failed: [] };

/** What `undoApply` would do, changing nothing. */
export async function previewUndo(root: string): Promise<Undone> {
  const plan = await lastPlan(root);
  if (plan === undefined) return NOTHING;
  return { plan, ...(await foreseeMoves(new PhotoHashes(root), plan.moves.toReversed(), true)) };
}

/** @throws DATA_BUSY, DATA_NOT_WRITABLE, DISK_FULL */
export async function undoApply(root: string, options: ApplyOptions): Promise<Undone> {
  if ((await lastPlan(root)) === undefined) return NOTHING;
  const lock = await holdReview(root);
  try {
    const trash = await Trash.open(root);
    try {
      const plan = await lastPlan(root);
      return plan === undefined ? NOTHING : { plan, ...(await undoPlan(trash, plan, options)) };
    } finally {
      await trash.close();
    }
  } finally {
    await lock.release();
  }
}

async function lastPlan(root: string): Promise<SavedPlan | undefined> {
  return (await readPlans(root)).findLast(({ status }) => status !== "undone");
}

/** For whoever holds the data set. A plan that was cut off half-way is undone as far as it came. */
export async function undoPlan(
  trash: Trash,
  { number, moves, made }: SavedPlan,
  { onProgress }: ApplyOptions,
): Promise<{ moved: Move[]; failed: FailedMove[] }> {
  const { root } = trash;
  const moved: Move[] = [];
  const failed: FailedMove[] = [];
  await noteStatus(root, number, "undoing");
  await undoMoves(trash, new PhotoHashes(root), moves, (move, outcome) => {
    if (outcome === "moved") moved.push(move);
    else failed.push({ move, outcome });
    onProgress("Apply", moved.length + failed.length, moves.length);
  });
  await trash.save();
  await restoreRecords(root, number);
  // Only what is empty goes.
  for (const folder of made) await rmdir(join(root, folder)).catch(() => undefined);
  // What is in the way today may be moved: then the next --undo goes on.
  if (failed.some(({ outcome }) => outcome === "blocked")) return { moved, failed };
  await noteStatus(root, number, "undone");
  await forgetRecords(root, number, RECORDS);
  return { moved, failed };
}

/** The rows are right by now, but those that came back stand at the end. Where all are as they were, the old file says the same. */
async function restoreRecords(root: string, number: number): Promise<void> {
  const read = async (name: string) => await readFile(join(root, name), "utf8").catch(() => "");
  const before = await savedRecord(root, number, METADATA_FILE);
  if (before === undefined || !saysTheSame(before.toString("utf8"), await read(METADATA_FILE))) return;
  await writeAtomic(join(root, METADATA_FILE), before);
  // What somebody wrote by hand was never touched, neither before nor after.
  const credits = await savedRecord(root, number, CREDITS_FILE);
  if (credits?.includes(CREDITS_MARK) && (await read(CREDITS_FILE)).includes(CREDITS_MARK)) {
    await writeAtomic(join(root, CREDITS_FILE), credits);
  }
}

function saysTheSame(a: string, b: string): boolean {
  const [one, other] = [contentOf(a), contentOf(b)];
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value);
}

/** By file name the last row, and lines that are none as they are. */
function contentOf(text: string): Map<string, string> {
  const content = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === "") continue;
    const name = fileNameOf(line);
    if (name === undefined) content.set(`?${line}`, line);
    else content.set(`=${name}`, JSON.stringify(JSON.parse(line)));
  }
  return content;
}

function fileNameOf(line: string): string | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const name = typeof value === "object" && value !== null && "file_name" in value ? value.file_name : undefined;
    return typeof name === "string" ? name.normalize("NFC") : undefined;
  } catch {
    return undefined;
  }
}
