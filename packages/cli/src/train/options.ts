// The options of `ballsight train`: their texts to a checked configuration.

import { basename, resolve } from "node:path";
import {
  AUGMENT_DEFAULTS,
  evaluationResize,
  fail,
  HEADS,
  type HeadKind,
  type LearnerConfig,
  MONITORS,
  SCHEDULES,
  testSizeFor,
} from "@ballsight/vision";
import { deviceOption } from "./device.ts";

/** As commander hands them over: texts, or undefined where they were not given. */
export interface TrainOptions {
  readonly arch?: string;
  readonly weights?: string;
  readonly epochs?: string;
  readonly freezeEpochs?: string;
  readonly lr?: string;
  readonly size?: string;
  readonly startSize?: string;
  readonly testSize?: string;
  readonly batch?: string;
  readonly accumulate?: string;
  readonly valid?: string;
  readonly stratify?: true;
  /** commander's `--no-group-split`: true where it is not given. */
  readonly groupSplit?: boolean;
  readonly dataVersion?: string;
  readonly rounds?: string;
  readonly auto?: true;
  readonly seed?: string;
  readonly head?: string;
  readonly labelSmoothing?: string;
  readonly mixup?: string;
  readonly cutmix?: string;
  readonly balance?: true;
  readonly classWeights?: true;
  readonly average?: string;
  readonly weightDecay?: string;
  readonly lrMult?: string;
  readonly schedule?: string;
  readonly patience?: string;
  readonly monitor?: string;
  readonly minDelta?: string;
  readonly saveBest?: true;
  readonly tta?: string;
  readonly calibrate?: true;
  readonly frozenGroups?: string;
  readonly frozenNorms?: true;
  readonly statistics?: string;
  readonly minScale?: string;
  readonly augMult?: string;
  readonly resize?: string;
  readonly out?: string;
  readonly cache?: string;
  readonly resume?: true;
  readonly randomIfMissing?: true;
  readonly offline?: true;
  readonly device?: string;
  readonly json?: true;
}

/** What a run repeats from: `config.json`. */
export interface RunConfig {
  readonly data: string;
  readonly arch: string;
  readonly weights: string;
  readonly valid: number;
  readonly stratify: boolean;
  /** Whether copies of a photo are kept on one side of the split. */
  readonly groupSplit: boolean;
  /** Absolute: the version of the data set that was asked for, with its split and labels; null for the folder as it is. */
  readonly dataVersion: string | null;
  /** What the short side of a photo is resized to before the centre crop of `learner.testSize`. */
  readonly resize: number;
  /** Augmented passes of test-time augmentation at the end; 0 for none. */
  readonly tta: number;
  /** Whether a temperature for the probabilities is fitted at the end. */
  readonly calibrate: boolean;
  readonly learner: LearnerConfig;
}

interface Range {
  readonly from: number;
  readonly to?: number;
  readonly whole?: true;
}

export function number(
  option: string,
  text: string | undefined,
  fallback: number,
  { from, to = Number.POSITIVE_INFINITY, whole }: Range,
): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (
    text.trim() !== "" &&
    value >= from &&
    value <= to &&
    (!whole || Number.isInteger(value)) &&
    Number.isFinite(value)
  )
    return value;
  const range = to === Number.POSITIVE_INFINITY ? `from ${from}` : `from ${from} to ${to}`;
  return fail("BAD_OPTION", {
    option: `--${option}`,
    expected: `a ${whole ? "whole " : ""}number ${range}`,
    received: text,
  });
}

export function choice<T extends string>(
  option: string,
  text: string | undefined,
  fallback: T,
  choices: readonly T[],
): T {
  if (text === undefined) return fallback;
  const found = choices.find((name) => name === text);
  return (
    found ?? fail("BAD_OPTION", { option: `--${option}`, expected: `one of ${choices.join(", ")}`, received: text })
  );
}

/** Whether `--weights` names a file; registry names hold no slash. */
export function isWeightsFile(weights: string | undefined): weights is string {
  return weights !== undefined && /[/\\]|\.(safetensors|pth|pt)$/.test(weights);
}

const RATE: Range = { from: 0, to: 10 };

/**
 * `--lr RATE` and `--lr-mult`, or fastai's slice LOW:HIGH: the rates of the first and the last group once all train. The head
 * alone is trained at twice HIGH before, as fine_tune halves its base rate.
 */
function rates({ lr, lrMult }: TrainOptions): Pick<LearnerConfig, "lr" | "lrMult"> {
  if (lr === undefined || !lr.includes(":")) {
    return { lr: number("lr", lr, 5e-3, RATE), lrMult: number("lr-mult", lrMult, 60, { from: 1, to: 1e6 }) };
  }
  const [low, high, more] = lr.split(":").map(Number);
  const sound = more === undefined && low !== undefined && high !== undefined && low > 0 && high >= low && high <= 5;
  if (!sound)
    fail("BAD_OPTION", { option: "--lr", expected: "a rate, or two as LOW:HIGH, above 0 and up to 5", received: lr });
  if (lrMult !== undefined)
    fail("BAD_OPTION", { option: "--lr-mult", expected: "nothing beside --lr LOW:HIGH", received: lrMult });
  // Without the digits that division adds: 1e-3 / 1e-5 is 99.99999999999999.
  return { lr: 2 * high, lrMult: Number((high / low).toPrecision(12)) };
}

/** @throws BAD_OPTION */
export function runConfig(data: string, options: TrainOptions): RunConfig {
  const whole = (from: number, to?: number): Range => ({ from, whole: true, ...(to !== undefined && { to }) });
  const size = number("size", options.size, 128, whole(32, 1024));
  // Every architecture's stride; another one would be checked against its own when the network is built.
  const testSize = number("test-size", options.testSize, testSizeFor(size, 32), whole(32, 1024));
  // Things look at least as much larger as in timm's usual crop, whether by the crop or by the larger side.
  const resize = Math.max(testSize, Math.round(size / 0.875));
  deviceOption(options.device);
  return {
    data,
    arch: options.arch ?? "mobilenet_v2",
    weights: isWeightsFile(options.weights) ? resolve(options.weights) : (options.weights ?? "default"),
    valid: number("valid", options.valid, 0.1, { from: 0.01, to: 0.9 }),
    stratify: options.stratify ?? false,
    groupSplit: options.groupSplit ?? true,
    dataVersion: options.dataVersion === undefined ? null : resolve(options.dataVersion),
    resize:
      options.resize === "fastai"
        ? evaluationResize(testSize)
        : number("resize", options.resize, resize, whole(testSize, 2048)),
    tta: number("tta", options.tta, 0, whole(0, 64)),
    calibrate: options.calibrate ?? false,
    learner: {
      epochs: number("epochs", options.epochs, 5, whole(0, 10_000)),
      freezeEpochs: number("freeze-epochs", options.freezeEpochs, 1, whole(0, 10_000)),
      ...rates(options),
      schedule: choice("schedule", options.schedule, "one-cycle", SCHEDULES),
      weightDecay: number("weight-decay", options.weightDecay, 0.01, { from: 0, to: 1 }),
      batch: number("batch", options.batch, 16, whole(2, 1024)),
      accumulate: number("accumulate", options.accumulate, 1, whole(1, 1024)),
      size,
      testSize,
      startSize: number("start-size", options.startSize, size, whole(32, 1024)),
      seed: number("seed", options.seed, 42, whole(0, Number.MAX_SAFE_INTEGER)),
      head: choice("head", options.head, "linear", Object.keys(HEADS) as HeadKind[]),
      labelSmoothing: number("label-smoothing", options.labelSmoothing, 0.05, { from: 0, to: 0.9 }),
      mixup: number("mixup", options.mixup, 0, { from: 0, to: 10 }),
      cutmix: number("cutmix", options.cutmix, 0, { from: 0, to: 10 }),
      balance: options.balance ?? false,
      classWeights: options.classWeights ?? false,
      average: number("average", options.average, 0.99, { from: 0, to: 0.99999 }),
      patience: number("patience", options.patience, 0, whole(0, 10_000)),
      monitor: choice("monitor", options.monitor, "valid_loss", MONITORS),
      minDelta: number("min-delta", options.minDelta, 0, { from: 0, to: 100 }),
      saveBest: options.saveBest ?? false,
      frozenGroups: number("frozen-groups", options.frozenGroups, 0, whole(0, 10)),
      trainFrozenNorms: options.frozenNorms ?? false,
      statistics: choice("statistics", options.statistics, "batch", ["batch", "running"]),
      augment: {
        ...AUGMENT_DEFAULTS,
        mult: number("aug-mult", options.augMult, 0.2, { from: 0, to: 4 }),
        crop: { minScale: number("min-scale", options.minScale, 0.4, { from: 0.01, to: 1 }), ratio: [3 / 4, 4 / 3] },
      },
    },
  };
}

/**
 * What `config.json` of a run holds, checked: a setting that is missing or of another kind than this version writes is an error.
 * @throws CHECKPOINT_INVALID
 */
export function savedConfig(saved: Readonly<Record<string, unknown>>, name: string): RunConfig {
  const expectLike = (value: unknown, model: unknown, path: string): void => {
    if (model === null) return;
    if (typeof value !== typeof model || value === null)
      fail("CHECKPOINT_INVALID", { name, received: `settings without \`${path}\`, or another version's` });
    if (typeof model !== "object") return;
    for (const [key, part] of Object.entries(model))
      expectLike((value as Record<string, unknown>)[key], part, path === "" ? key : `${path}.${key}`);
  };
  expectLike(saved, runConfig("", {}), "");
  return saved as unknown as RunConfig;
}

/** With --resume the run's own settings hold; one that was given again must be the same. @throws CONFIG_MISMATCH, BAD_OPTION */
export function expectSameConfig(
  saved: RunConfig,
  options: TrainOptions,
  data: string | undefined,
  name: string,
): void {
  const given = runConfig(data === undefined ? saved.data : resolve(data), { ...savedSides(saved), ...options });
  const compare = (option: string, text: unknown, expected: unknown, received: unknown) => {
    if (text !== undefined && JSON.stringify(expected) !== JSON.stringify(received)) {
      fail("CONFIG_MISMATCH", { option, name, expected: JSON.stringify(expected), received: JSON.stringify(received) });
    }
  };
  compare("<data>", data, saved.data, given.data);
  if (given.weights !== "default") compare("--weights", options.weights, saved.weights, given.weights);
  for (const option of ["arch", "valid", "stratify", "dataVersion", "resize", "tta", "calibrate"] as const)
    compare(
      `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      options[option],
      saved[option],
      given[option],
    );
  if (options.groupSplit === false) compare("--no-group-split", false, saved.groupSplit, false);
  if (options.lr?.includes(":")) compare("--lr", options.lr, saved.learner.lrMult, given.learner.lrMult);
  compare("--frozen-norms", options.frozenNorms, saved.learner.trainFrozenNorms, given.learner.trainFrozenNorms);
  compare("--aug-mult", options.augMult, saved.learner.augment.mult, given.learner.augment.mult);
  compare("--min-scale", options.minScale, saved.learner.augment.crop?.minScale, given.learner.augment.crop?.minScale);
  for (const [option, received] of Object.entries(given.learner)) {
    const text = (options as Record<string, unknown>)[option];
    const name = option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    compare(`--${name}`, text, saved.learner[option as keyof LearnerConfig], received);
  }
}

/** What the bounds and defaults of other options count from. */
export const savedSides = ({ learner }: Pick<RunConfig, "learner">): Pick<TrainOptions, "size" | "testSize"> => ({
  size: String(learner.size),
  testSize: String(learner.testSize),
});

/** What `train` must be given for these settings, after the data folder; those that are the defaults are left away. */
export function trainArguments(config: RunConfig): string[] {
  return givenFlags(config).flatMap(({ option, value }) => (value === true ? [option] : [option, String(value)]));
}

/** The command that trains so, as a shell takes it. */
export function trainCommand(config: RunConfig): string {
  return ["ballsight", "train", config.data, ...trainArguments(config)].map(quoted).join(" ");
}

/** The command that repeats a run; of the data folder and the weights' file only the names are told. */
export function commandOf(config: RunConfig): string {
  const weights = isWeightsFile(config.weights) ? basename(config.weights) : config.weights;
  const dataVersion = config.dataVersion === null ? null : basename(config.dataVersion);
  return trainCommand({ ...config, data: basename(config.data), weights, dataVersion });
}

function givenFlags(config: RunConfig): { option: string; value: string | number | boolean }[] {
  const flags = ({ learner, ...from }: RunConfig): [flag: string, value: string | number | boolean][] => {
    const { augment, frozenGroups, trainFrozenNorms, ...settings } = learner;
    return [
      ["arch", from.arch],
      ["weights", from.weights],
      ["valid", from.valid],
      ["stratify", from.stratify],
      ["noGroupSplit", !from.groupSplit],
      ["dataVersion", from.dataVersion ?? false],
      ["resize", from.resize],
      ["tta", from.tta],
      ["calibrate", from.calibrate],
      ...Object.entries(settings),
      ["frozenGroups", frozenGroups],
      ["frozenNorms", trainFrozenNorms],
      ["augMult", augment.mult],
      ["minScale", augment.crop?.minScale ?? 1],
    ];
  };
  const usual = new Map(flags(runConfig(config.data, { size: String(config.learner.size) })));
  return flags(config)
    .filter(([flag, value]) => usual.get(flag) !== value || ["arch", "epochs", "size", "seed"].includes(flag))
    .map(([flag, value]) => ({ option: `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, value }));
}

/** As a POSIX shell takes it for one word. */
export const quoted = (word: string) => (/^[\w./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
