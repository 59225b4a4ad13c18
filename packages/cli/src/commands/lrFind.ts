// `ballsight lr-find`: folders of photos in; the curve of a range test, four suggestions for --lr and a chart out.

import { basename, resolve } from "node:path";
import {
  BallsightError,
  fail,
  type LrFindResult,
  lrFind as rangeTest,
  type SuggestRule,
  suggestLrs,
  suggestPoints,
} from "@ballsight/vision";
import { readDataset } from "../data/dataset.ts";
import { readVersion } from "../data/version.ts";
import { Progress } from "../output/progress.ts";
import { terminalPlot } from "../output/terminalPlot.ts";
import { oneLine } from "../output/text.ts";
import { programName } from "../output/version.ts";
import { warn } from "../output/warn.ts";
import { LR_KIND, type LrDot, renderLrReport } from "../report/lrReport.ts";
import { expectPlaceFor } from "../report/place.ts";
import { writeAtomic } from "../run/writeAtomic.ts";
import { usableDevice } from "../train/device.ts";
import { number, type RunConfig, runConfig, type TrainOptions, trainCommand } from "../train/options.ts";
import { initialState, prepareTraining } from "../train/prepare.ts";
import { interruptOnSignals } from "../train/supervision.ts";
import { workerEngine } from "../train/workerEngine.ts";
import { loadOptions, loadWeights } from "../weights/startWeights.ts";

export interface LrFindFlags extends TrainOptions {
  readonly startLr?: string;
  readonly endLr?: string;
  readonly steps?: string;
  readonly keepGoing?: true;
}

const RULES: Readonly<Record<SuggestRule, string>> = {
  valley: "about half-way down the longest fall of the loss: fastai's default, and a good first choice",
  steep: "where the loss falls quickest",
  minimum: "a tenth of the rate at the lowest loss, whose dot is drawn",
  slide: "the last rate before the slope of the loss changes",
};

/** Returns the exit code: 0 when there is a suggestion, 1 when the points were too few or it was interrupted. Throws on options and data. */
export async function lrFind(data: string, options: LrFindFlags): Promise<number> {
  const config = runConfig(resolve(data), options);
  const test = testSettings(options);
  const out = options.out ?? "lr-find.html";
  await expectPlaceFor(LR_KIND, "--out", out);
  await readDataset(config.data);
  const start = await loadWeights(config.arch, config.weights, loadOptions(options));
  const progress = new Progress({ stream: process.stderr, silent: options.json === true });
  const version = config.dataVersion === null ? undefined : await readVersion(config.dataVersion);
  const { photos, split, spec } = await prepareTraining(config, start, { cache: options.cache, progress, version });
  const engine = workerEngine(await usableDevice(options.device));
  const stop = interruptOnSignals(() => progress.clear(), "stopping after this step");
  let result: LrFindResult;
  try {
    progress.start("Learning rates");
    result = await rangeTest({
      engine,
      spec,
      config: config.learner,
      state: initialState(spec, start, config.learner.seed),
      source: photos.bySize,
      split,
      ...test,
      onStep: (done, total, smoothLoss) => progress.update({ done, total, smoothLoss }),
      stopping: stop.asked,
    });
  } catch (error) {
    if (!(error instanceof BallsightError && error.code === "INTERRUPTED")) throw error;
    warn("stopped; no rate was found");
    return 1;
  } finally {
    progress.clear();
    stop.restore();
    await engine.close();
    await photos.close();
  }
  // As it was typed, from where it was typed.
  const command = trainCommand({ ...config, data, weights: options.weights ?? config.weights });
  return await tell({ config, result, command, weights: start.name, out, json: options.json === true });
}

function testSettings({ startLr, endLr, steps, keepGoing }: LrFindFlags) {
  const start = number("start-lr", startLr, 1e-7, { from: 1e-12, to: 100 });
  const end = number("end-lr", endLr, 10, { from: 1e-12, to: 1000 });
  if (end <= start)
    fail("BAD_OPTION", { option: "--end-lr", expected: `a rate above --start-lr ${start}`, received: end });
  return {
    startLr: start,
    endLr: end,
    steps: number("steps", steps, 100, { from: 6, to: 100_000, whole: true }),
    stopDiverging: keepGoing !== true,
  };
}

interface Told {
  readonly config: RunConfig;
  readonly result: LrFindResult;
  /** The training that was tested. */
  readonly command: string;
  readonly weights: string;
  readonly out: string;
  readonly json: boolean;
}

async function tell({ config, result, command, weights, out, json }: Told): Promise<number> {
  const { lrs, losses, planned, phase, diverged } = result;
  const suggestions = suggestLrs(result, planned);
  const rules = Object.entries(suggestions) as [SuggestRule, (typeof suggestions)[SuggestRule]][];
  const count = suggestPoints(result, planned).lrs.length;
  const dots = rules.map(
    ([name, { lr, index, least }]): LrDot => ({
      name,
      suggested: lr === null ? `not enough points (${count} of ${least})` : rate(lr),
      meaning: RULES[name],
      ...(index !== null && { at: [lrs[index]!, losses[index]!] as const }),
    }),
  );
  const { lr } = suggestions.valley;
  const remarks = [
    phase === "frozen"
      ? "The head alone was trained, as in the first epochs of a training."
      : "All layers were trained, all at the same rate.",
    ...(diverged ? [`The loss ran away after ${lrs.length} of ${planned} steps.`] : []),
    lr === null
      ? `Not enough points for a suggestion: the rules leave out the first ${Math.floor(planned / 10)} steps and the last five. Start lower with --start-lr, or make more --steps.`
      : oneLine(`Take a rate with: ${command} --lr ${phase === "frozen" ? "" : `${rate(lr / 100)}:`}${rate(lr)}`),
  ];
  // fastai's chart leaves out the last five as well: they show how the loss ran away and no more.
  const points = lrs.slice(0, -5).map((x, i): [number, number] => [x, losses[i]!]);
  await writeAtomic(
    out,
    renderLrReport({
      title: `${config.arch} on ${basename(config.data)}`,
      program: programName(),
      finishedAt: new Date().toISOString(),
      points,
      suggestions: dots,
      remarks,
      settings: [
        ["data", config.data],
        ["arch", config.arch],
        ["weights", weights],
        ["phase", phase],
        ["steps", `${lrs.length} of ${planned}`],
        ...Object.entries(config.learner).filter((entry) => typeof entry[1] !== "object"),
      ],
    }),
  );
  if (json) {
    const rates = Object.fromEntries(rules.map(([name, { lr: value }]) => [name, value]));
    const told = { phase, planned, steps: lrs.length, diverged, suggestions: rates, lrs, losses, plot: resolve(out) };
    process.stdout.write(`${JSON.stringify(told)}\n`);
  } else {
    const drawn = terminalPlot({
      points: points.map(([x, y]) => [Math.log10(x), y]),
      marks: dots.flatMap(({ name, at }) =>
        at === undefined ? [] : [{ x: Math.log10(at[0]), y: at[1], letter: name[0]! }],
      ),
      formatX: (power) => rate(10 ** power),
      formatY: (loss) => loss.toFixed(2),
    });
    const named = dots.map(({ name, suggested }) => `${name.padEnd(9)}${suggested}`);
    process.stdout.write(`${[...drawn, "", ...named, "", ...remarks, `chart   ${oneLine(out)}`].join("\n")}\n`);
  }
  return lr === null ? 1 : 0;
}

/** Three digits, as `--lr` takes them: 1.32e-3. */
const rate = (value: number) => Number(value.toPrecision(3)).toExponential().replace("e+", "e");
