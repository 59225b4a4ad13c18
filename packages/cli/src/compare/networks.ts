// Trains the networks of a comparison one after the other, each in a process of its own; what is finished is read back.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { BallsightError, type EpochRow } from "@ballsight/vision";
import { expectSameData, readDataset } from "../data/dataset.ts";
import { type ErrorRecord, errorRecord } from "../output/errors.ts";
import type { Progress } from "../output/progress.ts";
import { clock } from "../run/history.ts";
import { RUN_FILES } from "../run/runDirectory.ts";
import { trainArguments } from "../train/options.ts";
import type { ProgressMessage } from "../train/supervision.ts";
import { type FinishedRun, readEpochs, readFinishedRun } from "./finishedRun.ts";
import type { CompareFolder } from "./folder.ts";
import { type CompareOptions, type CompareSettings, expectSamePhotos } from "./settings.ts";
import { timeLeft } from "./timeLeft.ts";
import { startTraining, type TrainingProcess } from "./trainingProcess.ts";

/** A network that failed may have epochs all the same. */
export type NetworkRun =
  | ({ readonly network: string } & FinishedRun)
  | { readonly network: string; readonly error: ErrorRecord; readonly rows: readonly EpochRow[] };

export interface TrainNetworksOptions {
  readonly folder: CompareFolder;
  readonly settings: CompareSettings;
  /** Where photos are cached, whether to download: this invocation's, as for `train --resume`. */
  readonly options: Pick<CompareOptions, "cache" | "offline" | "device">;
  readonly progress: Progress;
  /** Says the line unless it, or another with its key, was said before. */
  readonly warn: (line: string, key?: string) => void;
  readonly stopped: () => boolean;
  /** What to stop is told through it while a training runs. */
  readonly onProcess: (running: TrainingProcess | undefined) => void;
  readonly onRun: (run: NetworkRun) => Promise<void>;
}

/** Ends early when it is stopped; the network under way then has no result. */
export async function trainNetworks(options: TrainNetworksOptions): Promise<void> {
  const runs: NetworkRun[] = [];
  for (const network of options.settings.networks) {
    if (options.stopped()) return;
    const run = await trainNetwork(network, runs, options);
    if (run === undefined) return;
    runs.push(run);
    await options.onRun(run);
  }
}

async function trainNetwork(
  network: string,
  before: readonly NetworkRun[],
  all: TrainNetworksOptions,
): Promise<NetworkRun | undefined> {
  const { folder, settings, warn, stopped } = all;
  const path = folder.run(network);
  const { config } = settings;
  const read = () => readFinishedRun(path, { network, random: config.weights === "none", data: config.data });
  let error: ErrorRecord | undefined;
  try {
    let finished = await read();
    if (finished === undefined) {
      expectSamePhotos(settings, await readDataset(config.data), folder.path);
      await folder.waitForRun(
        network,
        (holder) => warn(`waiting for ${holder}, which still trains in ${path}`),
        stopped,
      );
      if (stopped()) return undefined;
      ({ error } = await trainOnce(network, all));
      // What ended because it was told to has not failed; what was done by then is done.
      if (error !== undefined && stopped()) return undefined;
      finished = error === undefined ? await read() : undefined;
    }
    if (finished !== undefined) {
      expectSameAnswered(finished, before, config.data);
      return { network, ...finished };
    }
    error ??= new BallsightError("TRAINING_ENDED", {
      name: network,
      reason: "files that cannot be read back",
    }).toJSON();
  } catch (cause) {
    error = errorRecord(cause);
  }
  return { network, error, rows: await readEpochs(path) };
}

/** A run that began goes on, with the settings in its own config.json; those were this comparison's. */
async function trainOnce(network: string, all: TrainNetworksOptions): Promise<{ readonly error?: ErrorRecord }> {
  const { folder, settings, options, progress, warn, onProcess, stopped } = all;
  const { networks, config, randomIfMissing } = settings;
  const path = folder.run(network);
  const how = existsSync(join(path, RUN_FILES.config))
    ? ["--resume"]
    : [
        config.data,
        ...trainArguments({ ...config, arch: network }),
        ...(randomIfMissing ? ["--random-if-missing"] : []),
      ];
  const here = [
    ...(options.cache === undefined ? [] : ["--cache", options.cache]),
    ...(options.device === undefined ? [] : ["--device", options.device]),
    ...(options.offline ? ["--offline"] : []),
  ];
  const rows: EpochRow[] = [...(await readEpochs(path))];
  const at = networks.indexOf(network);
  const draw = drawer(progress, `${at + 1}/${networks.length} ${network}`, (share) => {
    const seconds = timeLeft(rows, config.learner.epochs, share);
    const more = networks.length - at - 1;
    // Of those to come nothing is known.
    const others = more === 0 ? "" : `, ${more} more`;
    return seconds === undefined ? "" : `${clock(seconds)} left${others}`;
  });
  const running = startTraining(network, [...how, "--out", path, ...here], {
    onEpoch: (row) => void rows.push(row),
    onProgress: draw,
    onLine: (line) => {
      // Of what was asked to stop nobody needs to hear that it was stopped.
      if (!(stopped() && line.endsWith("[INTERRUPTED]"))) warn(`${network}: ${line}`, line);
    },
  });
  onProcess(running);
  try {
    return await running.ended;
  } finally {
    onProcess(undefined);
    progress.clear();
  }
}

function drawer(progress: Progress, name: string, left: (share: number) => string): (message: ProgressMessage) => void {
  let shown = "";
  return ({ label, done, total, smoothLoss }) => {
    if (label !== shown) progress.start(`${name} ${label}`);
    shown = label;
    // JSON has no NaN.
    const loss = typeof smoothLoss === "number" && { smoothLoss };
    progress.update({ done, ...(total !== undefined && { total }), ...loss, note: left(total ? done / total : 0) });
  };
}

/** Photos may change their content without their list. @throws DATA_CHANGED */
function expectSameAnswered(run: FinishedRun, before: readonly NetworkRun[], name: string): void {
  const other = before.find((one) => !("error" in one));
  if (other === undefined || "error" in other) return;
  expectSameData({ name, run: other.network, expected: other.data, received: run.data });
}
