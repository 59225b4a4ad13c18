// `ballsight train`: folders of photos in, a run directory with a recogniser out.

import { existsSync } from "node:fs";
import { rmdir, unlink } from "node:fs/promises";
import { resolve } from "node:path";
import type { State } from "@ballsight/grad";
import {
  ARCHITECTURES,
  BallsightError,
  type EpochRow,
  fail,
  Generator,
  HEADS,
  Learner,
  type NetworkSpec,
  type Preprocess,
  randomSplit,
  type Split,
  STREAMS,
  stratifiedSplit,
} from "@ballsight/vision";
import { readDataset } from "../data/dataset.ts";
import type { Progress } from "../output/progress.ts";
import { tableHeader, tableRow } from "../output/trainTable.ts";
import type { HistoryRow } from "../run/history.ts";
import { openRun, type RunDirectory, runName } from "../run/runDirectory.ts";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "../train/checkpoint.ts";
import { expectSameConfig, type RunConfig, runConfig, savedConfig, type TrainOptions } from "../train/options.ts";
import { writeOutputs } from "../train/outputs.ts";
import { openTrainPhotos, type TrainPhotos } from "../train/photos.ts";
import {
  abortOnSignals,
  followSupervisor,
  interruptOnSignals,
  isSupervised,
  trainingProgress,
} from "../train/supervision.ts";
import { workerEngine } from "../train/workerEngine.ts";
import { loadOptions, loadWeights, type StartWeights } from "../weights/startWeights.ts";

/** Returns the exit code: 0 trained, 1 interrupted (a checkpoint is there). Throws on wrong options and data (exit code 2). */
export async function train(data: string | undefined, options: TrainOptions): Promise<number> {
  followSupervisor();
  const opened = await openTraining(data, options);
  const { run } = opened;
  try {
    return await trainIn(opened, options);
  } catch (error) {
    // Nothing is learned yet, and a folder with settings alone would stand in the way of the corrected command.
    if (!options.resume && !existsSync(run.file("checkpoint"))) await unlink(run.file("config")).catch(() => undefined);
    throw error;
  } finally {
    await run.close();
    // Succeeds for an empty folder only.
    await rmdir(run.path).catch(() => undefined);
  }
}

interface Opened {
  readonly run: RunDirectory;
  readonly config: RunConfig;
  readonly start: StartWeights;
  readonly checkpoint?: Checkpoint;
}

async function openTraining(data: string | undefined, options: TrainOptions): Promise<Opened> {
  if (options.resume) {
    if (options.out === undefined)
      fail("BAD_OPTION", { option: "--out", expected: "the run to go on with", received: "nothing" });
    const run = await openRun(options.out, { resume: true });
    try {
      const config = savedConfig(await run.readConfig(), run.file("config"));
      expectSameConfig(config, options, data, options.out);
      const start = await loadWeights(config.arch, config.weights, loadOptions(options));
      const bytes = await run.read("checkpoint");
      // Killed before the first epoch ended: the same settings start it again.
      return { run, config, start, ...(bytes && { checkpoint: readCheckpoint(bytes, run.file("checkpoint")) }) };
    } catch (error) {
      await run.close();
      throw error;
    }
  }
  if (data === undefined)
    fail("BAD_OPTION", { option: "<data>", expected: "a folder of class folders", received: "nothing" });
  const wanted = runConfig(resolve(data), options);
  // What can be wrong with data and weights is said before a folder is made; with data first, as nobody should wait for
  // a download to hear of a wrong folder.
  await readDataset(wanted.data);
  const start = await loadWeights(wanted.arch, wanted.weights, loadOptions(options));
  // Settled now: another file may be at hand, or another folder be the current one, when the run goes on.
  const config = { ...wanted, weights: start.settled };
  const run = await openRun(options.out ?? `runs/${runName(config.arch, new Date())}`);
  await run.writeConfig(config);
  return { run, config, start };
}

async function trainIn({ run, config, start, checkpoint }: Opened, options: TrainOptions): Promise<number> {
  const say = (line: string) => void (options.json ? undefined : process.stdout.write(`${line}\n`));
  const warn = (line: string) => void process.stderr.write(`ballsight: ${line}\n`);
  const progress = trainingProgress(options.json);
  const { learner: settings } = config;
  const dataset = await readDataset(config.data);
  const preprocess: Preprocess = {
    size: settings.testSize,
    resize: config.resize,
    resample: "bilinear",
    antialias: true,
    crop: "center",
    mean: start.entry.mean,
    std: start.entry.std,
  };

  const began = performance.now();
  const reading = abortOnSignals();
  const photos = await openTrainPhotos(
    dataset,
    preprocess,
    settings,
    ARCHITECTURES[start.entry.architecture]!.stride,
    options.cache,
    progress,
    reading.signal,
  ).finally(reading.end);
  const caching = (performance.now() - began) / 1000;
  for (const message of photos.warnings) warn(message);
  for (const { file, message, code } of photos.main.unreadable) warn(`${file}: ${message} [${code}]`);

  const { classes, targets } = photos.main;
  const split = config.stratify
    ? stratifiedSplit(targets, config.valid, settings.seed)
    : randomSplit(targets.length, config.valid, settings.seed);
  expectEnough(split, config.data);
  expectSamePhotos(checkpoint, photos, config.data, run);
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

  if (start.name.endsWith(".sports_balls")) {
    warn("starts from the shipped recogniser, which has seen ball photos: its accuracy on those would be flattered");
  }
  let header = "";
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
          if (row.phase !== header) say(tableHeader());
          header = row.phase;
          say(tableRow(historyRow(row)));
        }
      },
      onCheckpoint: async (state, position) => {
        await run.write("checkpoint", writeCheckpoint({ state, position, data: photos.main.fingerprint }));
        await run.writeHistory(position.rows.map(historyRow));
      },
    });
    const validation = await learner.fineTune();
    const metrics = await writeOutputs({
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
    });
    if (options.json) {
      const files = { model: run.file("model"), report: run.file("report") };
      process.stdout.write(`${JSON.stringify({ ...metrics, ...files })}\n`);
    }
    say(`\nheld-out accuracy ${(100 * validation.accuracy).toFixed(2)} % of ${split.valid.length} photos`);
    say(`model   ${run.file("model")}\nreport  ${run.file("report")}`);
    return 0;
  } catch (error) {
    // Anything else, a full disk for one, means that there may be no checkpoint of this step.
    if (!(error instanceof BallsightError && error.code === "INTERRUPTED")) throw error;
    if (!isSupervised()) warn(`stopped; go on with: ballsight train --resume --out ${run.path}`);
    return 1;
  } finally {
    progress.clear();
    stop.restore();
    await engine.close();
    await photos.close();
  }
}

function initialState(spec: NetworkSpec, start: StartWeights, seed: number): State {
  const random = new Generator({ seed, stream: STREAMS.init });
  const head = HEADS[spec.head].initial(spec.architecture.features, spec.classes, random);
  const body = start.name === "none" ? spec.architecture.initial(random) : start.state;
  return new Map([...body, ...head]);
}

function expectEnough({ train: training, valid }: Split, name: string): void {
  const advice = "add photos, or hold out another share with --valid";
  const expect = (part: string, least: number, received: number) => {
    if (received < least) fail("DATA_TOO_FEW", { name: `${name}, ${part}`, least, received, advice });
  };
  expect("to train on", 2, training.length);
  expect("held out", 1, valid.length);
}

/** Other photos would split otherwise, and held-out ones would have been trained on. @throws CONFIG_MISMATCH */
function expectSamePhotos(
  checkpoint: Opened["checkpoint"],
  photos: TrainPhotos,
  data: string,
  run: RunDirectory,
): void {
  const now = photos.main.fingerprint;
  if (checkpoint === undefined || checkpoint.data === now) return;
  fail("CONFIG_MISMATCH", {
    option: data,
    name: run.path,
    expected: `the photos with fingerprint ${checkpoint.data.slice(0, 12)}`,
    received: `others (${now.slice(0, 12)}): photos were added, changed or taken out`,
  });
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
