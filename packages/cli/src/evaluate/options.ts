// The options of `ballsight evaluate`: their texts, checked, and what a run beside the model file fills in.

import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fail } from "@ballsight/vision";
import { type DataVersion, readVersion } from "../data/version.ts";
import { defaultModelPath } from "../model/load.ts";
import { EVALUATION_KIND } from "../report/evaluationReport.ts";
import { expectPlaceFor, expectWritable, kindOf } from "../report/place.ts";
import { RUN_FILES } from "../run/runDirectory.ts";
import { choice, number, type RunConfig } from "../train/options.ts";

/** As commander hands them over: texts, or undefined where they were not given. */
export interface EvaluateOptions {
  readonly model?: string;
  readonly split?: string;
  readonly valid?: string;
  readonly seed?: string;
  readonly stratify?: true;
  readonly top?: string;
  readonly out?: string;
  readonly csv?: string;
  readonly json?: true;
}

/** Which photos a training held out. */
export interface SplitSettings {
  readonly valid: number;
  readonly seed: number;
  readonly stratify: boolean;
}

const PARTS = ["all", "valid", "train"] as const;

export interface EvaluateSettings {
  readonly model: string;
  readonly part: (typeof PARTS)[number];
  readonly split: SplitSettings;
  /** The run's `config.json` that settings of the split were taken from. */
  readonly splitFrom?: string;
  /** What the run beside the model held out, photo by photo; not where another split is asked for. */
  readonly version?: DataVersion;
  readonly top: number;
  /** Absolute. */
  readonly report: string;
  /** Absolute. */
  readonly csv?: string;
  readonly warnings: readonly string[];
}

/** @throws BAD_OPTION, also where report or CSV cannot be written: better now than after minutes */
export async function evaluateSettings(options: EvaluateOptions): Promise<EvaluateSettings> {
  const model = options.model ?? defaultModelPath();
  const part = choice("split", options.split, "all", PARTS);
  const saved = await splitBeside(model);
  const split = {
    valid: number("valid", options.valid, saved?.split.valid ?? 0.1, { from: 0.01, to: 0.9 }),
    seed: number("seed", options.seed, saved?.split.seed ?? 42, { from: 0, to: Number.MAX_SAFE_INTEGER, whole: true }),
    stratify: options.stratify ?? saved?.split.stratify ?? false,
  };
  const top = number("top", options.top, 24, { from: 0, to: 1000, whole: true });
  const report = options.out ?? (await defaultReport());
  await expectPlaceFor(EVALUATION_KIND, "--out", report);
  if (options.csv !== undefined) await expectWritable("--csv", options.csv, [".csv"]);
  const given = [options.valid, options.seed, options.stratify].some((value) => value !== undefined);
  const idle = given && part === "all";
  const version = given || part === "all" ? undefined : await versionBeside(model);
  return {
    model,
    part,
    split,
    ...(saved !== undefined && { splitFrom: saved.file }),
    ...(version !== undefined && { version }),
    top,
    report: resolve(report),
    ...(options.csv !== undefined && { csv: resolve(options.csv) }),
    warnings: idle ? ["--valid, --seed and --stratify say nothing without --split valid or --split train"] : [],
  };
}

/** The split of the run that the model file lies in. What is no such run's config.json says nothing. */
async function splitBeside(model: string): Promise<{ file: string; split: SplitSettings } | undefined> {
  const file = join(dirname(model), RUN_FILES.config);
  try {
    const { valid, stratify, learner } = JSON.parse(await readFile(file, "utf8")) as Partial<RunConfig>;
    const seed = learner?.seed;
    if (typeof valid !== "number" || !(valid > 0 && valid < 1) || typeof stratify !== "boolean") return undefined;
    return Number.isSafeInteger(seed) ? { file, split: { valid, seed: seed as number, stratify } } : undefined;
  } catch {
    return undefined;
  }
}

async function versionBeside(model: string): Promise<DataVersion | undefined> {
  return await readVersion(join(dirname(model), RUN_FILES.data)).catch(() => undefined);
}

/** `report.html` here, or `evaluation.html` where that is somebody else's: a training's, another program's. */
async function defaultReport(): Promise<string> {
  for (const name of ["report.html", "evaluation.html"]) {
    const kind = await kindOf(name);
    if (kind === undefined || kind === EVALUATION_KIND) return name;
  }
  const expected = "a name for the report";
  return fail("BAD_OPTION", { option: "--out", expected, received: "none, and report.html here is another one" });
}
