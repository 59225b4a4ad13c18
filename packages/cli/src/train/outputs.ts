// What a finished training leaves in its run directory: the model, its weights, the report and the card.

import { basename } from "node:path";
import {
  type Learner,
  type NetworkSpec,
  type Preprocess,
  type Split,
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
import { metricsOf, trainReport } from "./summary.ts";

export interface Finished {
  readonly run: RunDirectory;
  readonly config: RunConfig;
  readonly start: StartWeights;
  readonly spec: NetworkSpec;
  readonly preprocess: Preprocess;
  readonly photos: TrainPhotos;
  readonly split: Split;
  readonly learner: Learner;
  readonly validation: Validation;
  /** Seconds that decoding took. */
  readonly caching: number;
}

/** Tensors this large and larger are stored in half precision: small ones, statistics among them, cost nothing. */
const HALF_FROM = 4096;

/** @returns the metrics, as they are in the model's metadata */
export async function writeOutputs(parts: Finished): Promise<ReturnType<typeof metricsOf>> {
  const { run, config, start, spec, preprocess, photos, learner, validation, split } = parts;
  const { classes, fingerprint } = photos.main;
  const metrics = metricsOf(classes, validation, split);
  const state = learner.weights;
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
  });
  await run.write("model", model);
  // `entry` tells a later training how these weights pad and normalise.
  const metadata = {
    ...(license !== "none" && license !== "unknown" && { entry: start.entry.name }),
    labels: JSON.stringify(classes),
  };
  await run.write("weights", writeSafetensors(state, metadata, { halfFrom: HALF_FROM }));
  const heldOut = split.valid.map((index) => photos.main.files[index]!);
  await run.write("predictions", predictionsCsv(classes, heldOut, validation));
  await run.write("report", renderTrainReport(await trainReport(parts)));
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
  });
  await run.write("card", card);
  return metrics;
}
