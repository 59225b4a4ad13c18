// .collect/ledger.jsonl: one line per event, only ever appended to, so that a kill loses at most the line under way.

import {
  closeSync,
  createReadStream,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fail } from "@ballsight/vision";
import { isPhotoName } from "../data/dataset.ts";
import { failWriting, writeAtomic } from "../run/writeAtomic.ts";
import { isClassName } from "./classes.ts";
import { type Candidate, isStatus, type Status } from "./photo.ts";

const VERSION = 1;

/** A photo that a source named. */
export interface FoundEntry extends Candidate {
  readonly event: "found";
}

/** A page of answers was read to its end; comes after the photos that were new in it. */
export interface PageEntry {
  readonly event: "page";
  readonly label: string;
  readonly source: string;
  readonly query: string;
  /** Of the page that follows; null where the query is spent. */
  readonly next: string | null;
  /** The service has no more for the query, however it is varied. */
  readonly complete?: true;
  readonly found: number;
  readonly at: string;
}

/** What became of a photo; of several lines the last counts. */
export interface DoneEntry {
  readonly event: "done";
  readonly label: string;
  readonly url: string;
  readonly status: Status;
  readonly reason?: string;
  /** duplicate-of: the photo that is kept, relative to the data set; with `label` of its class. */
  readonly of?: string;
  readonly of_label?: string;
  /** duplicate-of by its looks: how alike the two are, 0.975 to 1. */
  readonly likeness?: number;
  /** ok: relative to the data set, forward slashes. */
  readonly file?: string;
  readonly sha256?: string;
  readonly width?: number;
  readonly height?: number;
  /** What it looks like, see `lookText`; absent for a picture without structure. */
  readonly phash?: string;
  readonly sketch?: string;
  readonly at: string;
}

/** A source refused; before `until` it is not asked again. */
export interface StoppedEntry {
  readonly event: "stopped";
  readonly source: string;
  readonly reason: string;
  readonly until?: string;
  readonly at: string;
}

/** A photo that was in the folder already, and what it took to know it. */
export interface ThereEntry {
  readonly event: "there";
  readonly file: string;
  readonly size: number;
  /** Milliseconds. */
  readonly modified: number;
  readonly sha256: string;
  readonly phash?: string;
  readonly sketch?: string;
}

export type Entry = FoundEntry | PageEntry | DoneEntry | StoppedEntry | ThereEntry;

const EVENTS: ReadonlySet<unknown> = new Set<Entry["event"]>(["found", "page", "done", "stopped", "there"]);

/** For whoever holds the folder's lock. */
export class Ledger {
  readonly #path: string;
  readonly #file: number;
  #syncing: Promise<void> | undefined;

  private constructor(path: string, file: number) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Hands what was written so far to `apply`, line by line, and opens the file for more.
   * @returns the ledger and how many lines are torn
   * @throws LEDGER_INVALID, RUN_NOT_WRITABLE, DISK_FULL
   */
  static async open(path: string, apply: (entry: Entry) => void): Promise<{ ledger: Ledger; torn: number }> {
    const isThere = ((await stat(path).catch(() => undefined))?.size ?? 0) > 0;
    // Written whole: a ledger without its first line would be nobody's.
    if (!isThere) await writeAtomic(path, line({ event: "begin", program: "ballsight collect", version: VERSION }));
    const torn = isThere ? await replay(path, apply) : 0;
    try {
      const file = openSync(path, "a+");
      const ledger = new Ledger(path, file);
      if (!endsWithLine(file)) writeSync(file, "\n");
      return { ledger, torn };
    } catch (error) {
      return await failWriting(error, path, 0);
    }
  }

  /**
   * In one write, at once: whoever renames a photo and then writes its line must not wait for a place in the thread pool behind photos
   * that are decoded there, and an order of awaited writes would be none.
   * @throws DISK_FULL
   */
  async append(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const bytes = Buffer.from(entries.map(line).join(""));
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
    } catch (error) {
      await failWriting(error, this.#path, bytes.length);
    }
    this.#sync();
  }

  /** On the disk, and closed. */
  async close(): Promise<void> {
    await this.#syncing;
    fdatasyncSync(this.#file);
    closeSync(this.#file);
  }

  /** In the background, one at a time: after a power cut a run goes on a moment further back than after a kill. */
  #sync(): void {
    this.#syncing ??= new Promise<void>((resolve) => fdatasync(this.#file, () => resolve())).then(() => {
      this.#syncing = undefined;
    });
  }
}

const line = (entry: object): string => `${JSON.stringify(entry)}\n`;

function endsWithLine(file: number): boolean {
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  return size === 0 || (readSync(file, last, 0, 1, size - 1) === 1 && last[0] === 0x0a);
}

async function replay(path: string, apply: (entry: Entry) => void): Promise<number> {
  let torn = 0;
  let first = true;
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    const value = parse(text);
    if (first) expectBegin(path, value);
    else if (value !== undefined && isEntry(value)) apply(value);
    else if (value === undefined && text.trim() !== "") torn++;
    first = false;
  }
  return torn;
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Torn by a kill or a full disk: what it said is asked for again.
  }
  return undefined;
}

function expectBegin(path: string, value: Readonly<Record<string, unknown>> | undefined): void {
  if (value?.event !== "begin") fail("LEDGER_INVALID", { name: path, received: "a file that begins otherwise" });
  if (value.version !== VERSION) fail("LEDGER_INVALID", { name: path, received: `version ${value.version}` });
}

/** What this program never wrote, or a later one will, is passed over. Data sets come from strangers, and their ledgers with them. */
function isEntry(value: object): value is Entry {
  const entry = value as Readonly<Record<string, unknown>>;
  const { event, label, url, file, source, query } = entry;
  const areTexts = (names: readonly string[]) =>
    names.every((name) => ["string", "undefined"].includes(typeof entry[name]));
  if (!EVENTS.has(event) || !areTexts(TEXTS)) return false;
  if (event === "there") return typeof file === "string" && typeof entry.sha256 === "string";
  if (event === "stopped") return typeof source === "string" && typeof entry.reason === "string";
  if (typeof label !== "string") return false;
  if (event === "done") return typeof url === "string" && isOutcome(entry, label);
  if (typeof source !== "string" || typeof query !== "string") return false;
  return event === "found" ? typeof url === "string" : entry.next === null || typeof entry.next === "string";
}

const TEXTS = [
  ...["url", "origin_url", "page_url", "title", "creator", "license", "license_url", "attribution", "restrictions"],
  ...["reason", "of", "of_label", "phash", "sketch", "until"],
];

/** A photo is brought to where its line says: nowhere but into the folder of its class, under its hash. */
function isOutcome({ status, file, sha256 }: Readonly<Record<string, unknown>>, label: string): boolean {
  if (typeof status !== "string" || !isStatus(status)) return false;
  if (sha256 !== undefined && (typeof sha256 !== "string" || !/^[\da-f]{64}$/.test(sha256))) return false;
  if (status !== "ok") return file === undefined;
  if (typeof file !== "string" || sha256 === undefined || !isPhotoName(file)) return false;
  const [folder, name = "", ...more] = file.split("/");
  const hash = /^(?:[\da-f]{16}){1,4}(?=\.\w+$)/.exec(name)?.[0];
  return more.length === 0 && folder === label && isClassName(label) && hash !== undefined && sha256.startsWith(hash);
}
