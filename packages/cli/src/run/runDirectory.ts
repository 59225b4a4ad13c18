// runs/<name>/: the folder of one training, held by one process at a time.

import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fail } from "@ballsight/vision";
import { formatHistory, type HistoryRow } from "./history.ts";
import { describeHolder, type Lock, tryLock } from "./lock.ts";
import { failWriting, makeFolders, removeTemporaryFiles, writeAtomic } from "./writeAtomic.ts";

/** What a run directory holds; everything is written whole or not at all. */
export const RUN_FILES = {
  config: "config.json",
  data: "data.jsonl",
  history: "history.csv",
  checkpoint: "checkpoint.safetensors",
  model: "model.onnx",
  weights: "weights.safetensors",
  predictions: "predictions.csv",
  report: "report.html",
  card: "README.md",
} as const;

export type RunFile = keyof typeof RUN_FILES;

/**
 * A name that sorts by time, for `runs/`.
 * @example runName("mobilenet_v2", new Date(2026, 10, 22, 9, 5, 7)) // "mobilenet_v2-20261122-090507"
 */
export function runName(arch: string, now: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  // `arch.weights` names and files may hold what a folder name should not.
  return `${arch.replaceAll(/[^\p{L}\p{N}_.-]+/gu, "-")}-${date}-${time}`;
}

export interface OpenRunOptions {
  /** Continue what is there instead of refusing it. */
  readonly resume?: boolean;
}

/**
 * Makes `path`, or opens it again with `resume`, and locks it.
 * @throws RUN_EXISTS (there is something in it), RUN_NOT_FOUND (nothing to resume), RUN_NOT_WRITABLE (also when another
 * process trains in it), DISK_FULL
 */
export async function openRun(path: string, options: OpenRunOptions = {}): Promise<RunDirectory> {
  return new RunDirectory(path, await lockRun(path, RUN_FILES.config, options));
}

/** What `openRun` would refuse, without making or locking anything. @throws RUN_EXISTS */
export async function expectNoRun(path: string): Promise<void> {
  if ((await list(path))?.some((name) => !isOurLeftover(name))) fail("RUN_EXISTS", { name: path });
}

/** As `openRun`, for a folder whose settings are in the file `config`. */
export async function lockRun(path: string, config: string, { resume = false }: OpenRunOptions = {}): Promise<Lock> {
  const there = await list(path);
  if (resume && !there?.includes(config)) fail("RUN_NOT_FOUND", { name: path });
  try {
    await makeFolders(resolve(path));
    const result = await tryLock(path);
    if ("heldBy" in result) {
      const reason = `one that ${describeHolder(result.heldBy)} trains in (delete \`lock\` in it if that is over)`;
      return fail("RUN_NOT_WRITABLE", { name: path, reason, option: "--out" });
    }
    // Looked at under the lock: two processes that start at once must not both find an empty folder.
    const left = (await readdir(path)).filter((name) => !isOurLeftover(name));
    if (!resume && left.length > 0) {
      await result.lock.release();
      fail("RUN_EXISTS", { name: path });
    }
    await removeTemporaryFiles(path);
    return result.lock;
  } catch (error) {
    return await failWriting(error, join(path, config), 0);
  }
}

export class RunDirectory {
  /** Absolute. */
  readonly path: string;
  readonly #lock: Lock;

  constructor(path: string, lock: Lock) {
    this.path = resolve(path);
    this.#lock = lock;
  }

  file(name: RunFile): string {
    return join(this.path, RUN_FILES[name]);
  }

  /** @throws DISK_FULL, RUN_NOT_WRITABLE; the file that was there before stays as it was. */
  async write(name: RunFile, content: Uint8Array | string): Promise<void> {
    await writeAtomic(this.file(name), content);
  }

  /** undefined where the file is not there (yet). */
  async read(name: RunFile): Promise<Buffer | undefined> {
    try {
      return await readFile(this.file(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Everything that is needed to repeat the run, as plain JSON. */
  async writeConfig(config: object): Promise<void> {
    await this.write("config", `${JSON.stringify(config, null, 2)}\n`);
  }

  /** @throws CHECKPOINT_INVALID when the file is no JSON object. */
  async readConfig(): Promise<Record<string, unknown>> {
    const text = (await this.read("config"))?.toString("utf8") ?? "";
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
    } catch {
      // falls through to the same answer
    }
    return fail("CHECKPOINT_INVALID", { name: this.file("config"), received: "a config.json that is no JSON object" });
  }

  /** Rewrites history.csv from all rows so far. */
  async writeHistory(rows: readonly HistoryRow[]): Promise<void> {
    await this.write("history", formatHistory(rows));
  }

  /** Lets other processes into the folder. */
  async close(): Promise<void> {
    await this.#lock.release();
  }
}

async function list(path: string): Promise<string[] | undefined> {
  return await readdir(path).catch(() => undefined);
}

/** The lock itself, and what a killed process left; none of it makes a folder a run. */
function isOurLeftover(name: string): boolean {
  return name === "lock" || name === "lock.takeover" || /^\..+\.tmp$/.test(name);
}
