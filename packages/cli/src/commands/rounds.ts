// `ballsight train --rounds N`: fine-tune, clean, fine-tune again; a run per round, a version of the data set before each, and a table at the end.

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fail } from "@ballsight/vision";
import type { TrainingProcess } from "../compare/trainingProcess.ts";
import { readDataset } from "../data/dataset.ts";
import { readVersion } from "../data/version.ts";
import { Progress } from "../output/progress.ts";
import { decisionLines, roundsTable } from "../output/roundsTable.ts";
import { oneLine } from "../output/text.ts";
import { warn } from "../output/warn.ts";
import { AUTO } from "../rounds/decisions.ts";
import { type RoundEnd, type RoundsSettings, trainRounds, versionFile } from "../rounds/loop.ts";
import { type RoundResult, roundResults } from "../rounds/result.ts";
import { lockRun, runName } from "../run/runDirectory.ts";
import { writeAtomic } from "../run/writeAtomic.ts";
import { expectSameConfig, number, quoted, runConfig, savedConfig, type TrainOptions } from "../train/options.ts";
import { interruptOnSignals } from "../train/supervision.ts";
import { loadOptions } from "../weights/startWeights.ts";

const SETTINGS = "rounds.json";
const RESULT = "result.json";

/** Returns the exit code: 0 all rounds, or nothing left to change, or a question is open; 1 interrupted. Throws on wrong options and data. */
export async function rounds(data: string | undefined, options: TrainOptions): Promise<number> {
  const resume = options.resume === true;
  const folder = resolve(folderOf(options));
  if (!resume) await readDataset(dataOf(data));
  const lock = await lockRun(folder, SETTINGS, { resume });
  try {
    const settings = resume ? await savedRounds(folder, data, options) : roundsSettings(dataOf(data), options);
    if (!resume && settings.config.dataVersion !== null) await readVersion(settings.config.dataVersion);
    await writeAtomic(join(folder, SETTINGS), `${JSON.stringify(settings, null, 2)}\n`);
    return await new Rounds(folder, settings, options).run();
  } finally {
    await lock.release();
  }
}

function dataOf(data: string | undefined): string {
  return data ?? fail("BAD_OPTION", { option: "<data>", expected: "a folder of class folders", received: "nothing" });
}

function folderOf({ out, resume }: TrainOptions): string {
  if (out !== undefined) return out;
  if (resume) fail("BAD_OPTION", { option: "--out", expected: "the rounds to go on with", received: "nothing" });
  return `runs/${runName("rounds", new Date())}`;
}

function roundsSettings(data: string, options: TrainOptions): RoundsSettings {
  const count = number("rounds", options.rounds, 2, { from: 2, to: 20, whole: true });
  return { rounds: count, auto: options.auto ?? false, config: runConfig(resolve(data), options) };
}

/** More rounds, and how decisions are made, may be given anew. @throws CHECKPOINT_INVALID, CONFIG_MISMATCH, BAD_OPTION */
async function savedRounds(folder: string, data: string | undefined, options: TrainOptions): Promise<RoundsSettings> {
  const name = join(folder, SETTINGS);
  let saved: Partial<RoundsSettings>;
  try {
    saved = { ...(JSON.parse(await readFile(name, "utf8")) as object) };
  } catch {
    return fail("CHECKPOINT_INVALID", { name, received: "a rounds.json that is no JSON object" });
  }
  const config = savedConfig({ ...saved.config }, name);
  expectSameConfig(config, options, data, name);
  const count = number("rounds", options.rounds ?? String(saved.rounds), 2, { from: 2, to: 20, whole: true });
  return { rounds: count, auto: options.auto ?? saved.auto === true, config };
}

class Rounds {
  readonly #folder: string;
  readonly #settings: RoundsSettings;
  readonly #options: TrainOptions;
  readonly #progress: Progress;

  constructor(folder: string, settings: RoundsSettings, options: TrainOptions) {
    this.#folder = folder;
    this.#settings = settings;
    this.#options = options;
    this.#progress = new Progress({ stream: process.stderr, silent: options.json === true });
  }

  async run(): Promise<number> {
    const { cache, device, offline, randomIfMissing, resume } = this.#options;
    let running: TrainingProcess | undefined;
    const stop = interruptOnSignals(() => {
      this.#progress.clear();
      running?.stop();
    });
    let asks = false;
    try {
      const { trained, error } = await trainRounds({
        folder: this.#folder,
        settings: this.#settings,
        here: [
          ...(cache === undefined ? [] : ["--cache", cache]),
          ...(device === undefined ? [] : ["--device", device]),
          ...(offline ? ["--offline"] : []),
          ...(randomIfMissing ? ["--random-if-missing"] : []),
        ],
        cache,
        weights: loadOptions(this.#options),
        resume: resume === true,
        progress: this.#progress,
        warn: (line) => {
          this.#progress.clear();
          if (!(stop.asked() && line.endsWith("[INTERRUPTED]"))) warn(line);
        },
        stopped: stop.asked,
        onProcess: (process) => {
          running = process;
        },
        onTrained: (round, model) => this.#say(`round ${round}: ${oneLine(model)}`),
        onEnd: (round, end) => {
          asks = end.kind === "asks";
          this.#tell(round, end);
        },
      });
      const results = await roundResults(this.#folder, trained);
      await this.#finish(results);
      if (error === undefined && !stop.asked()) return 0;
      if (error !== undefined && !stop.asked()) warn(`round ${trained}: ${error.message} [${error.code}]`);
      if (!asks) warn(`stopped; go on with: ${this.#goOn()}`);
      return 1;
    } finally {
      this.#progress.clear();
      stop.restore();
    }
  }

  #tell(round: number, end: RoundEnd): void {
    if (this.#options.json) process.stdout.write(`${JSON.stringify({ after_round: round, ...end })}\n`);
    const photos = quoted(this.#settings.config.data);
    if (end.kind === "settled") this.#say("nothing is left to change: no more rounds");
    else if (end.kind === "asks") {
      this.#say(
        `${end.photos} ${end.photos === 1 ? "photo is" : "photos are"} to be looked at: ballsight review ${photos}\nthen go on with: ${this.#goOn()}`,
      );
    } else {
      const { decisions, heldOut } = end;
      const accepted = decisions.filter(({ who }) => who === AUTO);
      const decided = decisions.filter(({ who }) => who !== AUTO);
      if (decided.length > 0) this.#say([`${decided.length} decided:`, ...decisionLines(decided)].join("\n"));
      if (accepted.length > 0) {
        const head = `${accepted.length} accepted, as they are nearly certain:`;
        this.#say([head, ...decisionLines(accepted)].join("\n"));
      }
      if (heldOut > 0) {
        warn(
          `${heldOut} held-out ${heldOut === 1 ? "photo was" : "photos were"} changed: every round is measured by what they are now, and not by what it was then`,
        );
      }
    }
  }

  async #finish(results: readonly RoundResult[]): Promise<void> {
    if (results.length === 0) return;
    const file = join(this.#folder, RESULT);
    await writeAtomic(file, `${JSON.stringify({ rounds: results }, null, 2)}\n`);
    if (this.#options.json) process.stdout.write(`${JSON.stringify({ rounds: results, result: file })}\n`);
    const last = results.at(-1)!;
    this.#say(
      `\n${roundsTable(results)}\n\nall on the same ${last.held_out} held-out photos\nmodel   ${oneLine(last.model)}\nversion ${oneLine(versionFile(this.#folder, last.round))}`,
    );
  }

  #goOn(): string {
    return `ballsight train --rounds ${this.#settings.rounds}${this.#settings.auto ? " --auto" : ""} --resume --out ${quoted(this.#folder)}`;
  }

  #say(line: string): void {
    if (this.#options.json) return;
    this.#progress.clear();
    process.stdout.write(`${line}\n`);
  }
}
