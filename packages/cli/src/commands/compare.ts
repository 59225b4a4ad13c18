// `ballsight compare`: folders of photos in; several networks trained alike, and the table, CSV and page that compare them out.

import { copyBest } from "../compare/copyBest.ts";
import type { CompareFolder } from "../compare/folder.ts";
import { type NetworkRun, trainNetworks } from "../compare/networks.ts";
import { openComparison } from "../compare/open.ts";
import { reportOf } from "../compare/report.ts";
import {
  type AgainstBest,
  againstBest,
  compareCsv,
  isTrained,
  type NetworkResult,
  ranked,
  type TrainedNetwork,
} from "../compare/result.ts";
import type { CompareOptions, CompareSettings } from "../compare/settings.ts";
import type { TrainingProcess } from "../compare/trainingProcess.ts";
import { compareTable, resultLine, verdict } from "../output/compareTable.ts";
import { Progress } from "../output/progress.ts";
import { oneLine } from "../output/text.ts";
import { warn } from "../output/warn.ts";
import { renderCompareReport } from "../report/compareReport.ts";
import { writeAtomic } from "../run/writeAtomic.ts";
import { quoted } from "../train/options.ts";
import { interruptOnSignals } from "../train/supervision.ts";

/** Exit code. */
const HOPELESS = 2;

/** Returns the exit code: 0 all trained, 1 a network failed or it was interrupted, 2 photos that cannot be learned. Throws on wrong options and data (exit code 2). */
export async function compare(data: string | undefined, options: CompareOptions): Promise<number> {
  const { folder, settings } = await openComparison(data, options);
  let code: number | undefined;
  try {
    code = await new Comparison(folder, settings, options).run();
    return code;
  } finally {
    // Where the photos were at fault there is nothing to go on with.
    await folder.close({ keep: code !== HOPELESS || options.resume === true });
  }
}

class Comparison {
  readonly #folder: CompareFolder;
  readonly #settings: CompareSettings;
  readonly #options: CompareOptions;
  readonly #progress: Progress;
  readonly #runs: NetworkRun[] = [];
  readonly #said = new Set<string>();
  /** The photos themselves are at fault: every network would say the same. */
  #hopeless = false;

  constructor(folder: CompareFolder, settings: CompareSettings, options: CompareOptions) {
    this.#folder = folder;
    this.#settings = settings;
    this.#options = options;
    this.#progress = new Progress({ stream: process.stderr, silent: options.json === true });
  }

  async run(): Promise<number> {
    const { networks } = this.#settings;
    let running: TrainingProcess | undefined;
    const stop = interruptOnSignals(() => {
      this.#progress.clear();
      running?.stop();
    });
    this.#say(
      `comparing ${networks.join(", ")} on ${oneLine(this.#settings.config.data)}; results in ${this.#folder.path}`,
    );
    try {
      await trainNetworks({
        folder: this.#folder,
        settings: this.#settings,
        options: this.#options,
        progress: this.#progress,
        warn: (line, key) => this.#warn(line, key),
        stopped: () => stop.asked() || this.#hopeless,
        onProcess: (process) => {
          running = process;
        },
        onRun: (run) => this.#add(run),
      });
    } finally {
      this.#progress.clear();
      stop.restore();
    }
    if (this.#hopeless) return HOPELESS;
    return await this.#finish();
  }

  async #add(run: NetworkRun): Promise<void> {
    this.#runs.push(run);
    const result = resultOf(run);
    if (!isTrained(result)) {
      const { code, message } = result.error;
      this.#warn(`${run.network}: ${message} [${code}]`);
      this.#hopeless = /^(DATA_|NO_PHOTOS)/.test(code) && this.#runs.every((one) => "error" in one);
      if (this.#hopeless) return;
    }
    await this.#write();
    this.#print(result);
    if (isTrained(result)) this.#say(resultLine(result));
  }

  async #finish(): Promise<number> {
    const folder = this.#folder;
    const interrupted = this.#runs.length < this.#settings.networks.length;
    const { results, against, best } = this.#outcome();
    await this.#write();
    const { copyBest: to } = this.#settings;
    const copied =
      best !== undefined && to !== null && !interrupted ? await copyBest(best.run, best.network, to) : undefined;
    const files = { csv: folder.file("csv"), report: folder.file("page"), ...(copied !== undefined && { copied }) };
    this.#print({
      best: best?.network ?? null,
      networks: results.map(({ network }) => network),
      against_best: [...against.values()],
      interrupted,
      out: folder.path,
      ...files,
    });
    const words = verdict(results, against);
    if (results.length > 0)
      this.#say(`\n${compareTable(results, process.stdout.columns ?? Number.POSITIVE_INFINITY)}\n`);
    if (words !== undefined) this.#say(words);
    for (const [name, path] of Object.entries(files)) this.#say(`${name.padEnd(7)} ${oneLine(path)}`);
    if (interrupted) this.#warn(`stopped; go on with: ballsight compare --resume --out ${quoted(folder.path)}`);
    return interrupted || results.some((result) => !isTrained(result)) ? 1 : 0;
  }

  #outcome(): {
    results: NetworkResult[];
    against: ReadonlyMap<string, AgainstBest>;
    best: TrainedNetwork | undefined;
  } {
    const results = ranked(this.#runs.map(resultOf));
    const best = results.find(isTrained);
    const answers = new Map(this.#runs.flatMap((run) => ("error" in run ? [] : [[run.network, run.answers] as const])));
    return { results, best, against: best === undefined ? new Map() : againstBest(best.network, answers) };
  }

  /** After every network: hours may pass until the last one is done. */
  async #write(): Promise<void> {
    const { results, against } = this.#outcome();
    await writeAtomic(this.#folder.file("csv"), compareCsv(results, against));
    const report = await reportOf({ settings: this.#settings, runs: this.#runs, results, against });
    await writeAtomic(this.#folder.file("page"), renderCompareReport(report));
  }

  #say(line: string): void {
    if (this.#options.json) return;
    this.#progress.clear();
    process.stdout.write(`${line}\n`);
  }

  #print(object: object): void {
    if (this.#options.json) process.stdout.write(`${JSON.stringify(object)}\n`);
  }

  /** Once, by its text or by a key: every network meets the same photos that cannot be read. */
  #warn(line: string, key = line): void {
    if (this.#said.has(line) || this.#said.has(key)) return;
    this.#said.add(line).add(key);
    this.#progress.clear();
    warn(line);
  }
}

const resultOf = (run: NetworkRun): NetworkResult =>
  "error" in run ? { network: run.network, error: run.error } : run.result;
