// runs/compare-...: the folder of a comparison, with compare.json, the results, and a run directory per network.

import { readFile, rmdir, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Lock, waitForLock } from "../run/lock.ts";
import { lockRun } from "../run/runDirectory.ts";
import { writeAtomic } from "../run/writeAtomic.ts";
import { type CompareSettings, savedSettings } from "./settings.ts";

const FILES = { settings: "compare.json", csv: "compare.csv", page: "compare.html" } as const;

export class CompareFolder {
  /** Absolute. */
  readonly path: string;
  readonly #lock: Lock;

  private constructor(path: string, lock: Lock) {
    this.path = resolve(path);
    this.#lock = lock;
  }

  /** As `openRun`. @throws RUN_EXISTS, RUN_NOT_FOUND, RUN_NOT_WRITABLE, DISK_FULL */
  static async open(path: string, options: { readonly resume: boolean }): Promise<CompareFolder> {
    return new CompareFolder(path, await lockRun(path, FILES.settings, options));
  }

  file(name: keyof typeof FILES): string {
    return join(this.path, FILES[name]);
  }

  /** The run directory of a network. */
  run(network: string): string {
    return join(this.path, network);
  }

  async readSettings(): Promise<CompareSettings> {
    return savedSettings(await readFile(this.file("settings"), "utf8"), this.file("settings"));
  }

  async writeSettings(settings: CompareSettings): Promise<void> {
    await writeAtomic(this.file("settings"), `${JSON.stringify(settings, null, 2)}\n`);
  }

  /**
   * A training whose comparison was killed stops by itself, after its step: until then its run directory is held.
   * Another machine's is not waited for, `train` refuses it.
   */
  async waitForRun(network: string, onWait: (holder: string) => void, stopped: () => boolean): Promise<void> {
    // Where there is no folder yet, nobody is in it.
    const result = await waitForLock(this.run(network), { onWait, stopped }).catch(() => undefined);
    if (result !== undefined && "lock" in result) await result.lock.release();
  }

  /** Lets other processes in. What is not to be kept goes, as it would stand in the way of the corrected command. */
  async close({ keep }: { readonly keep: boolean }): Promise<void> {
    if (!keep) for (const name of Object.values(FILES)) await unlink(join(this.path, name)).catch(() => undefined);
    await this.#lock.release();
    // Succeeds for an empty folder only.
    if (!keep) await rmdir(this.path).catch(() => undefined);
  }
}
