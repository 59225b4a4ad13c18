// What a finished training leaves in its run directory: the model, its weights, the report and the card.

import { basename } from "node:path";
import type { Engine, State } from "@ballsight/grad";
import {
  calibrate,
  type Learner,
  type NetworkSpec,
  type Preprocess,
  type Split,
  score,
  testTimeAugmentation,
  type Validation,
  writeModelFile,
  writeSafetensors,
} from "@ballsight/vision";
import { predictionsCsv } from "../evaluate/result.ts";
import { renderModelCard } from "../report/modelCard.ts";
import { renderTrainReport } from "../report/trainReport.ts";
import type { RunDirectory } from "../run/runDirectory.ts";
import type { StartWeights } from "../weights/startWeights.ts";
import { commandOf, type RunConfig } from "./options.ts";
import type { TrainPhotos } from "./photos.ts";
import { calibrationRemark, endRemarks, type TtaResult, ttaRemark } from "./remarks.ts";
import { metricsOf, trainReport } from "./summary.ts";

export interface Finished {
  readonly run: RunDirectory;
  readonly config: RunConfig;
  readonly start: StartWeights;
  readonly spec: NetworkSpec;
  readonly preprocess: Preprocess;
  readonly photos: TrainPhotos;
  readonly split: Split;
  readonly engine: Engine;
  readonly learner: Learner;
  readonly validation: Validation;
  /** Seconds that decoding took. */
  readonly caching: number;
}

/** Tensors this large and larger are stored in half precision: small ones, statistics among them, cost nothing. */
const HALF_FROM = 4096;

/** Measures what was asked for besides, writes all files, and returns the figures and what is to be said of them. */
export async function writeOutputs(parts: Finished) {
  const { run, config, start, spec, preprocess, photos, learner, validation, split } = parts;
  const { classes, fingerprint } = photos.main;
  const state = learner.weights;
  const tta = config.tta > 0 ? await measureTta(parts, state) : undefined;
  const calibration = config.calibrate
    ? calibrate(validation.probabilities, validation.targets, spec.classes)
    : undefined;
  const { ends } = learner.position;
  const remarks = [
    ...(tta ? [ttaRemark(tta, validation)] : []),
    ...(calibration ? [calibrationRemark(calibration)] : []),
  ];
  const allRemarks = [...endRemarks(ends, config.learner), ...remarks];
  const metrics = {
    ...metricsOf(classes, validation, split),
    phases: ends,
    ...(tta && { test_time_augmentation: tta }),
    ...(calibration && {
      calibration: {
        temperature: calibration.temperature,
        expected_calibration_error: calibration.before,
        cross_fitted_calibration_error: calibration.crossFitted,
      },
    }),
  };
  const { license } = start;
  const model = writeModelFile({
    spec,
    state,
    labels: classes,
    preprocess,
    weights: start.name,
    license,
    metrics,
    data: fingerprint,
    ...(calibration && { temperature: calibration.temperature }),
  });
  await run.write("model", model);
  // `entry` tells a later training how these weights pad and normalise, whatever their licence is.
  const metadata = { entry: start.entry.name, license, labels: JSON.stringify(classes) };
  await run.write("weights", writeSafetensors(state, metadata, { halfFrom: HALF_FROM }));
  const heldOut = split.valid.map((index) => photos.main.files[index]!);
  await run.write("predictions", predictionsCsv(classes, heldOut, validation));
  await run.write("report", renderTrainReport(await trainReport({ ...parts, remarks: allRemarks })));
  const card = renderModelCard({
    ...metrics,
    title: basename(run.path),
    trainedOn: metrics.trained_on,
    architecture: spec.architecture.name,
    weights: start.name,
    license,
    data: fingerprint,
    split: `${config.valid} of the photos, ${config.stratify ? "the same share of every class" : "at random"}, seed ${config.learner.seed}`,
    command: commandOf(config),
    history: learner.position.rows,
    remarks: allRemarks,
  });
  await run.write("card", card);
  return { metrics, remarks };
}

async function measureTta({ engine, spec, config, photos, split }: Finished, state: State): Promise<TtaResult> {
  const { size, testSize, augment, seed, labelSmoothing } = config.learner;
  const source = photos.bySize(size);
  const options = { size, testSize, augment, seed, passes: config.tta };
  const probabilities = await testTimeAugmentation(engine, spec, state, source, split.valid, options);
  const targets = split.valid.map((index) => source.targets[index]!);
  const { accuracy, loss } = score(probabilities, targets, spec.classes, labelSmoothing);
  return { passes: config.tta, accuracy, loss };
}
