// Decisions carried out on the files: planned in full, the plan on the disk, then move by move; and the plan that would be.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CREDITS_MARK } from "../collect/credits.ts";
import { CREDITS_FILE } from "../collect/folder.ts";
import { Metadata } from "../data/metadata.ts";
import { readJournal } from "../trash/journal.ts";
import { lastWords, listTrash, restoredAt } from "../trash/list.ts";
import { exists } from "../trash/move.ts";
import { freeName, Trash, trashPlace } from "../trash/trash.ts";
import { byName } from "../verify/files.ts";
import { type ApplyOptions, applyMoves, type FailedMove, foreseeMoves } from "./carryOut.ts";
import { hashedPhotos, PhotoHashes } from "./hashes.ts";
import { holdReview } from "./lock.ts";
import { type Left, type Move, makePlan, type Plan } from "./plan.ts";
import { noteStatus, RECORDS, readPlans, type SavedPlan, savePlan } from "./plans.ts";
import { readDecisions } from "./read.ts";
import type { KnownPhoto } from "./state.ts";
import { undoPlan } from "./undo.ts";

export interface Applied {
  readonly moved: readonly Move[];
  /** Moves of a run before that was cut off, forwards or backwards; finished now, or to be. */
  readonly resumed: { readonly moves: readonly Move[]; readonly undo: boolean } | undefined;
  readonly left: readonly Left[];
  readonly failed: readonly FailedMove[];
  /** Lines of decisions.jsonl that could not be read. */
  readonly passedOver: number;
  readonly photos: number;
  /** Classes that have photos and will have none. */
  readonly emptied: readonly string[];
}

/** What `apply` would do, changing nothing. */
export async function previewApply(root: string, options: ApplyOptions): Promise<Applied> {
  const hashes = new PhotoHashes(root);
  const unfinished = unfinishedOf(await readPlans(root));
  if (unfinished === undefined) {
    const { plan, ...known } = await lookAt(root, hashes, options);
    return { moved: plan.moves, left: plan.left, failed: [], resumed: undefined, ...known };
  }
  // What is to come follows from how it is once that is finished.
  const undo = unfinished.status === "undoing";
  const moves = undo ? unfinished.moves.toReversed() : unfinished.moves;
  const { moved, failed } = await foreseeMoves(hashes, moves, undo);
  const { plan, ...known } = await lookAt(root, hashes, options, { finished: { moves: moved, undo } });
  return { moved: plan.moves, left: plan.left, failed, resumed: { moves: unfinished.moves, undo }, ...known };
}

/** @throws DATA_BUSY, DATA_NOT_WRITABLE, DISK_FULL */
export async function applyDecisions(root: string, options: ApplyOptions): Promise<Applied> {
  const hashes = new PhotoHashes(root);
  // Hours of hashing, perhaps: nobody is kept out meanwhile. Under the lock only what has changed since is read again.
  const { plan, ...known } = await lookAt(root, hashes, options);
  if (plan.moves.length === 0 && unfinishedOf(await readPlans(root)) === undefined) {
    return { moved: [], left: plan.left, failed: [], resumed: undefined, ...known };
  }
  const lock = await holdReview(root);
  try {
    // As they were before anything was touched: `undo` brings them back byte for byte.
    const records = await readRecords(root);
    const trash = await Trash.open(root);
    try {
      return await applyHeld(trash, hashes, records, options);
    } finally {
      await trash.close();
    }
  } finally {
    await lock.release();
  }
}

async function applyHeld(
  trash: Trash,
  hashes: PhotoHashes,
  records: Readonly<Record<string, Uint8Array>>,
  options: ApplyOptions,
): Promise<Applied> {
  const { root } = trash;
  const failed: FailedMove[] = [];
  const plans = await readPlans(root);
  const unfinished = unfinishedOf(plans);
  if (unfinished?.status === "undoing") failed.push(...(await undoPlan(trash, unfinished, options)).failed);
  else if (unfinished !== undefined) failed.push(...(await carryOut(trash, hashes, unfinished, options)).failed);
  const resumed = unfinished && { moves: unfinished.moves, undo: unfinished.status === "undoing" };

  const { plan, ...known } = await lookAt(root, hashes, options, { metadata: trash.metadata });
  const { moves, left } = plan;
  if (moves.length === 0) return { moved: [], resumed, left, failed, ...known };
  const number = (plans.at(-1)?.number ?? 0) + 1;
  const saved = { number, at: new Date().toISOString(), made: await newFolders(root, moves), moves };
  await savePlan(root, saved, unfinished === undefined ? records : await readRecords(root));
  const now = await carryOut(trash, hashes, saved, options);
  return { moved: now.moved, resumed, left, failed: [...failed, ...now.failed], ...known };
}

async function carryOut(
  trash: Trash,
  hashes: PhotoHashes,
  { number, moves }: Pick<SavedPlan, "number" | "moves">,
  { onProgress }: ApplyOptions,
): Promise<{ moved: Move[]; failed: FailedMove[] }> {
  const moved: Move[] = [];
  const failed: FailedMove[] = [];
  await applyMoves(trash, hashes, moves, (move, outcome) => {
    if (outcome === "moved") moved.push(move);
    else failed.push({ move, outcome });
    onProgress("Apply", moved.length + failed.length, moves.length);
  });
  await trash.save();
  await noteStatus(trash.root, number, "done");
  return { moved, failed };
}

interface LookOptions {
  readonly metadata?: Metadata;
  /** Moves that are taken for made. */
  readonly finished?: { readonly moves: readonly Move[]; readonly undo: boolean };
}

async function lookAt(
  root: string,
  hashes: PhotoHashes,
  { onProgress }: ApplyOptions,
  { metadata, finished }: LookOptions = {},
) {
  const [{ decisions, passedOver }, journal, lying] = await Promise.all([
    readDecisions(root),
    readJournal(root),
    listTrash(root),
  ]);
  const there = await hashedPhotos(root, hashes, (done, total) => onProgress("Photos", done, total));
  const { photos, taken, freed } = photosAfter(there, finished);
  const words = lastWords(journal);
  const trashed = [
    ...lying.flatMap(({ trash }) => words.get(trash)?.sha256 ?? []),
    ...(finished?.moves.map(({ sha256 }) => sha256) ?? []),
  ];
  const plan: Plan = await makePlan({
    photos,
    decisions,
    metadata: metadata ?? (await Metadata.read(root)),
    trashed: new Set(trashed),
    restored: restoredAt(journal),
    trashPlace: (file) => trashPlace(root, file, taken, freed),
    freeName: (file) => freeName(root, file, taken, freed),
  });
  const leaving = new Set(plan.moves.map(({ file }) => file));
  const labels = new Set(photos.map(({ label }) => label));
  for (const { file, label } of photos) if (!leaving.has(file)) labels.delete(label);
  for (const { label } of plan.moves) if (label !== undefined) labels.delete(label);
  return { plan, passedOver, photos: photos.length, emptied: [...labels] };
}

/** The photos as they are once moves are made, names that are taken then, and names that are free though files lie there now. */
function photosAfter(there: readonly KnownPhoto[], finished: LookOptions["finished"]) {
  const [taken, freed] = [new Set<string>(), new Set<string>()];
  if (finished === undefined) return { photos: there, taken, freed };
  const byFile = new Map(there.map((photo) => [photo.file, photo]));
  for (const { action, file, to, sha256 } of finished.moves) {
    const [from, target] = finished.undo ? [to, file] : [file, to];
    byFile.delete(from);
    freed.add(from);
    taken.add(target);
    const label = target.slice(0, target.indexOf("/")).normalize("NFC");
    if (action === "move" || finished.undo) byFile.set(target, { file: target, label, sha256 });
  }
  return { photos: [...byFile.values()].sort(byName), taken, freed };
}

/** The last plan alone can be: nothing is begun before it is finished. */
export function unfinishedOf(plans: readonly SavedPlan[]): SavedPlan | undefined {
  const last = plans.findLast(({ status }) => status !== "undone");
  return last?.status === "planned" || last?.status === "undoing" ? last : undefined;
}

async function newFolders(root: string, moves: readonly Move[]): Promise<string[]> {
  const folders = new Set(moves.flatMap(({ action, to }) => (action === "move" ? to.slice(0, to.indexOf("/")) : [])));
  const made: string[] = [];
  for (const folder of folders) if (!(await exists(join(root, folder)))) made.push(folder);
  return made;
}

/** A CREDITS.md that somebody wrote by hand is theirs: it is not touched, and not kept either. */
async function readRecords(root: string): Promise<Record<string, Uint8Array>> {
  const read = async (name: string) => await readFile(join(root, name)).catch(() => undefined);
  const contents = await Promise.all(RECORDS.map(async (name) => [name, await read(name)] as const));
  return Object.fromEntries(
    contents.flatMap(([name, content]) =>
      content === undefined || (name === CREDITS_FILE && !content.includes(CREDITS_MARK)) ? [] : [[name, content]],
    ),
  );
}
