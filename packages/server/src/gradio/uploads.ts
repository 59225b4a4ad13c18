// Photos between a client's upload and its question: in memory, for minutes, never on the disk.

import { randomBytes } from "node:crypto";
import { fail } from "@ballsight/vision";

interface Upload {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly until: number;
}

const KEEP_MS = 10 * 60_000;

export class Uploads {
  readonly #uploads = new Map<string, Upload>();
  readonly #limit: number;
  #bytes = 0;

  /** @param limit bytes of all uploads together; the oldest make room */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The path that a question may name: random, so nobody guesses another one's. */
  add(bytes: Uint8Array<ArrayBuffer>, now = performance.now()): string {
    const path = `upload/${randomBytes(16).toString("hex")}/photo`;
    this.#bytes += bytes.byteLength;
    this.#uploads.set(path, { bytes, until: now + KEEP_MS });
    // Insertion order is age.
    for (const [oldest, upload] of this.#uploads) {
      if (upload.until > now && this.#bytes <= this.#limit) break;
      if (oldest !== path) this.#drop(oldest, upload);
    }
    return path;
  }

  /** A copy, as a worker takes what it is given and a client may ask twice. @throws UPLOAD_UNKNOWN */
  get(path: string, name: string, now = performance.now()): Uint8Array<ArrayBuffer> {
    const upload = this.#uploads.get(path);
    if (upload === undefined || upload.until <= now) return fail("UPLOAD_UNKNOWN", { name });
    return upload.bytes.slice();
  }

  /** Lets go of what is too old; called from time to time, as nobody may upload for hours. */
  sweep(now = performance.now()): void {
    for (const [path, upload] of this.#uploads) {
      if (upload.until > now) return;
      this.#drop(path, upload);
    }
  }

  #drop(path: string, upload: Upload): void {
    this.#uploads.delete(path);
    this.#bytes -= upload.bytes.byteLength;
  }
}
