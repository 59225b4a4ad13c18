// A run directory read back: what a training amounts to, from the files that it left. A comparison that goes on knows no more.

import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { decodeFile } from "@ballsight/server/photos";
import type { EpochRow, Position, RgbPhoto } from "@ballsight/vision";
import { loadRecognizer } from "../model/load.ts";
import { csvRows } from "../output/csv.ts";
import { RUN_FILES, type RunFile } from "../run/runDirectory.ts";
import { readTensorsHeader } from "../run/tensorsHeader.ts";
import type { metricsOf } from "../train/summary.ts";
import { latencyOf } from "./latency.ts";
import { type PhotoAnswer, RANDOM, RANDOM_FALLBACK, type TrainedNetwork } from "./result.ts";

export interface FinishedRun {
  readonly result: TrainedNetwork;
  readonly rows: readonly EpochRow[];
  readonly answers: readonly PhotoAnswer[];
  /** Fingerprint of the photos that were trained on and held out. */
  readonly data: string;
}

export interface ReadRunOptions {
  /** As `--archs` names it. */
  readonly network: string;
  /** Whether it was to start from random weights, as against having to. */
  readonly random: boolean;
  /** The folder of the photos. */
  readonly data: string;
}

/** undefined for a run that is not finished, and for one whose files are damaged: a training that goes on with it writes them anew. */
export async function readFinishedRun(folder: string, options: ReadRunOptions): Promise<FinishedRun | undefined> {
  // What a training writes last.
  if (!existsSync(join(folder, RUN_FILES.card))) return undefined;
  try {
    return await readRun(folder, options);
  } catch {
    return undefined;
  }
}

/** The epochs of a run so far; none where there is no checkpoint. */
export async function readEpochs(folder: string): Promise<readonly EpochRow[]> {
  try {
    const { metadata } = await readTensorsHeader(join(folder, RUN_FILES.checkpoint));
    return (JSON.parse(metadata.position!) as Position).rows;
  } catch {
    return [];
  }
}

async function readRun(folder: string, { network, random, data }: ReadRunOptions): Promise<FinishedRun> {
  const path = (file: RunFile) => join(folder, RUN_FILES[file]);
  const [rows, { weights }, { shapes }, answers] = await Promise.all([
    readEpochs(folder),
    readFile(path("config"), "utf8").then((text) => JSON.parse(text) as { weights: string }),
    readTensorsHeader(path("weights")),
    readFile(path("predictions"), "utf8").then(parseAnswers),
  ]);
  const recognizer = await loadRecognizer(path("model"));
  try {
    const { metadata } = recognizer;
    const metrics = JSON.parse(metadata["ballsight.metrics"]!) as ReturnType<typeof metricsOf>;
    const { accuracy, interval95, count, loss, trained_on } = metrics;
    const result: TrainedNetwork = {
      network,
      start_weights: weights !== "none" ? weights : random ? RANDOM : RANDOM_FALLBACK,
      train_loss: rows.at(-1)?.trainLoss ?? Number.NaN,
      valid_loss: loss,
      error_rate: 1 - accuracy,
      accuracy,
      interval95,
      count,
      trained_on,
      epochs: rows.length,
      seconds: rows.reduce((sum, { seconds }) => sum + seconds, 0),
      parameters: countParameters(shapes),
      model_bytes: (await stat(path("model"))).size,
      latency_ms: await latencyOf(recognizer, await firstPhoto(answers, data)),
      run: folder,
    };
    return { result, rows, answers, data: JSON.parse(metadata["ballsight.data"]!) as string };
  } finally {
    await recognizer.release();
  }
}

function parseAnswers(csv: string): PhotoAnswer[] {
  const [header = [], ...lines] = csvRows(csv);
  const [file, actual, predicted] = ["file", "actual", "predicted"].map((name) => header.indexOf(name));
  return lines.map((cells) => ({ file: cells[file!]!, actual: cells[actual!]!, predicted: cells[predicted!]! }));
}

/** Statistics are counted by nobody: torch keeps them as buffers. */
function countParameters(shapes: ReadonlyMap<string, readonly number[]>): number {
  return [...shapes]
    .filter(([name]) => !/(^|\.)(running_mean|running_var|num_batches_tracked)$/.test(name))
    .reduce((sum, [, shape]) => sum + shape.reduce((product, side) => product * side, 1), 0);
}

/** The same one for every network. */
function firstPhoto(answers: readonly PhotoAnswer[], data: string): Promise<RgbPhoto> {
  return decodeFile(join(data, answers[0]!.file));
}
