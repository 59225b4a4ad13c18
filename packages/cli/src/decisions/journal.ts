// decisions.jsonl: who decided what about which photo, when and why. Append-only, one object per line, on the disk before anybody goes on.

import { type FileHandle, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "../run/writeAtomic.ts";
import { endsTorn } from "../trash/journal.ts";
import { type Entry, parseEntry } from "./entries.ts";

export const DECISIONS_FILE = "decisions.jsonl";

export interface ReadEntries {
  readonly entries: readonly Entry[];
  /** Lines that could not be read and are passed over. */
  readonly passedOver: number;
}

/** A data set without the file has no decisions yet. Errors of the file system come through as they are. */
export async function readEntries(root: string): Promise<ReadEntries> {
  const text = await readFile(join(root, DECISIONS_FILE), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const entries = lines.flatMap((line) => parseEntry(line) ?? []);
  return { entries, passedOver: lines.length - entries.length };
}

/** The journal opened for writing, by the one process that holds the review. */
export class Journal {
  readonly #file: FileHandle;
  /** A kill may have cut the last line: what comes next must not be glued to it. */
  #isTorn: boolean;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(file: FileHandle, isTorn: boolean) {
    this.#file = file;
    this.#isTorn = isTorn;
  }

  static async open(root: string): Promise<Journal> {
    const file = await open(join(root, DECISIONS_FILE), "a+");
    await syncFolder(root);
    return new Journal(file, await endsTorn(file));
  }

  /** The lines are on the disk when this returns; one call after the other. */
  async append(entries: readonly Entry[]): Promise<void> {
    const turn = this.#turn.then(() => this.#write(entries));
    this.#turn = turn.catch(() => undefined);
    await turn;
  }

  async #write(entries: readonly Entry[]): Promise<void> {
    const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
    const { size } = await this.#file.stat();
    try {
      await this.#file.appendFile(this.#isTorn ? `\n${lines}` : lines);
      await this.#file.datasync();
      this.#isTorn = false;
    } catch (error) {
      // A full disk takes some of the lines: none was answered, so none may be found there later.
      await this.#file.truncate(size).catch(() => {
        this.#isTorn = true;
      });
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#file.close();
  }
}
