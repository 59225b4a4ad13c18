// runs/compare-...: the folder of a comparison, with compare.json, the results, and a run directory per network.

import { readFile, rmdir, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeHolder, type Lock, tryLock } from "../run/lock.ts";
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
    for (let told = false; !stopped(); told = true) {
      // Where there is no folder yet, nobody is in it.
      const result = await tryLock(this.run(network)).catch(() => undefined);
      if (result === undefined) return;
      if ("lock" in result) return await result.lock.release();
      if (result.heldBy.host !== hostname()) return;
      if (!told) onWait(describeHolder(result.heldBy));
      await sleep(250);
    }
  }

  /** Lets other processes in. A folder with settings alone goes, as it would stand in the way of the corrected command. */
  async close({ keep }: { readonly keep: boolean }): Promise<void> {
    if (!keep) await unlink(this.file("settings")).catch(() => undefined);
    await this.#lock.release();
    // Succeeds for an empty folder only.
    if (!keep) await rmdir(this.path).catch(() => undefined);
  }
}
