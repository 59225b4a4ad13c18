// `ballsight train`: folders of photos in, a run directory with a recogniser out.

import { resolve } from "node:path";
import type { State } from "@ballsight/grad";
import {
  type EpochRow,
  fail,
  Generator,
  HEADS,
  Learner,
  mobilenetV2,
  type NetworkSpec,
  type Position,
  type Preprocess,
  randomSplit,
  type Split,
  STREAMS,
  stratifiedSplit,
  type Validation,
  writeModelFile,
} from "@ballsight/vision";
import { readDataset } from "../data/dataset.ts";
import { Progress } from "../output/progress.ts";
import { tableHeader, tableRow } from "../output/trainTable.ts";
import { renderTrainReport } from "../report/trainReport.ts";
import type { HistoryRow } from "../run/history.ts";
import { openRun, type RunDirectory, runName } from "../run/runDirectory.ts";
import { readCheckpoint, writeCheckpoint } from "../train/checkpoint.ts";
import { expectSameConfig, type RunConfig, runConfig, type TrainOptions } from "../train/options.ts";
import { openTrainPhotos, type TrainPhotos } from "../train/photos.ts";
import { metricsOf, trainReport } from "../train/summary.ts";
import { loadWeights, type StartWeights } from "../train/weights.ts";
import { type WorkerEngine, workerEngine } from "../train/workerEngine.ts";

const ARCHITECTURES = { [mobilenetV2.name]: mobilenetV2 };

/** Returns the exit code: 0 trained, 1 interrupted (a checkpoint is there). Throws on wrong options and data (exit code 2). */
export async function train(data: string | undefined, options: TrainOptions): Promise<number> {
  const { run, config, checkpoint } = await openTraining(data, options);
  try {
    return await trainIn(run, config, checkpoint, options);
  } finally {
    await run.close();
  }
}

interface Opened {
  readonly run: RunDirectory;
  readonly config: RunConfig;
  readonly checkpoint?: { readonly state: State; readonly position: Position };
}

async function openTraining(data: string | undefined, options: TrainOptions): Promise<Opened> {
  if (options.resume) {
    if (options.out === undefined)
      fail("BAD_OPTION", { option: "--out", expected: "the run to go on with", received: "nothing" });
    const run = await openRun(options.out, { resume: true });
    try {
      const config = (await run.readConfig()) as unknown as RunConfig;
      expectSameConfig(config, options, data, options.out);
      const bytes = await run.read("checkpoint");
      // Killed before the first epoch ended: the same settings start it again.
      return { run, config, ...(bytes && { checkpoint: readCheckpoint(bytes, run.file("checkpoint")) }) };
    } catch (error) {
      await run.close();
      throw error;
    }
  }
  if (data === undefined)
    fail("BAD_OPTION", { option: "<data>", expected: "a folder of class folders", received: "nothing" });
  const config = runConfig(resolve(data), options);
  // What can be wrong with data and weights is said before a folder is made.
  await Promise.all([readDataset(config.data), loadWeights(config.arch, config.weights)]);
  const run = await openRun(options.out ?? `runs/${runName(config.arch, new Date())}`);
  await run.writeConfig(config);
  return { run, config };
}

async function trainIn(
  run: RunDirectory,
  config: RunConfig,
  checkpoint: Opened["checkpoint"],
  options: TrainOptions,
): Promise<number> {
  const say = (line: string) => void (options.json ? undefined : process.stdout.write(`${line}\n`));
  const warn = (line: string) => void process.stderr.write(`ballsight: ${line}\n`);
  const progress = new Progress({ stream: process.stderr, silent: options.json === true });
  const { learner: settings } = config;
  const start = await loadWeights(config.arch, config.weights);
  const dataset = await readDataset(config.data);
  const preprocess: Preprocess = {
    size: settings.size,
    resize: config.resize,
    resample: "bilinear",
    antialias: true,
    crop: "center",
    mean: start.entry.mean,
    std: start.entry.std,
  };

  const began = performance.now();
  const photos = await openTrainPhotos(dataset, preprocess, settings, options.cache, progress);
  const caching = (performance.now() - began) / 1000;
  for (const { message } of photos.main.warnings) warn(message);
  for (const { file, message, code } of photos.main.unreadable) warn(`${file}: ${message} [${code}]`);

  const { classes, targets } = photos.main;
  const split = config.stratify
    ? stratifiedSplit(targets, config.valid, settings.seed)
    : randomSplit(targets.length, config.valid, settings.seed);
  expectEnough(split, config.data);
  const spec: NetworkSpec = {
    architecture: ARCHITECTURES[start.entry.architecture]!,
    padding: start.entry.padding,
    head: settings.head,
    classes: classes.length,
    mean: start.entry.mean,
    std: start.entry.std,
  };
  say(
    `${classes.length} classes, ${split.train.length} photos to train on, ${split.valid.length} held out; weights ${start.name}; run ${run.path}`,
  );

  const engine = workerEngine();
  const stop = interruptOnSignals(() => progress.clear());
  try {
    const learner = new Learner({
      engine,
      spec,
      config: settings,
      state: checkpoint?.state ?? initialState(spec, start, settings.seed),
      source: photos.bySize,
      split,
      ...(checkpoint && { position: checkpoint.position }),
      stopping: stop.asked,
      onBatch: batchPrinter(progress),
      onEpoch: (row) => {
        progress.clear();
        if (options.json) process.stdout.write(`${JSON.stringify(row)}\n`);
        else {
          if (row.epoch === 0) say(tableHeader());
          say(tableRow(historyRow(row)));
        }
      },
      onCheckpoint: async (state, position) => {
        await run.write("checkpoint", writeCheckpoint(state, position));
        await run.writeHistory(position.rows.map(historyRow));
      },
    });
    const validation = await learner.fineTune();
    await finish({
      run,
      config,
      start,
      spec,
      preprocess,
      photos,
      split,
      learner,
      validation,
      caching,
      engine,
      json: options.json === true,
    });
    say(`\nheld-out accuracy ${(100 * validation.accuracy).toFixed(2)} % of ${split.valid.length} photos`);
    say(`model   ${run.file("model")}\nreport  ${run.file("report")}`);
    return 0;
  } catch (error) {
    if (!stop.asked()) throw error;
    warn(`stopped; go on with: ballsight train --resume --out ${run.path}`);
    return 1;
  } finally {
    progress.clear();
    stop.restore();
    await engine.close();
    await photos.close();
  }
}

interface Finished {
  readonly run: RunDirectory;
  readonly config: RunConfig;
  readonly start: StartWeights;
  readonly spec: NetworkSpec;
  readonly preprocess: Preprocess;
  readonly photos: TrainPhotos;
  readonly split: Split;
  readonly learner: Learner;
  readonly validation: Validation;
  readonly caching: number;
  readonly engine: WorkerEngine;
  readonly json: boolean;
}

async function finish(parts: Finished): Promise<void> {
  const { run, start, spec, preprocess, photos, learner, validation, split } = parts;
  const metrics = metricsOf(photos.main.classes, validation, split);
  const model = writeModelFile({
    spec,
    state: learner.weights,
    labels: photos.main.classes,
    preprocess,
    weights: start.name,
    license: start.entry.license,
    metrics,
    data: photos.main.fingerprint,
  });
  await run.write("model", model);
  await run.write("report", renderTrainReport(await trainReport(parts)));
  if (parts.json)
    process.stdout.write(`${JSON.stringify({ ...metrics, model: run.file("model"), report: run.file("report") })}\n`);
}

function initialState(spec: NetworkSpec, start: StartWeights, seed: number): State {
  const random = new Generator({ seed, stream: STREAMS.init });
  const head = HEADS[spec.head].initial(spec.architecture.features, spec.classes, random);
  const body = start.name === "none" ? spec.architecture.initial(random) : start.state;
  return new Map([...body, ...head]);
}

function expectEnough({ train: training, valid }: Split, name: string): void {
  const advice = "add photos, or hold out another share with --valid";
  if (training.length < 2) fail("DATA_TOO_FEW", { name, least: 2, received: training.length, advice });
  if (valid.length < 1) fail("DATA_TOO_FEW", { name, least: 1, received: valid.length, advice });
}

const historyRow = (row: EpochRow): HistoryRow => ({
  epoch: row.epoch,
  trainLoss: row.trainLoss,
  validLoss: row.validLoss,
  errorRate: row.errorRate,
  accuracy: row.accuracy,
  seconds: row.seconds,
  phase: row.phase,
  lr: row.lr,
});

function batchPrinter(progress: Progress): NonNullable<ConstructorParameters<typeof Learner>[0]["onBatch"]> {
  let label = "";
  return ({ phase, epoch, epochs, step, steps, smooth }) => {
    const next = `${phase === "frozen" ? "Frozen epoch" : "Epoch"} ${epoch + 1}/${epochs}`;
    if (next !== label) progress.start(next);
    label = next;
    progress.update({ done: step, total: steps, smoothLoss: smooth });
  };
}

/** The first Ctrl-C (or SIGTERM) asks to stop after the step; a second one ends the program at once. */
function interruptOnSignals(onAsk: () => void): { asked: () => boolean; restore: () => void } {
  let asked = false;
  const handler = () => {
    if (asked) process.exit(130);
    asked = true;
    onAsk();
    process.stderr.write("ballsight: stopping after this step, with a checkpoint (again to stop at once)\n");
  };
  process.on("SIGINT", handler).on("SIGTERM", handler);
  return {
    asked: () => asked,
    restore: () => void process.off("SIGINT", handler).off("SIGTERM", handler),
  };
}
