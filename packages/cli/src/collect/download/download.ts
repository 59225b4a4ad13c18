// One candidate to a photo in a temporary file, or to the reason why not: whatever process on whatever machine does it.

import { createHash } from "node:crypto";
import { open, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readPhotoFile, sniff } from "@ballsight/server/photos";
import { BallsightError, type ErrorCode } from "@ballsight/vision";
import { sketchOf } from "../../hash/likeness.ts";
import { orientedHashes } from "../../hash/perceptual.ts";
import { inspectPhoto } from "../../images/inspect.ts";
import { failWriting, writeFully } from "../../run/writeAtomic.ts";
import type { Look } from "../distinct.ts";
import { type Candidate, Refusal, type Status } from "../photo.ts";
import { type Answer, readAtMost } from "./client.ts";
import { HostClosed, Slots } from "./politeness.ts";
import { type RetrieveSettings, retrieve, type Untimed } from "./retrieve.ts";

export interface DownloadSettings extends RetrieveSettings {
  /** Where temporary files go: on the file system of the data set, so that a rename is all that is left. */
  readonly folder: string;
  /** Shorter sides are refused, pixels. */
  readonly minSide: number;
  /** Of the decoded body, default 25 MB. */
  readonly maxBytes?: number | undefined;
}

export interface Downloaded {
  readonly status: "ok";
  /** Lower-case hex. */
  readonly sha256: string;
  /** By content: ".jpg". */
  readonly extension: string;
  readonly width: number;
  readonly height: number;
  readonly look: Look;
  /** Whole and on the disk; whoever takes the outcome renames or removes it. */
  readonly temporary: string;
}

export interface NotDownloaded {
  readonly status: Exclude<Status, "ok">;
  readonly reason: string;
}

/** Not asked, since its host is to be left alone for a while: to be tried again later. */
export interface Postponed {
  readonly status: "postponed";
  readonly reason: string;
}

export type Outcome = Downloaded | NotDownloaded | Postponed;

const MAX_BYTES = 25_000_000;
/** What `sniff` looks at. */
const HEAD_BYTES = 4096;
/** Bodies beyond this wait for one of few places, so that forty large ones are never in memory at once. */
const LARGE_BYTES = 2_000_000;
const largeBodies = new Slots(4);

/** Of one photo: taken with its first byte too many, kept until it is on the disk. */
class LargePlace {
  readonly #signal: AbortSignal;
  #release: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** @param size of what is in memory or about to be, bytes */
  needs(size: number): boolean {
    return size > LARGE_BYTES && this.#release === undefined;
  }

  async enter(): Promise<void> {
    this.#release = await largeBodies.take(this.#signal);
  }

  leave(): void {
    this.#release?.();
    this.#release = undefined;
  }
}

let serial = 0;

/** @throws what `signal` was aborted with; DISK_FULL, RUN_NOT_WRITABLE */
export async function download(
  candidate: Pick<Candidate, "url" | "source">,
  settings: DownloadSettings,
  signal: AbortSignal,
): Promise<Outcome> {
  const place = new LargePlace(signal);
  try {
    const bytes = await contentOf(candidate, settings, place, signal);
    return await examined(bytes, settings);
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, reason: error.message };
    if (error instanceof HostClosed) return { status: "postponed", reason: error.message };
    throw error;
  } finally {
    place.leave();
  }
}

async function contentOf(
  { url, source }: Pick<Candidate, "url" | "source">,
  settings: DownloadSettings,
  place: LargePlace,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const limit = settings.maxBytes ?? MAX_BYTES;
  // A list or a service that names files of this machine is none to follow.
  if (source === "folder" && url.startsWith("file:")) return await fileContent(url, limit, place);
  if (!URL.canParse(url)) throw new Refusal("dead", "no address");
  return await retrieve(url, settings, signal, (answer, untimed) => photoBody(answer, limit, place, untimed));
}

async function fileContent(url: string, limit: number, place: LargePlace): Promise<Uint8Array> {
  try {
    const path = fileURLToPath(url);
    const size = (await stat(path).catch(() => undefined))?.size ?? 0;
    if (size > limit) throw new Refusal("too-large", `more than ${limit} bytes`);
    if (place.needs(size)) await place.enter();
    const bytes = await readPhotoFile(path, url);
    // It may have grown, or be a pipe.
    if (bytes.length > limit) throw new Refusal("too-large", `more than ${limit} bytes`);
    return bytes;
  } catch (error) {
    if (error instanceof BallsightError) throw new Refusal(STATUS_OF[error.code] ?? "dead", error.message);
    throw error;
  }
}

/** Left as soon as the first bytes are no photo's: the commonest dead link is a page that says so, with status 200. */
async function photoBody({ body }: Answer, limit: number, place: LargePlace, untimed: Untimed): Promise<Uint8Array> {
  let looked = false;
  try {
    return await readAtMost(body, limit, async (chunks, size) => {
      if (!looked && size >= HEAD_BYTES) {
        looked = true;
        expectPhoto(Buffer.concat(chunks));
      }
      if (place.needs(size)) await untimed(() => place.enter());
    });
  } catch (error) {
    // Another attempt waits for the host's turn, which whoever has it may be waiting for this place.
    place.leave();
    throw error;
  }
}

/** The header says what it likes: bytes decide. */
function expectPhoto(bytes: Uint8Array): void {
  if (bytes.length === 0) throw new Refusal("not-image", "0 bytes");
  const { kind, words } = sniff(bytes);
  if (kind === "other") throw new Refusal("not-image", words);
  if (kind === "picture") throw new Refusal("unsupported", words);
}

async function examined(bytes: Uint8Array, { folder, minSide }: DownloadSettings): Promise<Outcome> {
  expectPhoto(bytes);
  const facts = await inspectPhoto(bytes, "the photo").catch((error: unknown) => {
    if (error instanceof BallsightError) throw new Refusal(STATUS_OF[error.code] ?? "decode-error", reasonOf(error));
    throw error;
  });
  const { width, height, extension, grey } = facts;
  if (Math.min(width, height) < minSide) throw new Refusal("too-small", `${width} x ${height} pixels`);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const temporary = join(folder, `${sha256.slice(0, 16)}.${process.pid}-${serial++}.part`);
  await writeTemporary(temporary, bytes);
  const look = { hashes: orientedHashes(grey), sketch: sketchOf(grey) };
  return { status: "ok", sha256, extension, width, height, look, temporary };
}

async function writeTemporary(path: string, bytes: Uint8Array): Promise<void> {
  try {
    const file = await open(path, "wx");
    try {
      await writeFully(file, bytes, 0);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await unlink(path).catch(() => undefined);
    await failWriting(error, path, bytes.length);
  }
}

const STATUS_OF: Readonly<Partial<Record<ErrorCode, Exclude<Status, "ok">>>> = {
  EMPTY_FILE: "not-image",
  NOT_AN_IMAGE: "not-image",
  IMAGE_UNSUPPORTED: "unsupported",
  IMAGE_TOO_LARGE: "too-large",
  FILE_TOO_LARGE: "too-large",
  IMAGE_TOO_NARROW: "too-narrow",
  IMAGE_TRUNCATED: "decode-error",
};

function reasonOf({ details, message }: BallsightError): string {
  const { reason, width, height } = details;
  if (typeof reason === "string") return reason;
  return width === undefined ? message : `${width} x ${height} pixels`;
}
