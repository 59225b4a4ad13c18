// Every photo decoded once: squares for training and the model's own pixels for validation, in files read by position.

import { join } from "node:path";
import { fail, type PhotoSource, type Preprocess } from "@ballsight/vision";
import { cacheKey, cacheRoot, lockCacheFolder } from "./cacheFolder.ts";
import { type Dataset, type DatasetWarning, dataFingerprint } from "./dataset.ts";
import { type FillOptions, fillCache, type Packs, type PhotoRecord } from "./fillCache.ts";
import { PackedFile } from "./packedFile.ts";

export interface PhotoCacheOptions extends FillOptions {
  /** Whose pixels validation sees. */
  readonly preprocess: Pick<Preprocess, "size" | "resize">;
  /** `--cache DIR`. */
  readonly cacheDir?: string | undefined;
  /** Another process fills the same cache; this one waits for it. */
  readonly onWait?: (holder: string) => void;
}

export interface UnreadablePhoto {
  /** Relative to the data set's folder. */
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

/** Only the photos that could be read, in the data set's order. */
export interface PhotoCache {
  readonly classes: readonly string[];
  /** Relative to the data set's folder. */
  readonly files: readonly string[];
  readonly targets: Int32Array;
  /** SHA-256 of each file's content, hex. */
  readonly sha256: readonly string[];
  /** The photos as a training at squares of this side reads them; one of the asked-for `cacheSizes`. */
  at(cacheSize: number): PhotoSource;
  readonly unreadable: readonly UnreadablePhoto[];
  readonly warnings: readonly DatasetWarning[];
  /** For `ballsight.data`: names, sizes and contents of the photos that were read. */
  readonly fingerprint: string;
  /** How many photos this call decoded; 0 when all were there. */
  readonly decoded: number;
  close(): Promise<void>;
}

/** Raised whenever the same photo would give other bytes, so that old caches are not mistaken for new ones. */
const ALGORITHM = 1;

/**
 * Opens the cache of a data set and fills in what is missing.
 * @throws NO_PHOTOS, DATA_ONE_CLASS (too few photos could be read), DISK_FULL, BAD_OPTION (--cache)
 */
export async function openPhotoCache(options: PhotoCacheOptions): Promise<PhotoCache> {
  const { dataset, cacheSizes, preprocess } = options;
  const folder = join(cacheRoot(options.cacheDir), cacheKey(dataset));
  const count = dataset.files.length;
  const plans = [
    ...cacheSizes.map((side) => ({
      name: `squares-${side}.v${ALGORITHM}`,
      shape: { count, bytesEach: side * side * 3 },
    })),
    {
      // Mean and deviation are not in the name: they are applied after the pixels that are kept here.
      name: `evaluation-${preprocess.resize}-${preprocess.size}.v${ALGORITHM}`,
      shape: { count, bytesEach: preprocess.size * preprocess.size * 3 },
    },
  ];
  const openFinished = () =>
    Promise.all(plans.map((plan) => PackedFile.openFinished<PhotoRecord>(folder, plan.name, plan.shape)));

  const closing: PackedFile<PhotoRecord>[] = [];
  try {
    let packs: (PackedFile<PhotoRecord> | undefined)[] = await openFinished();
    closing.push(...packs.filter((pack) => pack !== undefined));
    let fresh = new Map<number, PhotoRecord>();
    if (packs.includes(undefined)) {
      const lock = await lockCacheFolder(folder, options);
      try {
        // Whoever was waited for may have made them meanwhile.
        const again = await openFinished();
        closing.push(...again.filter((pack) => pack !== undefined));
        packs = await Promise.all(
          again.map(async (pack, i) => {
            if (pack !== undefined) return pack;
            const made = await PackedFile.openUnfinished<PhotoRecord>(folder, plans[i]!.name, plans[i]!.shape);
            closing.push(made);
            return made;
          }),
        );
        fresh = await fillCache(folder, inOrder(packs), options);
      } finally {
        await lock.release();
      }
    }
    return describe(options, inOrder(packs), fresh, closing);
  } catch (error) {
    await Promise.all(closing.map((pack) => pack.close()));
    throw error;
  }
}

/** The packs by what they hold; the evaluation's is the last one. */
function inOrder(packs: readonly (PackedFile<PhotoRecord> | undefined)[]): Packs {
  const open = packs.filter((pack) => pack !== undefined);
  const evaluation = open.pop();
  if (evaluation === undefined || open.length + 1 < packs.length) throw new TypeError("expected open packs only");
  return { squares: open, evaluation };
}

function describe(
  options: PhotoCacheOptions,
  packs: Packs,
  fresh: ReadonlyMap<number, PhotoRecord>,
  closing: readonly PackedFile<PhotoRecord>[],
): PhotoCache {
  const { dataset, cacheSizes } = options;
  const { squares, evaluation } = packs;
  const slots: number[] = [];
  const aspects: number[] = [];
  const photos: { file: string; size: number; sha256: string }[] = [];
  const unreadable: UnreadablePhoto[] = [];
  dataset.files.forEach((file, slot) => {
    const lines = [...squares, evaluation].map((pack) => pack.line(slot));
    const records = [fresh.get(slot), ...lines].filter((line) => line !== undefined);
    const failed = records.find((record) => "error" in record);
    const record = records.find((record) => "sha256" in record);
    if (failed !== undefined) unreadable.push({ file, ...failed.error });
    else if (record !== undefined) {
      slots.push(slot);
      aspects.push(record.width / record.height);
      photos.push({ file, size: dataset.sizes[slot]!, sha256: record.sha256 });
    }
  });

  const { classes, targets, warnings } = keepClasses(dataset, slots);
  const slotsOf = (indices: readonly number[]) => indices.map((index) => slots[index]!);
  const shared = {
    classes,
    targets,
    aspects: Float32Array.from(aspects),
    readForEvaluation: (indices: readonly number[]) => evaluation.read(slotsOf(indices)),
  };
  return {
    classes,
    files: photos.map((photo) => photo.file),
    targets,
    sha256: photos.map((photo) => photo.sha256),
    at: (cacheSize) => {
      const pack = squares[cacheSizes.indexOf(cacheSize)];
      if (pack === undefined) throw new RangeError(`expected a side of ${cacheSizes} but received ${cacheSize}`);
      return { ...shared, cacheSize, read: (indices) => pack.read(slotsOf(indices)) };
    },
    unreadable,
    warnings,
    fingerprint: dataFingerprint(photos),
    decoded: fresh.size,
    close: async () => {
      await Promise.all(closing.map((pack) => pack.close()));
    },
  };
}

/** A class whose photos are all unreadable cannot be learned: it goes, and the others move up. */
function keepClasses(dataset: Dataset, slots: readonly number[]) {
  const present = new Set(slots.map((slot) => dataset.targets[slot]!));
  const classes = dataset.classes.filter((_, target) => present.has(target));
  if (classes.length === 0) fail("NO_PHOTOS", { name: dataset.dir });
  if (classes.length < 2) {
    fail("DATA_ONE_CLASS", { name: dataset.dir, received: `one with readable photos (${classes[0]})` });
  }
  const warnings = dataset.classes
    .filter((label) => !classes.includes(label))
    .map((label) => ({ code: "DATA_EMPTY_CLASS", message: `no photo of class \`${label}\` could be read` }));
  const moved = dataset.classes.map((label) => classes.indexOf(label));
  return { classes, targets: Int32Array.from(slots, (slot) => moved[dataset.targets[slot]!]!), warnings };
}
