// The options of `ballsight train`: their texts to a checked configuration.

import { AUGMENT_DEFAULTS, fail, HEADS, type HeadKind, type LearnerConfig } from "@ballsight/vision";

/** As commander hands them over: texts, or undefined where they were not given. */
export interface TrainOptions {
  readonly arch?: string;
  readonly weights?: string;
  readonly epochs?: string;
  readonly freezeEpochs?: string;
  readonly lr?: string;
  readonly size?: string;
  readonly startSize?: string;
  readonly batch?: string;
  readonly valid?: string;
  readonly stratify?: true;
  readonly seed?: string;
  readonly head?: string;
  readonly labelSmoothing?: string;
  readonly mixup?: string;
  readonly average?: string;
  readonly weightDecay?: string;
  readonly lrMult?: string;
  readonly frozenGroups?: string;
  readonly frozenNorms?: true;
  readonly statistics?: string;
  readonly minScale?: string;
  readonly resize?: string;
  readonly out?: string;
  readonly cache?: string;
  readonly resume?: true;
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
  /** What the short side of a photo is resized to before the centre crop of `learner.size`. */
  readonly resize: number;
  readonly learner: LearnerConfig;
}

interface Range {
  readonly from: number;
  readonly to?: number;
  readonly whole?: true;
}

function number(
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

function choice<T extends string>(option: string, text: string | undefined, fallback: T, choices: readonly T[]): T {
  if (text === undefined) return fallback;
  const found = choices.find((name) => name === text);
  return (
    found ?? fail("BAD_OPTION", { option: `--${option}`, expected: `one of ${choices.join(", ")}`, received: text })
  );
}

/** @throws BAD_OPTION */
export function runConfig(data: string, options: TrainOptions): RunConfig {
  const whole = (from: number, to?: number): Range => ({ from, whole: true, ...(to !== undefined && { to }) });
  const size = number("size", options.size, 128, whole(32, 1024));
  choice("device", options.device, "cpu", ["cpu"]);
  return {
    data,
    arch: options.arch ?? "mobilenet_v2",
    weights: options.weights ?? "default",
    valid: number("valid", options.valid, 0.1, { from: 0.01, to: 0.9 }),
    stratify: options.stratify ?? false,
    resize: number("resize", options.resize, size, whole(size, 2048)),
    learner: {
      epochs: number("epochs", options.epochs, 5, whole(0, 10_000)),
      freezeEpochs: number("freeze-epochs", options.freezeEpochs, 1, whole(0, 10_000)),
      lr: number("lr", options.lr, 4e-3, { from: 0, to: 10 }),
      lrMult: number("lr-mult", options.lrMult, 20, { from: 1, to: 1e6 }),
      weightDecay: number("weight-decay", options.weightDecay, 0.01, { from: 0, to: 1 }),
      batch: number("batch", options.batch, 16, whole(2, 1024)),
      size,
      startSize: number("start-size", options.startSize, size, whole(32, 1024)),
      seed: number("seed", options.seed, 42, whole(0, Number.MAX_SAFE_INTEGER)),
      head: choice("head", options.head, "fastai", Object.keys(HEADS) as HeadKind[]),
      labelSmoothing: number("label-smoothing", options.labelSmoothing, 0.1, { from: 0, to: 0.9 }),
      mixup: number("mixup", options.mixup, 0, { from: 0, to: 10 }),
      average: number("average", options.average, 0.99, { from: 0, to: 0.99999 }),
      frozenGroups: number("frozen-groups", options.frozenGroups, 0, whole(0, 10)),
      trainFrozenNorms: options.frozenNorms ?? false,
      statistics: choice("statistics", options.statistics, "batch", ["batch", "running"]),
      augment: {
        ...AUGMENT_DEFAULTS,
        crop: { minScale: number("min-scale", options.minScale, 0.35, { from: 0.01, to: 1 }), ratio: [3 / 4, 4 / 3] },
      },
    },
  };
}

/** With --resume the run's own settings hold; one that was given again must be the same. @throws CONFIG_MISMATCH */
export function expectSameConfig(
  saved: RunConfig,
  options: TrainOptions,
  data: string | undefined,
  name: string,
): void {
  const given = runConfig(data ?? saved.data, { ...options });
  const compare = (option: string, text: unknown, expected: unknown, received: unknown) => {
    if (text !== undefined && JSON.stringify(expected) !== JSON.stringify(received)) {
      fail("CONFIG_MISMATCH", {
        option: `--${option}`,
        name,
        expected: JSON.stringify(expected),
        received: JSON.stringify(received),
      });
    }
  };
  for (const option of ["arch", "weights", "valid", "stratify", "resize"] as const)
    compare(option, options[option], saved[option], given[option]);
  for (const [option, received] of Object.entries(given.learner)) {
    const text = (options as Record<string, unknown>)[option];
    compare(
      option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      text,
      saved.learner[option as keyof LearnerConfig],
      received,
    );
  }
}
