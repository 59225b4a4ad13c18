// `ballsight train`: folders of photos in, a run directory with a recogniser out.

import { existsSync } from "node:fs";
import { rmdir, unlink } from "node:fs/promises";
import { BallsightError, type BatchEvent, type EpochRow, fail, Learner } from "@ballsight/vision";
import { expectSameData } from "../data/dataset.ts";
import { formatVersion, readVersion } from "../data/version.ts";
import type { Progress } from "../output/progress.ts";
import { tableHeader, tableRow } from "../output/trainTable.ts";
import { warn } from "../output/warn.ts";
import type { HistoryRow } from "../run/history.ts";
import { writeCheckpoint } from "../train/checkpoint.ts";
import { usableDevice } from "../train/device.ts";
import { type Opened, openTraining } from "../train/openTraining.ts";
import { quoted, type TrainOptions } from "../train/options.ts";
import { writeOutputs } from "../train/outputs.ts";
import { initialState, prepareTraining } from "../train/prepare.ts";
import { phaseRemarks } from "../train/remarks.ts";
import { followSupervisor, interruptOnSignals, isSupervised, trainingProgress } from "../train/supervision.ts";
import { workerEngine } from "../train/workerEngine.ts";

/** Returns the exit code: 0 trained, 1 interrupted (a checkpoint is there). Throws on wrong options and data (exit code 2). */
export async function train(data: string | undefined, options: TrainOptions): Promise<number> {
  if (options.rounds !== undefined) return await (await import("./rounds.ts")).rounds(data, options);
  if (options.auto) fail("BAD_OPTION", { option: "--auto", expected: "nothing without --rounds", received: "--auto" });
  followSupervisor();
  const opened = await openTraining(data, options);
  const { run } = opened;
  try {
    return await trainIn(opened, options);
  } catch (error) {
    // Nothing is learned yet, and a folder with settings alone would stand in the way of the corrected command.
    if (!options.resume && !existsSync(run.file("checkpoint")))
      for (const file of ["config", "data"] as const) await unlink(run.file(file)).catch(() => undefined);
    throw error;
  } finally {
    await run.close();
    // Succeeds for an empty folder only.
    await rmdir(run.path).catch(() => undefined);
  }
}

async function trainIn({ run, config, start, checkpoint }: Opened, options: TrainOptions): Promise<number> {
  const say = (line: string) => void (options.json ? undefined : process.stdout.write(`${line}\n`));
  const progress = trainingProgress(options.json);
  // Of a run that goes on the version that it began with: what is held out must not depend on what else lies in the folder since.
  const file = run.file("data");
  const from = existsSync(file) ? file : config.dataVersion;
  const version = from === null ? undefined : await readVersion(from);
  const prepared = await prepareTraining(config, start, { cache: options.cache, progress, version });
  const { photos, split, spec } = prepared;
  if (checkpoint !== undefined)
    expectSameData({ name: config.data, run: run.path, expected: checkpoint.data, received: photos.main.fingerprint });
  if (checkpoint === undefined) await run.write("data", formatVersion(prepared.version));
  say(
    `${spec.classes} classes, ${split.train.length} photos to train on, ${split.valid.length} held out; weights ${start.name}; run ${run.path}`,
  );

  if (start.name.endsWith(".sports_balls")) {
    warn("starts from the shipped recogniser, which has seen ball photos: its accuracy on those would be flattered");
  }
  let header = "";
  const engine = workerEngine(await usableDevice(options.device));
  const stop = interruptOnSignals(() => progress.clear());
  try {
    const learner = new Learner({
      engine,
      spec,
      config: config.learner,
      state: checkpoint?.state ?? initialState(spec, start, config.learner.seed),
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
      onPhase: (end) => {
        for (const line of phaseRemarks(end, config.learner)) say(line);
      },
      onCheckpoint: async (state, position) => {
        await run.write("checkpoint", writeCheckpoint({ state, position, data: photos.main.fingerprint }));
        await run.writeHistory(position.rows.map(historyRow));
      },
    });
    const validation = await learner.fineTune();
    const { metrics, remarks } = await writeOutputs({ ...prepared, run, config, start, engine, learner, validation });
    if (options.json) {
      const files = { model: run.file("model"), report: run.file("report") };
      process.stdout.write(`${JSON.stringify({ ...metrics, ...files })}\n`);
    }
    say(`\nheld-out accuracy ${(100 * validation.accuracy).toFixed(2)} % of ${split.valid.length} photos`);
    for (const remark of remarks) say(remark);
    say(`model   ${run.file("model")}\nreport  ${run.file("report")}`);
    return 0;
  } catch (error) {
    // Anything else, a full disk for one, means that there may be no checkpoint of this step.
    if (!(error instanceof BallsightError && error.code === "INTERRUPTED")) throw error;
    progress.clear();
    if (!isSupervised()) warn(`stopped; go on with: ballsight train --resume --out ${quoted(run.path)}`);
    return 1;
  } finally {
    progress.clear();
    stop.restore();
    await engine.close();
    await photos.close();
  }
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

function batchPrinter(progress: Progress): (event: BatchEvent) => void {
  let label = "";
  return ({ phase, epoch, epochs, step, steps, smooth, seconds }) => {
    const next = `${phase === "frozen" ? "Frozen epoch" : "Epoch"} ${epoch + 1}/${epochs}`;
    if (next !== label) progress.start(next, seconds);
    label = next;
    progress.update({ done: step, total: steps, smoothLoss: smooth });
  };
}
