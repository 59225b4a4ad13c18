// What is remembered of photos between runs: one file of records of one size, found by the SHA-256 of the photo's content.

import { createHash } from "node:crypto";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { failWriting, writeAtomic, writeFully } from "../run/writeAtomic.ts";

const KEY_BYTES = 32;
const CHECK_BYTES = 4;

/**
 * Records are appended as they come. A kill tears the last one at most, and each carries a checksum: what is torn or damaged is as if it had never
 * been there. Only for whoever holds the folder's lock.
 */
export class Records {
  readonly #path: string;
  readonly #size: number;
  readonly #payloads = new Map<string, Uint8Array>();
  readonly #asked = new Set<string>();
  readonly #file: FileHandle;
  #end: number;

  private constructor(path: string, size: number, file: FileHandle, content: Uint8Array) {
    this.#path = path;
    this.#size = size;
    this.#file = file;
    const stride = KEY_BYTES + size + CHECK_BYTES;
    const whole = Math.floor(content.length / stride) * stride;
    for (let at = 0; at < whole; at += stride) {
      const body = content.subarray(at, at + KEY_BYTES + size);
      const check = content.subarray(at + KEY_BYTES + size, at + stride);
      if (Buffer.compare(checksum(body), check) !== 0) continue;
      this.#payloads.set(Buffer.from(body.subarray(0, KEY_BYTES)).toString("hex"), body.subarray(KEY_BYTES));
    }
    this.#end = whole;
  }

  /** @param size bytes per record; a file of another size or meaning must have another name */
  static async open(path: string, size: number): Promise<Records> {
    const file = await open(path, "a+").then(async (made) => {
      await made.close();
      // Not "a": positions are ignored there, and a torn end must be written over.
      return await open(path, "r+");
    });
    return new Records(path, size, file, await readFile(path));
  }

  get(sha256: string): Uint8Array | undefined {
    this.#asked.add(sha256);
    const payload = this.#payloads.get(sha256);
    // A copy with memory of its own: a Buffer's slice shares its memory, and a typed array must begin at a multiple of its element.
    return payload === undefined ? undefined : new Uint8Array(payload);
  }

  /** @throws DISK_FULL, RUN_NOT_WRITABLE: it is the cache's fault, not the photo's */
  async set(sha256: string, payload: Uint8Array): Promise<void> {
    const record = recordOf(sha256, payload);
    this.#asked.add(sha256);
    this.#payloads.set(sha256, record.subarray(KEY_BYTES, KEY_BYTES + this.#size));
    const at = this.#end;
    this.#end += record.length;
    await writeFully(this.#file, record, at).catch((error: unknown) =>
      failWriting(error, this.#path, record.length, "--cache"),
    );
  }

  /** Lets go of photos that were not asked for, once they are the larger part: a data set changes, and its cache must not grow for ever. */
  async close(): Promise<void> {
    await this.#file.close();
    const used = [...this.#payloads].filter(([sha256]) => this.#asked.has(sha256));
    if (used.length * 2 >= this.#payloads.size) return;
    await writeAtomic(this.#path, Buffer.concat(used.map(([sha256, payload]) => recordOf(sha256, payload))), "--cache");
  }
}

function recordOf(sha256: string, payload: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(sha256, "hex"), payload]);
  return Buffer.concat([body, checksum(body)]);
}

const checksum = (body: Uint8Array) => createHash("sha256").update(body).digest().subarray(0, CHECK_BYTES);
