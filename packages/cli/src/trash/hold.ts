// A data set held by one process while it changes: its locks, what a killed one left, and what a change fails with.

import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { BallsightError, fail } from "@ballsight/vision";
import { describeHolder, type Lock, tryLock } from "../run/lock.ts";
import { failWriting, removeTemporaryFiles } from "../run/writeAtomic.ts";
import { JOURNAL_FILE, TRASH_FOLDER } from "./journal.ts";
import { exists } from "./move.ts";

/** `collect` holds this one while it adds photos. */
const COLLECT_FOLDER = ".collect";

/** Locks the data set, adding to `locks` as it goes, and clears away the temporary files of a killed run. @throws DATA_BUSY */
export async function hold(root: string, locks: Lock[]): Promise<void> {
  locks.push(await lockFolder(root, TRASH_FOLDER));
  if (await exists(join(root, COLLECT_FOLDER))) locks.push(await lockFolder(root, COLLECT_FOLDER));
  await removeLeftovers(root);
}

async function lockFolder(root: string, folder: string): Promise<Lock> {
  const result = await tryLock(join(root, folder));
  if ("lock" in result) return result.lock;
  const holder = describeHolder(result.heldBy);
  return fail("DATA_BUSY", { name: root, received: `one that ${holder} changes`, lock: join(root, folder, "lock") });
}

export async function release(root: string, locks: readonly Lock[]): Promise<void> {
  await Promise.all(locks.map((lock) => lock.release()));
  // Gone again where nothing was ever taken.
  await rmdir(join(root, TRASH_FOLDER)).catch(() => undefined);
}

/** Temporary files of a killed run, in the folders that hold photos and in the trash. */
async function removeLeftovers(folder: string): Promise<void> {
  await removeTemporaryFiles(folder);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const isOurs = entry.isDirectory() && (!entry.name.startsWith(".") || entry.name === TRASH_FOLDER);
    if (isOurs) await removeLeftovers(join(folder, entry.name));
  }
}

const NOT_WRITABLE: Readonly<Record<string, string>> = {
  EACCES: "one without permission to write",
  EPERM: "one without permission to write",
  EROFS: "one on a read-only file system",
  ENOTDIR: "one with a file where a folder should be",
};

/** Turns what a change failed with into the error that a user understands. */
export async function failChanging(error: unknown, root: string): Promise<never> {
  if (error instanceof BallsightError && error.code !== "RUN_NOT_WRITABLE") throw error;
  const cause = error instanceof BallsightError ? error.cause : error;
  const received = NOT_WRITABLE[(cause as NodeJS.ErrnoException).code ?? ""];
  if (received !== undefined) fail("DATA_NOT_WRITABLE", { name: root, received }, { cause });
  return await failWriting(error, join(root, TRASH_FOLDER, JOURNAL_FILE), 0);
}
