// Downloads a weights file: beside its final name as `.part`, continued where a run broke off, named only once its hash is right.

import { createHash, type Hash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { type FileHandle, open, readFile, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { BallsightError, fail, isWebPage, type ModelEntry } from "@ballsight/vision";
import type { Progress } from "../output/progress.ts";
import { describeHolder, type Lock, waitForLock } from "../run/lock.ts";
import { failWriting, freeBytes, makeFolders, syncFolder, writeAtomic, writeFully } from "../run/writeAtomic.ts";

export interface DownloadOptions {
  readonly progress?: Progress | undefined;
  /** Told once, in a line without an end, when another process downloads and this one waits. */
  readonly say?: ((line: string) => void) | undefined;
}

interface Download {
  readonly entry: Pick<ModelEntry, "name" | "file" | "sha256">;
  readonly url: string;
  readonly folder: string;
  /** Under its final name. */
  readonly path: string;
  readonly part: string;
  /** What tells whether the server still has the file that the part is of. */
  readonly note: string;
  readonly options: DownloadOptions;
}

/** How long nothing may come before the server counts as gone. */
const STALL_MS = 60_000;

/**
 * Gets `url` into `folder` and returns the file's path. One process at a time downloads into a folder; another waits, and
 * takes what the first has got. After a kill or a lost connection the next call goes on where it stopped.
 * @throws WEIGHTS_DOWNLOAD, WEIGHTS_HASH, WEIGHTS_NOT_WRITABLE, DISK_FULL
 */
export async function downloadWeights(
  entry: Download["entry"],
  url: string,
  folder: string,
  options: DownloadOptions = {},
): Promise<string> {
  const path = join(folder, entry.file);
  const part = `${path}.part`;
  const download: Download = { entry, url, folder, path, part, note: `${part}.json`, options };
  try {
    await makeFolders(folder);
    const lock = await lockFolder(download);
    try {
      if (!existsSync(path)) await fetchWhole(download);
      return path;
    } finally {
      options.progress?.clear();
      await lock.release();
    }
  } catch (cause) {
    return failFolder(cause, download);
  }
}

async function lockFolder(download: Download): Promise<Lock> {
  const { folder, options } = download;
  const onWait = (holder: string) => options.say?.(`waiting for ${holder}, which downloads into ${folder}`);
  const result = await waitForLock(folder, { onWait });
  if ("lock" in result) return result.lock;
  const holder = describeHolder(result.heldBy);
  const received = `a folder that ${holder} downloads into (if it is gone, remove ${join(folder, "lock")})`;
  return failDownload(download, received);
}

async function fetchWhole(download: Download): Promise<void> {
  const { path, part, note, folder } = download;
  const hash = createHash("sha256");
  // A part that turns out to be of no use is dropped once, and the file asked for from its start.
  if (!(await receive(download, hash))) {
    await discard(download);
    if (!(await receive(download, hash))) failDownload(download, "an answer that does not fit the question");
  }
  await expectHash(download, hash.digest("hex"));
  await rename(part, path);
  await unlink(note).catch(() => undefined);
  await syncFolder(folder);
}

/** Fills the part up to the file's end; `false` where the server's answer does not continue it. The hash is of all of it. */
async function receive(download: Download, hash: Hash): Promise<boolean> {
  const { url, part, note, folder } = download;
  const there = await resumable(download);
  const controller = new AbortController();
  const stalled = () => controller.abort(new Error(`nothing came for ${STALL_MS / 1000} s`));
  let timer = setTimeout(stalled, STALL_MS);
  try {
    const response = await fetch(url, {
      // Ranges and lengths are the file's own only as long as nobody compresses it on the way.
      headers: {
        "accept-encoding": "identity",
        ...(there && { range: `bytes=${there.size}-`, "if-range": there.validator }),
      },
      signal: controller.signal,
    }).catch((error: unknown) => failDownload(download, `no answer (${reasonOf(error)})`, error));
    try {
      const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
      if (response.status === 416 && there) {
        // Killed after the last byte and before the rename: all of it is there.
        if (Number(range?.[2]) !== there.size) return false;
        await hashFile(part, there.size, hash);
        return true;
      }
      if (response.status !== 200 && response.status !== 206)
        failDownload(download, `HTTP ${response.status} ${response.statusText}`.trimEnd());
      if (/^text\/html\b/i.test(response.headers.get("content-type") ?? "")) failDownload(download, "a web page");
      const begin = response.status === 206 ? Number(range?.[1]) : 0;
      if (response.status === 206 && begin !== there?.size) return false;
      const total = response.status === 206 ? Number(range?.[2]) : lengthOf(response);

      const free = await freeBytes(folder);
      const needed = (total ?? 0) - begin;
      if (needed > free) fail("DISK_FULL", { name: folder, expected: needed, received: free });
      if (begin === 0) await writeAtomic(note, JSON.stringify({ url, validator: validatorOf(response) }));
      else await hashFile(part, begin, hash);
      const file = await open(part, begin === 0 ? "w" : "r+");
      try {
        const alive = () => {
          clearTimeout(timer);
          timer = setTimeout(stalled, STALL_MS);
        };
        await receiveBody(download, response, { file, hash, begin, total, alive });
        await file.sync();
      } finally {
        await file.close();
      }
      return true;
    } finally {
      // Frees the connection where the body was not wanted.
      await response.body?.cancel().catch(() => undefined);
    }
  } finally {
    clearTimeout(timer);
  }
}

interface Receiving {
  readonly file: FileHandle;
  readonly hash: Hash;
  readonly begin: number;
  readonly total: number | undefined;
  readonly alive: () => void;
}

async function receiveBody(
  download: Download,
  response: Response,
  { file, hash, begin, total, alive }: Receiving,
): Promise<void> {
  const { entry, part, options } = download;
  let at = begin;
  const again = begin > 0 ? `, from ${megabytes(begin)} on` : "";
  options.progress?.start(`Downloading ${entry.file} (MB)${again}`);
  const reader = response.body?.getReader();
  for (;;) {
    const next = await reader?.read().catch((error: unknown) => failDownload(download, soFar(at, total, error), error));
    if (next === undefined || next.done) break;
    const chunk = next.value as Uint8Array;
    if (at === 0 && isWebPage(chunk)) {
      await discard(download);
      failDownload(download, "a web page");
    }
    await writeFully(file, chunk, at).catch(async (error: unknown) => {
      // What fills the disk is given back.
      await discard(download);
      return await failWriting(error, part, (total ?? at + chunk.length) - begin);
    });
    hash.update(chunk);
    at += chunk.length;
    alive();
    // Counted from where this run began, so that the time left is of this connection.
    options.progress?.update({
      done: megabytes(at - begin),
      ...(total !== undefined && { total: megabytes(total - begin) }),
    });
  }
  if (total !== undefined && at !== total) failDownload(download, soFar(at, total));
}

/** The part's size, and the validator under which it may be continued (RFC 9110, 13.1.5). */
async function resumable({ url, part, note }: Download): Promise<{ size: number; validator: string } | undefined> {
  const size = (await stat(part).catch(() => undefined))?.size ?? 0;
  if (size === 0) return undefined;
  try {
    const saved = JSON.parse(await readFile(note, "utf8")) as { url?: unknown; validator?: unknown };
    if (saved.url === url && typeof saved.validator === "string") return { size, validator: saved.validator };
  } catch {
    // No note, or none of ours: the download begins again.
  }
  return undefined;
}

/** A strong ETag, else the date; a weak ETag says nothing about bytes. */
function validatorOf({ headers }: Response): string | null {
  const etag = headers.get("etag");
  return etag?.startsWith('"') ? etag : headers.get("last-modified");
}

function lengthOf({ headers }: Response): number | undefined {
  const length = headers.get("content-length");
  return length === null || headers.has("content-encoding") ? undefined : Number(length);
}

async function hashFile(path: string, size: number, hash: Hash): Promise<void> {
  for await (const chunk of createReadStream(path, { end: size - 1 })) hash.update(chunk as Uint8Array);
}

async function expectHash(download: Download, digest: string): Promise<void> {
  const { sha256 = "", name } = download.entry;
  if (digest.startsWith(sha256)) return;
  await discard(download);
  const received = `${digest.slice(0, sha256.length)}...`;
  fail("WEIGHTS_HASH", { name, expected: sha256, received, source: download.url });
}

async function discard({ part, note }: Download): Promise<void> {
  for (const path of [part, note]) await unlink(path).catch(() => undefined);
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10;

const soFar = (at: number, total: number | undefined, error?: unknown): string =>
  `${megabytes(at)} of ${total === undefined ? "unknown" : megabytes(total)} MB and no more (${error === undefined ? "the connection ended" : reasonOf(error)}), which are kept`;

/** fetch says "fetch failed" or "terminated"; what happened is in the cause. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown };
  const { code, message } = cause as { code?: unknown; message?: unknown };
  return typeof code === "string" ? code : String(message ?? cause);
}

function failDownload({ entry, url, path }: Download, received: string, cause?: unknown): never {
  return fail("WEIGHTS_DOWNLOAD", { name: entry.name, url, path, received }, { cause });
}

const NOT_WRITABLE: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENOENT", "EEXIST"]);

function failFolder(cause: unknown, { entry, folder }: Download): never {
  const { code } = cause as NodeJS.ErrnoException;
  const reason = cause instanceof BallsightError ? cause.code === "RUN_NOT_WRITABLE" && cause.details.reason : code;
  if (typeof reason !== "string" || (reason === code && !NOT_WRITABLE.has(reason))) throw cause;
  return fail("WEIGHTS_NOT_WRITABLE", { name: entry.name, path: folder, reason }, { cause });
}
