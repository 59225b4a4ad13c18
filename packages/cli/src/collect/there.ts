// Photos that are in the folder before anything is collected: counted per class, and hashed so that nothing is taken twice.

import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { readPhotoFile } from "@ballsight/server/photos";
import { sketchOf } from "../hash/likeness.ts";
import { orientedHashes } from "../hash/perceptual.ts";
import { aheadOf } from "../images/aheadOf.ts";
import { inspectPhoto } from "../images/inspect.ts";
import { listFiles } from "../verify/files.ts";
import { lookText } from "./distinct.ts";
import type { CollectFolder } from "./folder.ts";
import type { ThereEntry } from "./ledger.ts";
import type { CollectState } from "./state.ts";

export interface PhotoThere {
  readonly file: string;
  readonly label: string;
}

/** Photos in class folders, as training would find them; dot-folders, and so the trash, left out. */
export async function photosThere(folder: CollectFolder): Promise<PhotoThere[]> {
  const files = await listFiles(folder.path);
  return files.flatMap(({ file, label, named }) => (named && label !== "" ? [{ file, label }] : []));
}

/**
 * The facts of those that the ledger did not bring, measured where they are not known or have changed since.
 * @param onMeasured gets every new one; what cannot be read is nobody's copy, and `verify` will tell of it
 */
export async function measureThere(
  folder: CollectFolder,
  state: CollectState,
  photos: readonly PhotoThere[],
  signal: AbortSignal,
  onMeasured: (entry: ThereEntry, done: number, total: number) => Promise<void>,
): Promise<void> {
  const kept = new Set(state.photos.map(({ file }) => file));
  const unknown: PhotoThere[] = [];
  for (const photo of photos) {
    if (kept.has(photo.file)) continue;
    const info = await stat(folder.file(photo.file)).catch(() => undefined);
    const known = state.there.get(photo.file);
    if (info !== undefined && (known?.size !== info.size || known.modified !== info.mtimeMs)) unknown.push(photo);
  }
  let done = 0;
  const measured = aheadOf(unknown, Math.max(2, availableParallelism()), ({ file }) => measure(folder, file));
  for await (const { outcome } of measured) {
    signal.throwIfAborted();
    done++;
    if (outcome.status === "fulfilled") await onMeasured(outcome.value, done, unknown.length);
  }
}

async function measure(folder: CollectFolder, file: string): Promise<ThereEntry> {
  const path = folder.file(file);
  const { size, mtimeMs: modified } = await stat(path);
  const bytes = await readPhotoFile(path, file);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  // Broken ones count by their bytes alone.
  const look = await inspectPhoto(bytes, file).then(
    ({ grey }) => lookText({ hashes: orientedHashes(grey), sketch: sketchOf(grey) }),
    () => ({}),
  );
  return { event: "there", file, size, modified, sha256, ...look };
}
