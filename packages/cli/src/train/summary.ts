// What a training amounts to: the metrics in the model file and the data of its report.

import { basename } from "node:path";
import { epochShape, type Learner, type Split, type Validation } from "@ballsight/vision";
import { measure } from "../evaluate/measure.ts";
import { describePhotos, rankByLoss, withThumbnails } from "../evaluate/topLosses.ts";
import { programName } from "../output/version.ts";
import type { TrainReport } from "../report/trainReport.ts";
import type { RunDirectory } from "../run/runDirectory.ts";
import type { StartWeights } from "../weights/startWeights.ts";
import type { RunConfig } from "./options.ts";
import type { TrainPhotos } from "./photos.ts";

/** Photos shown in the report. */
const WORST = 24;

export function metricsOf(classes: readonly string[], validation: Validation, split: Split) {
  return {
    ...measure(classes, validation).metrics,
    // With the training's label smoothing, as in the history.
    loss: validation.loss,
    trained_on: split.train.length,
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
  readonly remarks: readonly string[];
}

export async function trainReport(parts: ReportParts): Promise<TrainReport> {
  const { run, config, start, photos, split, learner, validation, caching, remarks } = parts;
  const { rows, curve } = learner.position;
  const { classes } = photos.main;
  const sum = (pick: (row: (typeof rows)[number]) => number) => rows.reduce((total, row) => total + pick(row), 0);
  const { augment, ...settings } = config.learner;
  const { metrics, reliability } = measure(classes, validation);
  const heldOut = split.valid.map((index) => photos.main.files[index]!);
  const worst = rankByLoss(describePhotos(classes, heldOut, validation), WORST);
  return {
    title: basename(run.path),
    finishedAt: new Date().toISOString(),
    program: programName(),
    result: { accuracy: validation.accuracy, validLoss: validation.loss, count: split.valid.length },
    history: rows,
    curve,
    stepsPerEpoch: epochShape(split.train.length, config.learner).steps,
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
    confusion: metrics.confusion,
    reliability,
    calibrationError: metrics.expected_calibration_error,
    worst: await withThumbnails(config.data, worst),
    times: {
      total: caching + sum((row) => row.seconds),
      engine: sum((row) => row.engineSeconds),
      dataWaited: sum((row) => row.waitSeconds),
      caching,
    },
    remarks,
    unreadable: photos.main.unreadable,
    warnings: photos.warnings,
  };
}
