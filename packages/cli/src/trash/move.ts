// Files moved to where nothing is, never over another file, whatever moment the program is killed at.

import { constants, copyFile, link, lstat, open, readFile, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { makeFolders, syncFolder } from "../run/writeAtomic.ts";
import { sha256Of } from "../verify/check.ts";

let serial = 0;

/** Killed half-way, both names are there. Throws EEXIST where there is a file already. */
export async function moveFile(from: string, to: string): Promise<void> {
  await nameTwice(from, to);
  await unlink(from);
  await syncFolder(dirname(from));
}

/** Gives a file a second name, or a second copy where the file system cannot (FAT, another disk). Throws EEXIST. */
export async function nameTwice(from: string, to: string): Promise<void> {
  await makeFolders(dirname(to));
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw error;
    await copyWhole(from, to);
  }
  await syncFolder(dirname(to));
}

async function copyWhole(from: string, to: string): Promise<void> {
  const temporary = join(dirname(to), `.${basename(to)}.${process.pid}-${serial++}.tmp`);
  try {
    await copyFile(from, temporary, constants.COPYFILE_EXCL);
    const file = await open(temporary, "r+");
    await file.sync().finally(() => file.close());
    // Only this process writes here, it holds the data set's lock: nothing comes in between.
    if (await exists(to)) throw Object.assign(new Error(`${to} is there`), { code: "EEXIST" });
    await rename(temporary, to);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** Also for a link that leads nowhere: its name is taken. */
export async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

/** Of a file's content; undefined where it cannot be read. */
export async function hashFile(path: string): Promise<string | undefined> {
  return await readFile(path).then(sha256Of, () => undefined);
}

/** Whether both are there with the same content: one file under two names, or two copies. */
export async function isSameFile(a: string, b: string): Promise<boolean> {
  const [one, two] = await Promise.all([a, b].map((path) => stat(path, { bigint: true }).catch(() => undefined)));
  if (one === undefined || two === undefined || one.size !== two.size) return false;
  if (one.ino === two.ino && one.dev === two.dev) return true;
  const [left, right] = await Promise.all([hashFile(a), hashFile(b)]);
  return left !== undefined && left === right;
}
