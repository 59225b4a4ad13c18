// Files that are whole or not there: temporary file beside the target, fsync, rename, fsync of the folder.

import { type FileHandle, mkdir, open, readdir, rename, stat, statfs, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fail } from "@ballsight/vision";

let serial = 0;

/**
 * Replaces `path` by `content` (text as UTF-8). After a kill at any moment the old content or the new is there, never a
 * part of it; a failure leaves no temporary file behind. `option` is what named the place.
 * @throws DISK_FULL, RUN_NOT_WRITABLE
 */
export async function writeAtomic(path: string, content: Uint8Array | string, option = "--out"): Promise<void> {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  // Beside the target, because rename is atomic only within one file system.
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${serial++}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      await writeFully(file, bytes, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    return await failWriting(error, path, bytes.byteLength, option);
  }
}

/** Positional write of all bytes: the system may write fewer than asked, above 2 GiB it always does. */
export async function writeFully(file: Pick<FileHandle, "write">, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}

/**
 * Makes a folder and those above it. Not `mkdir(path, { recursive: true })`: under /proc, where making a folder answers
 * ENOENT although the parent is there, Node 20 never comes back from it.
 */
export async function makeFolders(path: string): Promise<void> {
  try {
    return await makeFolder(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  if (!(await isFolder(dirname(path)))) await makeFolders(dirname(path));
  // Once more in any case: another process may have made the parent between the two looks.
  await makeFolder(path);
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!(await isFolder(path))) throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** Makes a rename in `folder` survive a power cut. Windows cannot open folders, and its rename needs none. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Takes away what a killed `writeAtomic` left in `folder`. Only for whoever holds the folder's lock. */
export async function removeTemporaryFiles(folder: string): Promise<void> {
  const names = await readdir(folder);
  const stale = names.filter((name) => /^\..+\.\d+-\d+\.tmp$/.test(name));
  await Promise.all(stale.map((name) => unlink(join(folder, name)).catch(() => undefined)));
}

/** Turns a failed write into the error that a user understands; anything else is thrown on as it is. */
export async function failWriting(error: unknown, path: string, bytes: number, option = "--out"): Promise<never> {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    const received = code === "EDQUOT" ? "no more for this user" : await freeBytes(dirname(path));
    fail("DISK_FULL", { name: path, expected: bytes, received }, { cause: error });
  }
  const reason = code === undefined ? undefined : NOT_WRITABLE[code];
  if (reason !== undefined) fail("RUN_NOT_WRITABLE", { name: dirname(path), reason, option }, { cause: error });
  throw error;
}

/** Bytes that an ordinary user may still write where `folder` lies. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

const NOT_WRITABLE: Readonly<Record<string, string>> = {
  EACCES: "a folder without permission to write",
  EPERM: "a folder without permission to write",
  EROFS: "a read-only file system",
  ENOTDIR: "a path that leads through a file",
  ENOENT: "a folder that is not there and cannot be made",
  EEXIST: "a file of that name",
};
