// What a training amounts to: the metrics in the model file and the data of its report.

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import {
  classScores,
  confusionMatrix,
  expectedCalibrationError,
  type Learner,
  mostConfused,
  type Split,
  type Validation,
  wilsonInterval,
} from "@ballsight/vision";
import { loadSharp } from "../images/decode.ts";
import type { TrainReport, WorstPhoto } from "../report/trainReport.ts";
import type { RunDirectory } from "../run/runDirectory.ts";
import type { RunConfig } from "./options.ts";
import type { TrainPhotos } from "./photos.ts";
import type { StartWeights } from "./weights.ts";

/** This program's version. */
const version = () =>
  (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }).version;

/** Photos shown in the report. */
const WORST = 24;
const THUMBNAIL = 160;

export function metricsOf(
  classes: readonly string[],
  { accuracy, loss, predicted, probabilities, targets }: Validation,
  split: Split,
) {
  const confusion = confusionMatrix(predicted, targets, classes.length);
  const hits = Math.round(accuracy * targets.length);
  return {
    accuracy,
    loss,
    count: targets.length,
    trained_on: split.train.length,
    interval95: wilsonInterval(hits, targets.length),
    classes: classScores(confusion).map((scores, index) => ({ label: classes[index]!, ...scores })),
    confusion,
    expected_calibration_error: expectedCalibrationError(probabilities, targets, classes.length),
    most_confused: mostConfused(confusion)
      .slice(0, 10)
      .map(({ actual, predicted: other, count }) => ({ actual: classes[actual], predicted: classes[other], count })),
  };
}

interface ReportParts {
  readonly run: RunDirectory;
  readonly config: RunConfig;
  readonly start: StartWeights;
  readonly photos: TrainPhotos;
  readonly split: Split;
  readonly learner: Learner;
  readonly validation: Validation;
  readonly caching: number;
}

export async function trainReport(parts: ReportParts): Promise<TrainReport> {
  const { run, config, start, photos, split, learner, validation, caching } = parts;
  const { rows, curve } = learner.position;
  const { classes } = photos.main;
  const steps = Math.max(1, Math.floor(split.train.length / Math.min(config.learner.batch, split.train.length)));
  const sum = (pick: (row: (typeof rows)[number]) => number) => rows.reduce((total, row) => total + pick(row), 0);
  const { augment, ...settings } = config.learner;
  return {
    title: basename(run.path),
    finishedAt: new Date().toISOString(),
    program: `ballsight ${version()}`,
    result: { accuracy: validation.accuracy, validLoss: validation.loss, count: split.valid.length },
    history: rows,
    steps: curve.map(({ step, loss, lr }) => ({
      loss,
      lr,
      epoch: Math.min(Math.floor((step - 1) / steps), rows.length - 1),
    })),
    settings: [
      ["data", config.data],
      ["arch", config.arch],
      ["weights", start.name],
      ["held out", `${config.valid} (${config.stratify ? "stratified" : "random"}, seed ${settings.seed})`],
      ["resize", config.resize],
      ...Object.entries(settings),
      ["augmentation", JSON.stringify(augment)],
    ],
    classes,
    confusion: confusionMatrix(validation.predicted, validation.targets, classes.length),
    worst: await worstPhotos(config.data, photos, split, validation),
    times: {
      total: caching + sum((row) => row.seconds),
      engine: sum((row) => row.engineSeconds),
      dataWaited: sum((row) => row.waitSeconds),
      caching,
    },
    unreadable: photos.main.unreadable,
    warnings: photos.warnings,
  };
}

async function worstPhotos(
  folder: string,
  photos: TrainPhotos,
  split: Split,
  validation: Validation,
): Promise<WorstPhoto[]> {
  const { classes, files } = photos.main;
  const { probabilities, predicted, targets } = validation;
  const ranked = [...targets]
    .map((target, row) => ({ row, loss: -Math.log(Math.max(probabilities[row * classes.length + target]!, 1e-12)) }))
    .sort((a, b) => b.loss - a.loss)
    .slice(0, WORST);
  return Promise.all(
    ranked.map(async ({ row, loss }) => {
      const file = files[split.valid[row]!]!;
      const thumbnail = await thumbnailOf(join(folder, file));
      return {
        file,
        actual: classes[targets[row]!]!,
        predicted: classes[predicted[row]!]!,
        loss,
        probability: probabilities[row * classes.length + predicted[row]!]!,
        ...(thumbnail !== undefined && { thumbnail }),
      };
    }),
  );
}

/** A small JPEG as a data URL; undefined where the photo has gone since. */
async function thumbnailOf(path: string): Promise<string | undefined> {
  try {
    const sharp = await loadSharp();
    const jpeg = await sharp(path)
      .autoOrient()
      .resize(THUMBNAIL, THUMBNAIL, { fit: "inside" })
      .flatten({ background: "#fff" })
      .jpeg({ quality: 70 })
      .toBuffer();
    return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
  } catch {
    return undefined;
  }
}
