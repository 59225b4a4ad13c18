// What a model file says of its training, and whether the photos at hand are those that it was trained on.

import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { readPhotoFile } from "@ballsight/server/photos";
import { type Dataset, dataFingerprint } from "../data/dataset.ts";
import { aheadOf } from "../images/aheadOf.ts";

export interface TrainingRecord {
  /** Fingerprint of the photos, `ballsight.data`. */
  readonly data?: string;
  /** Held-out photos per label. */
  readonly heldOut?: ReadonlyMap<string, number>;
}

/** What is missing or of another form, as in models from elsewhere, says nothing. */
export function trainingRecord(metadata: Readonly<Record<string, string>>): TrainingRecord {
  const data = parse(metadata["ballsight.data"]);
  const metrics = parse(metadata["ballsight.metrics"]);
  const classes: unknown = isRecord(metrics) ? metrics.classes : undefined;
  const heldOut = new Map<string, number>();
  for (const one of Array.isArray(classes) ? classes : []) {
    if (isRecord(one) && typeof one.label === "string" && typeof one.support === "number")
      heldOut.set(one.label, one.support);
  }
  return { ...(typeof data === "string" && data !== "" && { data }), ...(heldOut.size > 0 && { heldOut }) };
}

/** SHA-256 of each file's content, as the fingerprint counts it; undefined where a file cannot be read. */
export async function hashPhotos(dataset: Dataset): Promise<(string | undefined)[]> {
  const hashes: (string | undefined)[] = [];
  const contents = aheadOf(dataset.files, 2 * availableParallelism(), async (file) =>
    createHash("sha256")
      .update(await readPhotoFile(join(dataset.dir, file)))
      .digest("hex"),
  );
  for await (const { outcome } of contents) hashes.push(outcome.status === "fulfilled" ? outcome.value : undefined);
  return hashes;
}

/** The fingerprint that a training on these photos writes: over those that could be decoded. */
export function fingerprintOf(
  dataset: Dataset,
  hashes: readonly (string | undefined)[],
  isReadable: (index: number) => boolean,
): string {
  const photos = dataset.files.flatMap((file, index) => {
    const sha256 = hashes[index];
    return sha256 !== undefined && isReadable(index) ? [{ file, size: dataset.sizes[index]!, sha256 }] : [];
  });
  return dataFingerprint(photos);
}

function parse(json: string | undefined): unknown {
  try {
    return JSON.parse(json ?? "null");
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
