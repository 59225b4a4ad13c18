// Photos between a client's upload and its question: in memory, for minutes, never on the disk.

import { randomBytes } from "node:crypto";
import { fail } from "@ballsight/vision";

interface Upload {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly until: number;
  /** Who brought it. */
  readonly client: string;
}

/** What one client has here; paths in the order of their age. */
interface Holding {
  readonly paths: Set<string>;
  bytes: number;
}

const KEEP_MS = 10 * 60_000;

export class Uploads {
  readonly #uploads = new Map<string, Upload>();
  readonly #holdings = new Map<string, Holding>();
  readonly #limit: number;
  #bytes = 0;

  /** @param limit bytes of all uploads together; those of the client that has most make room, the oldest first */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The path that a question may name: random, so nobody guesses another one's. */
  add(bytes: Uint8Array<ArrayBuffer>, client: string, now = performance.now()): string {
    this.sweep(now);
    const path = `upload/${randomBytes(16).toString("hex")}/photo`;
    const holding = this.#holdings.get(client) ?? { paths: new Set(), bytes: 0 };
    this.#holdings.set(client, holding);
    holding.paths.add(path);
    holding.bytes += bytes.byteLength;
    this.#bytes += bytes.byteLength;
    this.#uploads.set(path, { bytes, until: now + KEEP_MS, client });
    while (this.#bytes > this.#limit && this.#uploads.size > 1) this.#makeRoom(path);
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
      this.#drop(path);
    }
  }

  #makeRoom(newest: string): void {
    const [first, ...others] = this.#holdings.values();
    let most = first as Holding;
    for (const holding of others) if (holding.bytes > most.bytes) most = holding;
    // A client may have the newest alone, and it larger than what others have: the oldest of all then.
    const victim = oldest(most.paths, newest) ?? oldest(this.#uploads.keys(), newest);
    if (victim !== undefined) this.#drop(victim);
  }

  #drop(path: string): void {
    const { bytes, client } = this.#uploads.get(path) as Upload;
    const holding = this.#holdings.get(client) as Holding;
    this.#uploads.delete(path);
    holding.paths.delete(path);
    holding.bytes -= bytes.byteLength;
    this.#bytes -= bytes.byteLength;
    if (holding.paths.size === 0) this.#holdings.delete(client);
  }
}

/** The first of those in the order of their age, but for one. */
function oldest(paths: Iterable<string>, except: string): string | undefined {
  for (const path of paths) if (path !== except) return path;
  return undefined;
}
