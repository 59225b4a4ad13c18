// A data set and a model in, findings out: the pass, held by one process at a time, and all checks.

import { join, resolve } from "node:path";
import { loadSharp } from "@ballsight/server/photos";
import { fail, type Recognizer } from "@ballsight/vision";
import { lockCacheFolder, userCache } from "../data/cacheFolder.ts";
import type { Dataset } from "../data/dataset.ts";
import { Metadata } from "../data/metadata.ts";
import { readEntries } from "../decisions/journal.ts";
import { Decisions } from "../decisions/state.ts";
import { loadRecognizer } from "../model/load.ts";
import type { Progress } from "../output/progress.ts";
import { warn } from "../output/warn.ts";
import { hashFile } from "../trash/move.ts";
import { type Findings, type FindOptions, findIssues, type Judge } from "./find.ts";
import { type Passed, passOver, recordsFolder } from "./pass.ts";
import type { Thresholds } from "./thresholds.ts";

export interface CleanDatasetOptions {
  readonly dataset: Dataset;
  /** Path of the model file. */
  readonly model: string;
  /** `--cache`. */
  readonly cache: string | undefined;
  readonly thresholds: Thresholds;
  readonly progress: Progress;
  /** Between the pass and the checks. */
  readonly onPassed?: (passed: Passed, recognizer: Recognizer) => void;
  /** Who says what photos are, instead of heads on the model's embeddings. */
  readonly judge?: Judge;
}

export interface Cleaned {
  readonly passed: Passed;
  readonly findings: Findings;
}

/** @throws NO_PHOTOS where none can be read, and what the model and the cache throw */
export async function cleanDataset(options: CleanDatasetOptions): Promise<Cleaned> {
  const { dataset, model, cache, thresholds, progress, onPassed, judge } = options;
  const [runtime, recognizer, hash, metadata, { entries }] = await Promise.all([
    import("onnxruntime-node"),
    loadRecognizer(model),
    hashFile(model),
    Metadata.read(dataset.dir),
    readEntries(dataset.dir),
    loadSharp(),
  ]);
  const passed = await withRecords(dataset, cache, (folder) => {
    progress.start("Photos");
    return passOver({
      dataset,
      recognizer,
      model: hash!,
      folder,
      onProgress: (done, total) => progress.update({ done, total }),
    });
  });
  progress.clear();
  if (passed.photos.length === 0) fail("NO_PHOTOS", { name: dataset.dir });
  onPassed?.(passed, recognizer);
  let stage = "";
  const findings = await findIssues({
    runtime,
    passed,
    classes: dataset.classes,
    metadata,
    isReviewed: reviewedBy(new Decisions(entries), passed),
    thresholds,
    ...(judge !== undefined && { judge }),
    onProgress: (label, done, total) => {
      if (label !== stage) progress.start(label);
      stage = label;
      progress.update({ done, total });
    },
  });
  progress.clear();
  await recognizer.release();
  return { passed, findings };
}

/** Kept as it is, or put where it lies now, by a decision that stands. */
function reviewedBy(decisions: Decisions, { photos }: Passed): NonNullable<FindOptions["isReviewed"]> {
  const names = new Map<string, Set<string>>();
  for (const { sha256, file } of photos) names.set(sha256, (names.get(sha256) ?? new Set()).add(file));
  return (photo) => {
    const decision = decisions.for(photo, names.get(photo.sha256)!);
    if (decision === undefined) return false;
    return decision.action === "keep" ? decision.from === photo.label : decision.to === photo.label;
  };
}

/** Where what was seen of a data set is kept. */
export function recordsOf({ dir }: Dataset, option: string | undefined): string {
  const root = option ?? process.env.BALLSIGHT_CACHE;
  return recordsFolder(join(root ? resolve(root) : userCache(), "clean"), dir);
}

/** The cache is held while it is filled: two processes at once would write over each other. */
async function withRecords<T>(
  dataset: Dataset,
  option: string | undefined,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = recordsOf(dataset, option);
  const lock = await lockCacheFolder(folder, {
    onWait: (holder) => warn(`waiting for ${holder}, which looks at these photos`),
  });
  try {
    return await work(folder);
  } finally {
    await lock.release();
  }
}
