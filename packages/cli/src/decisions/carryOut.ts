// A plan carried out, forwards or backwards. Every move may have been made already: a kill can come at any moment, and the next run goes on.

import { unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncFolder } from "../run/writeAtomic.ts";
import type { TakenEntry } from "../trash/journal.ts";
import { exists, isSameFile, moveFile } from "../trash/move.ts";
import { removeEmptyAbove } from "../trash/restore.ts";
import type { Trash } from "../trash/trash.ts";
import type { PhotoHashes } from "./hashes.ts";
import { type Move, rowAfterMove } from "./plan.ts";

/** `changed`: what lies there is not the photo that was decided about. */
export type MoveOutcome = "moved" | "missing" | "blocked" | "changed";

export interface FailedMove {
  readonly move: Move;
  readonly outcome: Exclude<MoveOutcome, "moved">;
}

export interface ApplyOptions {
  readonly onProgress: (stage: "Photos" | "Apply", done: number, total: number) => void;
}

/** What is told after each move, in order. */
export type OnMove = (move: Move, outcome: MoveOutcome) => void;

/** Forwards. The caller saves the trash's metadata afterwards. */
export async function applyMoves(
  trash: Trash,
  hashes: PhotoHashes,
  moves: readonly Move[],
  onMove: OnMove,
): Promise<void> {
  const { metadata } = trash;
  // `restore` reads the trash's own journal: its lines are on the disk before the files are touched.
  const taken: TakenEntry[] = [];
  for (const { action, file, to, sha256, row, why } of moves) {
    if (action !== "trash" || (await hashes.of(file)) !== sha256) continue;
    taken.push({ action, file, trash: to, why: ["review", ...why], sha256, ...(row !== undefined && { row }) });
  }
  await trash.noteTaken(taken);
  for (const move of moves) {
    const outcome = await shift(hashes, forwards(move));
    if (outcome === "moved") {
      const row = metadata.get(move.file) ?? (metadata.get(move.to) === undefined ? move.row : undefined);
      if (move.action === "trash") metadata.delete(move.file);
      else if (row !== undefined) metadata.set(move.file, rowAfterMove(move, row));
    }
    onMove(move, outcome);
  }
}

/** Backwards, the last move first. */
export async function undoMoves(
  trash: Trash,
  hashes: PhotoHashes,
  moves: readonly Move[],
  onMove: OnMove,
): Promise<void> {
  const { root, metadata } = trash;
  for (const move of moves.toReversed()) {
    const outcome = await shift(hashes, backwards(move));
    if (outcome === "moved") {
      if (move.action === "trash") await trash.noteRestored(move.file, move.to, true);
      if (move.row !== undefined) metadata.set(metadata.get(move.to) === undefined ? move.file : move.to, move.row);
      if (move.action === "trash") await removeEmptyAbove(root, dirname(move.to));
    }
    onMove(move, outcome);
  }
}

/** What a move finds: a file that is to go, or one that a kill left under both names; else how it ended, or cannot be made. */
type Found = "ready" | "twice" | MoveOutcome;

async function look(hashes: PhotoHashes, { from, to, sha256 }: Shift): Promise<Found> {
  const [one, two] = [join(hashes.root, from), join(hashes.root, to)];
  const [isThere, isMoved] = await Promise.all([exists(one), exists(two)]);
  if (!isThere) return isMoved && (await hashes.of(to)) === sha256 ? "moved" : "missing";
  if (isMoved && (await isSameFile(one, two))) return "twice";
  if ((await hashes.of(from)) !== sha256) return "changed";
  return isMoved ? "blocked" : "ready";
}

/** Moves a file to where nothing is; "moved" also where it was moved before. */
async function shift(hashes: PhotoHashes, wanted: Shift): Promise<MoveOutcome> {
  const found = await look(hashes, wanted);
  if (found !== "ready" && found !== "twice") return found;
  const [from, to] = [join(hashes.root, wanted.from), join(hashes.root, wanted.to)];
  if (found === "ready") await moveFile(from, to);
  else {
    await unlink(from);
    await syncFolder(dirname(from));
  }
  return "moved";
}

interface Shift {
  readonly from: string;
  readonly to: string;
  readonly sha256: string;
}

const forwards = ({ file, to, sha256 }: Move): Shift => ({ from: file, to, sha256 });
const backwards = ({ file, to, sha256 }: Move): Shift => ({ from: to, to: file, sha256 });

/** What `applyMoves` or, of moves in their order back, `undoMoves` would make of them, changing nothing. */
export async function foreseeMoves(
  hashes: PhotoHashes,
  moves: readonly Move[],
  isBack: boolean,
): Promise<{ readonly moved: readonly Move[]; readonly failed: readonly FailedMove[] }> {
  const moved: Move[] = [];
  const failed: FailedMove[] = [];
  for (const move of moves) {
    const found = await look(hashes, isBack ? backwards(move) : forwards(move));
    if (found === "missing" || found === "blocked" || found === "changed") failed.push({ move, outcome: found });
    else moved.push(move);
  }
  return { moved, failed };
}
