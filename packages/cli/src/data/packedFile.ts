// Many byte blocks of one size in one file, filled in any order, resumable after a kill, read by position.

import { type FileHandle, open, readFile, rename, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder, writeFully } from "../run/writeAtomic.ts";

/**
 * `NAME.bin` holds the blocks, `NAME.jsonl` one line of plain data per slot. While slots are missing both carry `.part`
 * behind their names, and the line of a slot is written only once its block is on the disk: what the journal names is whole.
 * Blocks that hold nothing (a slot with a line but without bytes) stay holes and take no room on most file systems.
 */
export class PackedFile<Line extends object> {
  readonly count: number;
  readonly bytesEach: number;
  readonly #path: string;
  readonly #folder: string;
  readonly #lines: Map<number, Line>;
  readonly #data: FileHandle;
  #journal: FileHandle | undefined;
  #pending: string[] = [];
  #flushing: Promise<void> = Promise.resolve();

  private constructor(folder: string, name: string, shape: PackShape, lines: Map<number, Line>, files: PackHandles) {
    this.#folder = folder;
    this.#path = join(folder, name);
    this.count = shape.count;
    this.bytesEach = shape.bytesEach;
    this.#lines = lines;
    this.#data = files.data;
    this.#journal = files.journal;
  }

  /** Opens a finished pack for reading; undefined where there is none or it is damaged. */
  static async openFinished<Line extends object>(folder: string, name: string, shape: PackShape) {
    const path = join(folder, name);
    const text = await readFile(`${path}.jsonl`, "utf8").catch(() => undefined);
    const size = (await stat(`${path}.bin`).catch(() => undefined))?.size;
    if (text === undefined || size !== shape.count * shape.bytesEach) return undefined;
    const { lines } = parseLines<Line>(text, shape.count);
    if (lines.size !== shape.count) return undefined;
    return new PackedFile<Line>(folder, name, shape, lines, { data: await open(`${path}.bin`, "r") });
  }

  /** Starts a pack or goes on with what a killed process left. The caller holds the folder's lock. */
  static async openUnfinished<Line extends object>(folder: string, name: string, shape: PackShape) {
    const path = join(folder, name);
    // Killed between the two renames of `finish`, or damaged afterwards: back to unfinished, the journal decides.
    for (const end of [".bin", ".jsonl"]) await rename(path + end, `${path + end}.part`).catch(() => undefined);
    const text = await readFile(`${path}.jsonl.part`, "utf8").catch(() => "");
    const size = (await stat(`${path}.bin.part`).catch(() => undefined))?.size ?? 0;
    const whole = shape.count * shape.bytesEach;
    const { lines, end } = size === whole ? parseLines<Line>(text, shape.count) : { lines: new Map(), end: 0 };
    const data = await open(`${path}.bin.part`, size === whole ? "r+" : "w+");
    await data.truncate(whole);
    const journal = await open(`${path}.jsonl.part`, "a");
    await truncate(`${path}.jsonl.part`, end);
    return new PackedFile<Line>(folder, name, shape, lines, { data, journal });
  }

  has(slot: number): boolean {
    return this.#lines.has(slot);
  }

  line(slot: number): Line | undefined {
    return this.#lines.get(slot);
  }

  get missing(): number {
    return this.count - this.#lines.size;
  }

  /** Fills a slot; `bytes` is undefined for a slot that will never hold any. Counted as there from `flush` on. */
  async write(slot: number, bytes: Uint8Array | undefined, line: Line): Promise<void> {
    if (bytes !== undefined) {
      if (bytes.byteLength !== this.bytesEach) {
        throw new RangeError(
          `expected ${this.bytesEach} bytes for a slot of ${this.#path} but received ${bytes.byteLength}`,
        );
      }
      await writeFully(this.#data, bytes, slot * this.bytesEach);
    }
    this.#lines.set(slot, line);
    this.#pending.push(`${JSON.stringify({ slot, ...line })}\n`);
    if (this.#pending.length >= FLUSH_EVERY) await this.flush();
  }

  /** Puts the blocks on the disk, then their lines into the journal. */
  async flush(): Promise<void> {
    const lines = this.#pending;
    this.#pending = [];
    this.#flushing = this.#flushing.then(async () => {
      if (lines.length === 0 || this.#journal === undefined) return;
      await this.#data.datasync();
      await this.#journal.appendFile(lines.join(""));
    });
    return this.#flushing;
  }

  /** Gives both files their final names, the index last, once no slot is missing. */
  async finish(): Promise<void> {
    await this.flush();
    if (this.missing > 0 || this.#journal === undefined) return;
    await this.#data.sync();
    await this.#journal.sync();
    await rename(`${this.#path}.bin.part`, `${this.#path}.bin`);
    await rename(`${this.#path}.jsonl.part`, `${this.#path}.jsonl`);
    await syncFolder(this.#folder);
  }

  /** The blocks of `slots`, in that order, in one array. Neighbours are read together. */
  async read(slots: ArrayLike<number>): Promise<Uint8Array> {
    const bytes = new Uint8Array(slots.length * this.bytesEach);
    const reads: Promise<void>[] = [];
    for (let from = 0; from < slots.length; ) {
      let to = from + 1;
      while (to < slots.length && slots[to] === slots[to - 1]! + 1) to++;
      const target = bytes.subarray(from * this.bytesEach, to * this.bytesEach);
      reads.push(readFully(this.#data, target, slots[from]! * this.bytesEach));
      from = to;
    }
    await Promise.all(reads);
    return bytes;
  }

  async close(): Promise<void> {
    await this.#data.close();
    await this.#journal?.close();
    this.#journal = undefined;
  }
}

export interface PackShape {
  /** Slots. */
  readonly count: number;
  readonly bytesEach: number;
}

interface PackHandles {
  readonly data: FileHandle;
  readonly journal?: FileHandle;
}

// About a second of decoding: what a kill costs, and how seldom the disk is waited for.
const FLUSH_EVERY = 128;

/** The lines that can be read, and the length in bytes of the text up to the last whole line: a kill may cut the last one. */
function parseLines<Line extends object>(text: string, count: number): { lines: Map<number, Line>; end: number } {
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const lines = new Map<number, Line>();
  for (const json of whole.split("\n")) {
    try {
      const { slot, ...line } = JSON.parse(json) as { slot: number } & Line;
      if (Number.isInteger(slot) && slot >= 0 && slot < count) lines.set(slot, line as unknown as Line);
    } catch {
      // A power cut can leave zeros in the middle; that slot is filled again.
    }
  }
  return { lines, end: Buffer.byteLength(whole) };
}

async function readFully(file: FileHandle, target: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < target.byteLength; ) {
    const { bytesRead } = await file.read(target, done, target.byteLength - done, position + done);
    if (bytesRead === 0) throw new RangeError("expected a whole cache file but it ends early; delete the cache folder");
    done += bytesRead;
  }
}
