// Fills the photo cache: reads, hashes, decodes and squishes several photos side by side.

import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { decode, loadSharp, readPhotoFile } from "@ballsight/server/photos";
import { BallsightError, type RgbPhoto } from "@ballsight/vision";
import { failWriting } from "../run/writeAtomic.ts";
import { expectFreeBytes } from "./cacheFolder.ts";
import type { Dataset } from "./dataset.ts";
import type { PackedFile } from "./packedFile.ts";

/** What is known of a photo, in the journal of each pack. */
export type PhotoRecord =
  | { readonly file: string; readonly width: number; readonly height: number; readonly sha256: string }
  | { readonly file: string; readonly error: { readonly code: string; readonly message: string } };

export interface Packs {
  /** One per side of FillOptions.cacheSizes. */
  readonly squares: readonly PackedFile<PhotoRecord>[];
  readonly evaluation: PackedFile<PhotoRecord>;
}

export interface CacheProgress {
  readonly done: number;
  readonly total: number;
}

export interface FillOptions {
  readonly dataset: Dataset;
  /** Sides of the squares that training samples from: one per size of a training that begins with small photos. */
  readonly cacheSizes: readonly number[];
  /** The model's own resize and crop: uint8 [size, size, 3]. Called for one photo at a time. */
  readonly evaluate: (photo: RgbPhoto) => Uint8Array | Promise<Uint8Array>;
  readonly onProgress?: (progress: CacheProgress) => void;
  /** Stops between two photos; what is there is kept. */
  readonly signal?: AbortSignal;
}

/** Decodes each photo that a pack misses, once for all of them. Returns this call's records, with those of photos that may be readable another time. */
export async function fillCache(folder: string, packs: Packs, options: FillOptions): Promise<Map<number, PhotoRecord>> {
  const { dataset, onProgress, signal } = options;
  const all = [...packs.squares, packs.evaluation];
  const slots = [...dataset.files.keys()].filter((slot) => all.some((pack) => !pack.has(slot)));
  const needed = all.reduce((sum, pack) => sum + pack.missing * pack.bytesEach, 0);
  if (slots.length > 0) await expectFreeBytes(folder, needed + 2 ** 20);

  const fresh = new Map<number, PhotoRecord>();
  const total = dataset.files.length;
  const oneAtATime = serially(options.evaluate);
  let next = 0;
  let failure: unknown;
  const work = async () => {
    while (next < slots.length && failure === undefined && !signal?.aborted) {
      const slot = slots[next++]!;
      try {
        fresh.set(slot, await cacheOne(slot, packs, { ...options, evaluate: oneAtATime }));
        onProgress?.({ done: total - slots.length + fresh.size, total });
      } catch (error) {
        failure = error;
        return;
      }
    }
  };
  // libuv has four threads unless told otherwise, and every photo in flight is held whole.
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism() + 1) }, work));
  try {
    await Promise.all(all.map((pack) => pack.flush()));
    if (failure !== undefined) throw failure;
    signal?.throwIfAborted();
    await Promise.all(all.map((pack) => pack.finish()));
  } catch (error) {
    await failWriting(error, join(folder, "photos"), needed, "--cache");
  }
  return fresh;
}

async function cacheOne(slot: number, packs: Packs, options: FillOptions): Promise<PhotoRecord> {
  const { dataset, cacheSizes, evaluate } = options;
  const file = dataset.files[slot]!;
  const { squares, evaluation } = packs;
  const store = async (pack: PackedFile<PhotoRecord>, record: PhotoRecord, bytes?: Uint8Array) => {
    if (!pack.has(slot)) await pack.write(slot, bytes, record);
  };
  let photo: RgbPhoto;
  let record: PhotoRecord;
  try {
    const bytes = await readPhotoFile(join(dataset.dir, file), file);
    photo = await decode(bytes, file);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    record = { file, width: photo.width, height: photo.height, sha256 };
  } catch (error) {
    const failed: PhotoRecord = { file, error: describeError(error) };
    // A photo without read permission or on a disk that is away can be readable tomorrow: its slots stay open.
    if (isAboutContent(error)) for (const pack of [...squares, evaluation]) await store(pack, failed);
    return failed;
  }
  try {
    for (const [i, pack] of squares.entries())
      if (!pack.has(slot)) await store(pack, record, await squish(photo, cacheSizes[i]!));
    if (!evaluation.has(slot)) await store(evaluation, record, await evaluate(photo));
    return record;
  } catch (error) {
    if (!isAboutContent(error)) throw error; // the engine or the disk failed, not the photo
    const failed: PhotoRecord = { file, error: describeError(error) };
    for (const pack of [...squares, evaluation]) await store(pack, failed);
    return failed;
  }
}

/**
 * uint8 [side, side, 3], both axes scaled on their own. A triangle filter that widens when it scales down keeps fine
 * patterns from turning into moire; the augmentation undoes the squish by sampling in normalised coordinates.
 */
export async function squish({ width, height, data }: RgbPhoto, side: number): Promise<Uint8Array> {
  const sharp = await loadSharp();
  return await sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .resize(side, side, { fit: "fill", kernel: "linear" })
    .raw()
    .toBuffer();
}

const PASSING: ReadonlySet<string> = new Set(["FILE_NOT_FOUND", "FILE_NOT_READABLE", "RUNTIME_FAILED", "INTERRUPTED"]);

/** Whether the photo itself is at fault, so that asking again would give the same answer. */
function isAboutContent(error: unknown): boolean {
  return error instanceof BallsightError && !PASSING.has(error.code);
}

function describeError(error: unknown): { code: string; message: string } {
  if (error instanceof BallsightError) return error.toJSON();
  const { code = "UNREADABLE", message } = error as NodeJS.ErrnoException;
  return { code, message };
}

/** One call after the other: the engine uses all cores for one photo, and needs some 30 bytes for each of its pixels. */
function serially<In, Out>(work: (input: In) => Out | Promise<Out>): (input: In) => Promise<Out> {
  let last: Promise<unknown> = Promise.resolve();
  return (input) => {
    const result = last.then(() => work(input));
    last = result.catch(() => undefined);
    return result;
  };
}
