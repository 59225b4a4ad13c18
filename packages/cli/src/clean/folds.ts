// Out-of-fold probabilities by whole fine-tunes: k trainings, each of which judges the photos that it never saw. Hours, where heads take seconds.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { assignFolds, BallsightError } from "@ballsight/vision";
import { startTraining } from "../compare/trainingProcess.ts";
import type { Dataset } from "../data/dataset.ts";
import { type DataVersion, formatVersion, versionOf } from "../data/version.ts";
import { answerPhotos } from "../evaluate/answers.ts";
import { loadRecognizer } from "../model/load.ts";
import type { Progress } from "../output/progress.ts";
import { warn } from "../output/warn.ts";
import { RUN_FILES } from "../run/runDirectory.ts";
import { makeFolders, writeAtomic } from "../run/writeAtomic.ts";
import type { Judge } from "./find.ts";
import type { PassedPhoto } from "./pass.ts";

export interface FoldsOptions {
  readonly dataset: Dataset;
  readonly folds: number;
  /** The runs are kept below, by photos, labels and settings: what is trained is not trained again. */
  readonly root: string;
  /** Further arguments of `ballsight train`. */
  readonly args: readonly string[];
  readonly progress: Progress;
}

const SEED = 42;

export function foldsJudge(options: FoldsOptions): Judge {
  const { dataset, folds, root, args, progress } = options;
  const { classes } = dataset;
  return async (photos, groups) => {
    const targets = photos.map(({ target }) => target);
    const foldOf = assignFolds(targets, groups, folds, SEED);
    const probabilities = new Float32Array(photos.length * classes.length).fill(1 / classes.length);
    const key = createHash("sha256").update(JSON.stringify([folds, args, classes]));
    for (const [row, { sha256, target }] of photos.entries()) key.update(`${sha256} ${target} ${foldOf[row]}\n`);
    const folder = join(root, `folds-${key.digest("hex").slice(0, 16)}`);
    await makeFolders(folder);
    for (let fold = 0; fold < folds; fold++) {
      const held = [...photos.keys()].filter((row) => foldOf[row] === fold);
      if (held.length === 0) continue;
      const run = await trainFold(fold, versionFor(photos, classes, foldOf, fold), folder, options);
      const recognizer = await loadRecognizer(join(run, RUN_FILES.model));
      // A class with no photo outside of this fold is unknown to its model.
      const columns = recognizer.labels.map((label) => classes.indexOf(label));
      progress.start(`Fold ${fold + 1}/${folds} judges`);
      const answers = await answerPhotos({
        recognizer,
        dataset,
        indices: held.map((row) => photos[row]!.index),
        labelOf: classes.map((label) => recognizer.labels.indexOf(label)),
        onFailure: (index, error) => warn(`${dataset.files[index]}: ${(error as Error).message}`),
        onProgress: (done) => progress.update({ done, total: held.length }),
      });
      progress.clear();
      await recognizer.release();
      const rowOf = new Map(held.map((row) => [photos[row]!.index, row]));
      for (const [i, index] of answers.indices.entries()) {
        const row = rowOf.get(index)!;
        probabilities.fill(0, row * classes.length, (row + 1) * classes.length);
        for (const [k, column] of columns.entries()) {
          probabilities[row * classes.length + column] = answers.probabilities[i * columns.length + k]!;
        }
      }
    }
    return probabilities;
  };
}

function versionFor(
  photos: readonly PassedPhoto[],
  classes: readonly string[],
  foldOf: Int32Array,
  fold: number,
): DataVersion {
  const list = {
    files: photos.map(({ file }) => file),
    sha256: photos.map(({ sha256 }) => sha256),
    labels: photos.map(({ target }) => classes[target]!),
  };
  const rows = [...photos.keys()];
  return versionOf(list, {
    valid: rows.filter((row) => foldOf[row] === fold),
    train: rows.filter((row) => foldOf[row] !== fold),
  });
}

/** Returns the run's folder. @throws TRAINING_ENDED and what else ends a training */
async function trainFold(fold: number, version: DataVersion, folder: string, options: FoldsOptions): Promise<string> {
  const { dataset, args, progress, folds } = options;
  const run = join(folder, `fold-${fold}`);
  if (existsSync(join(run, RUN_FILES.card))) return run;
  const file = join(folder, `fold-${fold}.jsonl`);
  await writeAtomic(file, formatVersion(version));
  const how = existsSync(join(run, RUN_FILES.config)) ? ["--resume"] : [dataset.dir, "--data-version", file, ...args];
  let shown = "";
  const { error } = await startTraining(`fold ${fold}`, [...how, "--out", run], {
    onEpoch: () => undefined,
    onProgress: ({ label, done, total }) => {
      if (label !== shown) progress.start(`Fold ${fold + 1}/${folds} ${label}`);
      shown = label;
      progress.update({ done, ...(total !== undefined && { total }) });
    },
    onLine: (line) => {
      // Said by each fold of all the others' photos.
      if (!line.includes("this version")) warn(`fold ${fold}: ${line}`);
    },
  }).ended;
  progress.clear();
  if (error !== undefined) {
    throw new BallsightError("TRAINING_ENDED", { name: `fold ${fold}`, reason: error.message });
  }
  return run;
}
