// What coordinator and workers agree on: the queues, a job's content, and the file that a finished shard leaves.

import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { failWriting, syncFolder, writeFully } from "../run/writeAtomic.ts";

export const QUEUES = ["collect", "predict"] as const;
export type QueueName = (typeof QUEUES)[number];

/** Before all keys in Redis. */
export const PREFIX = "ballsight";
/** How often a shard is tried before it is a dead letter; a worker that dies with it counts. */
export const TRIES = 3;
/** Raised when workers of different versions would misread each other. */
export const SHARD_VERSION = 1;

/** A job of BullMQ. Redis holds what is to be done; what came of it is in files. */
export interface Shard<Content> {
  readonly version: number;
  readonly id: string;
  /** Of the results; absolute on the coordinator's machine. */
  readonly folder: string;
  readonly content: Content;
}

/** Where the result of a shard is. */
export const resultPath = (folder: string, id: string): string => join(folder, `${id}.json`);

/**
 * Written whole: temporary file, fsync, rename. Two workers may do so for one shard, when the first was thought dead: either file is
 * as good as the other.
 * @throws DISK_FULL, RUN_NOT_WRITABLE
 */
export async function publish(path: string, result: unknown): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(result));
  // Not by process number: in containers every worker is process 1.
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
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
    await failWriting(error, path, bytes.length);
  }
}

/** Undefined where there is none yet, or none that can be read: the shard is then done again. */
export async function readResult(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Takes away what a killed `publish` left; others may be at work in the folder. */
export async function removeStale(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /^\.[\da-f-]{36}\.tmp$/.test(name));
  const remove = async (path: string) => {
    if ((await stat(path)).mtimeMs < Date.now() - STALE_MS) await unlink(path);
  };
  await Promise.all(names.map((name) => remove(join(folder, name)).catch(() => undefined)));
}

const STALE_MS = 24 * 3_600_000;

/** @throws DISK_FULL, RUN_NOT_WRITABLE */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: unknown) => failWriting(error, path, 0));
}
