// Which photos are measured: all, or the part that a training held out, with what must be said of that choice.

import { join } from "node:path";
import { decodeFile } from "@ballsight/server/photos";
import { randomSplit, type Split, stratifiedSplit } from "@ballsight/vision";
import type { Dataset } from "../data/dataset.ts";
import { aheadOf } from "../images/aheadOf.ts";
import { DECODE_AHEAD } from "./answers.ts";
import type { EvaluateSettings, SplitSettings } from "./options.ts";
import { fingerprintOf, hashPhotos, type TrainingRecord } from "./provenance.ts";

export interface ChosenPhotos {
  /** Into the data set's files, ascending. */
  readonly indices: readonly number[];
  /** Why photos cannot be read, where that had to be known before. */
  readonly failures: ReadonlyMap<number, unknown>;
  /** Whether the model was trained on this very list; undefined where it does not say. `failed`: what could not be read. */
  readonly isTrainedOn: (failed: ReadonlyMap<number, unknown>) => boolean | undefined;
}

export interface ChooseOptions {
  readonly dataset: Dataset;
  readonly settings: Pick<EvaluateSettings, "part" | "split">;
  readonly record: TrainingRecord;
  readonly onProgress: (done: number) => void;
}

/** A training splits the photos that it can read, so a part is known only once it is known which those are. */
export async function choosePhotos({ dataset, settings, record, onProgress }: ChooseOptions): Promise<ChosenPhotos> {
  const { part, split } = settings;
  const all = [...dataset.files.keys()];
  const hashes = record.data === undefined ? [] : await hashPhotos(dataset);
  const isTrainedOn = (failed: ReadonlyMap<number, unknown>) =>
    record.data === undefined
      ? undefined
      : fingerprintOf(dataset, hashes, (index) => !failed.has(index)) === record.data;
  if (part === "all") return { indices: all, failures: new Map(), isTrainedOn };
  // The list of a training that could read all of them saves decoding everything to learn the same.
  const failures = isTrainedOn(new Map()) ? new Map<number, unknown>() : await findUnreadable(dataset, onProgress);
  const readable = all.filter((index) => !failures.has(index));
  const indices = splitReadable(dataset, readable, split)[part].sort((a, b) => a - b);
  return { indices, failures, isTrainedOn };
}

/** The split that `train` makes of these photos; indices into the data set's files. */
function splitReadable(dataset: Dataset, readable: readonly number[], { valid, seed, stratify }: SplitSettings): Split {
  const targets = readable.map((index) => dataset.targets[index]!);
  const split = stratify ? stratifiedSplit(targets, valid, seed) : randomSplit(targets.length, valid, seed);
  const inDataset = (rows: readonly number[]) => rows.map((row) => readable[row]!);
  return { train: inDataset(split.train), valid: inDataset(split.valid) };
}

async function findUnreadable(dataset: Dataset, onProgress: (done: number) => void): Promise<Map<number, unknown>> {
  const failures = new Map<number, unknown>();
  let done = 0;
  for await (const { outcome } of aheadOf(dataset.files, DECODE_AHEAD, (file) =>
    decodeFile(join(dataset.dir, file), file).then(() => undefined),
  )) {
    if (outcome.status === "rejected") failures.set(done, outcome.reason);
    onProgress(++done);
  }
  return failures;
}

export interface Seen {
  readonly dataset: Dataset;
  readonly settings: Pick<EvaluateSettings, "part" | "split" | "splitFrom">;
  readonly record: TrainingRecord;
  /** As `isTrainedOn` found out. */
  readonly trainedOn: boolean | undefined;
  readonly failures: ReadonlyMap<number, unknown>;
  /** The label that the model has for each class folder, or undefined. */
  readonly labelOf: readonly (string | undefined)[];
}

/** Says in one line when the model has, or may have, seen what it is measured on. */
export function flattery({ dataset, settings, record, trainedOn, failures, labelOf }: Seen): string | undefined {
  const { part, split, splitFrom } = settings;
  if (part === "all") {
    if (!trainedOn) return undefined;
    const how = splitFrom === undefined ? " and the --valid, --seed and --stratify of its training" : "";
    return `the model was trained on these photos and its accuracy on them is flattered; measure the ones it never saw with --split valid${how}`;
  }
  if (trainedOn === undefined)
    return "the model does not say which photos it was trained on: some of these may be among them";
  if (!trainedOn)
    return "the model was trained on another list of photos than this one, so that this split is not its own: some of these may have been trained on";
  const readable = [...dataset.files.keys()].filter((index) => !failures.has(index));
  const agrees = (settings: SplitSettings) => {
    const counts = new Map<string, number>();
    for (const index of splitReadable(dataset, readable, settings).valid) {
      const label = labelOf[dataset.targets[index]!];
      if (label !== undefined) counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    return [...(record.heldOut ?? [])].every(([label, support]) => (counts.get(label) ?? 0) === support);
  };
  if (!agrees(split)) {
    const other = agrees({ ...split, stratify: true })
      ? "add --stratify"
      : "give the --valid, --seed and --stratify of it";
    return `the model's training held out other photos than these settings do, so that it has seen some of them: ${other}`;
  }
  return part === "train"
    ? "the model was trained on these photos and its accuracy on them is flattered; measure the ones it never saw with --split valid"
    : undefined;
}
