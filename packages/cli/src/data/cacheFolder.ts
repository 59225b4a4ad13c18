// Where decoded photos are kept between trainings, and who may write there.

import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { fail } from "@ballsight/vision";
import { describeHolder, type Lock, waitForLock } from "../run/lock.ts";
import { freeBytes, makeFolders } from "../run/writeAtomic.ts";
import type { Dataset } from "./dataset.ts";

/** `--cache DIR`, else BALLSIGHT_CACHE, else the user's cache folder. */
export function cacheRoot(option: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  return namedCache(option, env) ?? join(userCache(env), "photos");
}

/** What is kept there besides decoded photos, under a name of its own. */
export function cacheFor(name: string, option: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  return join(namedCache(option, env) ?? userCache(env), name);
}

/** An empty name is none: it would mean the working folder. */
function namedCache(option: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  const named = option || env.BALLSIGHT_CACHE;
  return named ? resolve(named) : undefined;
}

/** This program's folder in the user's cache folder (XDG Base Directory Specification: a relative XDG_CACHE_HOME is ignored). */
export function userCache(env: NodeJS.ProcessEnv = process.env): string {
  const xdg = env.XDG_CACHE_HOME;
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), ".cache"), "ballsight");
}

/**
 * The folder's name for one state of one data set: any photo added, taken out or changed leads elsewhere. Time stamps
 * count here, in contrast to `dataFingerprint`, because a photo rotated in place may keep its size.
 */
export function cacheKey(dataset: Dataset): string {
  const hash = createHash("sha256");
  dataset.files.forEach((file, i) => {
    hash.update(`${JSON.stringify([file, dataset.sizes[i], dataset.modified[i]])}\n`);
  });
  return hash.digest("hex").slice(0, 24);
}

/** Makes the folder, and waits while another process of this machine fills it. @throws the signal's reason; BAD_OPTION */
export async function lockCacheFolder(
  folder: string,
  { onWait, signal }: { onWait?: ((holder: string) => void) | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Lock> {
  try {
    await makeFolders(folder);
    const result = await waitForLock(folder, { onWait, stopped: () => signal?.aborted === true });
    if ("lock" in result) return result.lock;
    signal?.throwIfAborted();
    return failCache(folder, `one that ${describeHolder(result.heldBy)} fills`);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    if (!NOT_WRITABLE.has(code)) throw cause;
    return failCache(folder, code, cause);
  }
}

/** @throws DISK_FULL before anything is written, rather than after minutes of decoding. */
export async function expectFreeBytes(folder: string, needed: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free < needed) fail("DISK_FULL", { name: folder, expected: needed, received: free });
}

const NOT_WRITABLE: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENOENT", "EEXIST"]);

function failCache(folder: string, reason: string, cause?: unknown): never {
  const values = { option: "--cache", expected: "a folder that can be written", received: `${folder} (${reason})` };
  return fail("BAD_OPTION", values, { cause });
}
