// Opens the run directory of a training, new or to go on with, once all is known to be sound that can be checked before.

import { resolve } from "node:path";
import { fail } from "@ballsight/vision";
import { readDataset } from "../data/dataset.ts";
import { expectNoRun, openRun, type RunDirectory, runName } from "../run/runDirectory.ts";
import { loadOptions, loadWeights, recordedStart, recordOf, type StartWeights } from "../weights/startWeights.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint.ts";
import { expectSameConfig, type RunConfig, runConfig, savedConfig, type TrainOptions } from "./options.ts";

export interface Opened {
  readonly run: RunDirectory;
  readonly config: RunConfig;
  readonly start: StartWeights;
  readonly checkpoint?: Checkpoint;
}

export async function openTraining(data: string | undefined, options: TrainOptions): Promise<Opened> {
  if (options.resume) {
    if (options.out === undefined)
      fail("BAD_OPTION", { option: "--out", expected: "the run to go on with", received: "nothing" });
    const run = await openRun(options.out, { resume: true });
    try {
      const saved = await run.readConfig();
      const config = savedConfig(saved, run.file("config"));
      expectSameConfig(config, options, data, options.out);
      const bytes = await run.read("checkpoint");
      const checkpoint = bytes && readCheckpoint(bytes, run.file("checkpoint"));
      // Killed before the first epoch ended, it starts again from the same settings. Later its weights' file may be gone.
      const start =
        (checkpoint && recordedStart(saved.start, config.weights)) ??
        (await loadWeights(config.arch, config.weights, loadOptions(options)));
      return { run, config, start, ...(checkpoint && { checkpoint }) };
    } catch (error) {
      await run.close();
      throw error;
    }
  }
  if (data === undefined)
    fail("BAD_OPTION", { option: "<data>", expected: "a folder of class folders", received: "nothing" });
  const wanted = runConfig(resolve(data), options);
  // What can be wrong with data and weights is said before a folder is made; with data and a run that is there already
  // first, as nobody should wait for a download to hear of a wrong folder.
  await readDataset(wanted.data);
  if (options.out !== undefined) await expectNoRun(options.out);
  const start = await loadWeights(wanted.arch, wanted.weights, loadOptions(options));
  // Settled now: another file may be at hand, or another folder be the current one, when the run goes on.
  const config = { ...wanted, weights: start.settled };
  const run = await openRun(options.out ?? `runs/${runName(config.arch, new Date())}`);
  await run.writeConfig({ ...config, start: recordOf(start) });
  return { run, config, start };
}
