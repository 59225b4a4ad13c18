// A plan carried out, forwards or backwards. Every move may have been made already: a kill can come at any moment, and the next run goes on.

import { rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncFolder } from "../run/writeAtomic.ts";
import { TRASH_FOLDER } from "../trash/journal.ts";
import { exists, hashFile, isSameFile, moveFile } from "../trash/move.ts";
import type { Trash } from "../trash/trash.ts";
import { type Move, rowAfterMove } from "./plan.ts";

export type MoveOutcome = "moved" | "missing" | "blocked";

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
export async function applyMoves(trash: Trash, moves: readonly Move[], onMove: OnMove): Promise<void> {
  const { root, metadata } = trash;
  // `restore` reads the trash's own journal: its lines are on the disk before the files are touched.
  const there = await Promise.all(
    moves.map(async (move) => move.action === "trash" && (await exists(join(root, move.file)))),
  );
  const taken = moves.filter((_, i) => there[i]);
  await trash.noteTaken(
    taken.map(({ file, to, sha256, row, why }) => ({
      action: "trash",
      file,
      trash: to,
      why: ["review", ...why],
      sha256,
      ...(row !== undefined && { row }),
    })),
  );
  for (const move of moves) {
    const outcome = await shift(root, move.file, move.to, move.sha256);
    if (outcome === "moved") {
      const row = metadata.get(move.file) ?? (metadata.get(move.to) === undefined ? move.row : undefined);
      if (move.action === "trash") metadata.delete(move.file);
      else if (row !== undefined) metadata.set(move.file, rowAfterMove(move, row));
    }
    onMove(move, outcome);
  }
}

/** Backwards, the last move first. */
export async function undoMoves(trash: Trash, moves: readonly Move[], onMove: OnMove): Promise<void> {
  const { root, metadata } = trash;
  for (const move of moves.toReversed()) {
    const outcome = await shift(root, move.to, move.file, move.sha256);
    if (outcome === "moved") {
      if (move.action === "trash") await trash.noteRestored(move.file, move.to, true);
      if (move.row !== undefined) metadata.set(metadata.get(move.to) === undefined ? move.file : move.to, move.row);
      if (move.action === "trash") await removeEmptyAbove(root, dirname(move.to));
    }
    onMove(move, outcome);
  }
}

/** Moves a file to where nothing is; "moved" also where it was moved before. */
async function shift(root: string, file: string, to: string, sha256: string): Promise<MoveOutcome> {
  const [from, target] = [join(root, file), join(root, to)];
  const [isThere, isMoved] = await Promise.all([exists(from), exists(target)]);
  if (!isThere) return isMoved && (await hashFile(target)) === sha256 ? "moved" : "missing";
  if (!isMoved) {
    await moveFile(from, target);
    return "moved";
  }
  // One file under both names: killed in the middle of the move. Anything else has come there since.
  if (!(await isSameFile(from, target))) return "blocked";
  await unlink(from);
  await syncFolder(dirname(from));
  return "moved";
}

/** Folders in the trash that hold nothing any more. */
async function removeEmptyAbove(root: string, folder: string): Promise<void> {
  for (let at = folder; at.startsWith(`${TRASH_FOLDER}/`); at = dirname(at)) {
    const isGone = await rmdir(join(root, at)).then(
      () => true,
      () => false,
    );
    if (!isGone) return;
  }
}
