// `bench clean-training`: what wrong labels cost a training, and what its automatic cleaning brings back, on held-out photos whose labels stay true.

import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type DataVersion, formatVersion, type RoundResult, readVersion } from "../internals.ts";
import { dataFolder, inRepository, PROGRAM, share, wholeNumber } from "../options.ts";
import { print, type Row, tell } from "../output.ts";
import { ProgramFailed, run } from "../processes.ts";
import { temporaryFolder } from "../temporary.ts";
import { swap } from "./labels.ts";

/** As commander hands them over. */
interface TrainingOptions {
  readonly data?: string;
  readonly portion: string;
  readonly seed: string;
  readonly out?: string;
  readonly json?: true;
}

/** What the automatic cleaning did to the photos that are trained on. */
export interface Cleaned {
  readonly planted: number;
  /** Planted labels that are true again. */
  readonly corrected: number;
  /** Planted labels whose photo is out. */
  readonly taken_out: number;
  /** Labels that were not planted and are others now: wrong in the photos as they were, or made wrong. */
  readonly others_changed: number;
  /** Photos without a planted label that are out: copies. */
  readonly others_out: number;
}

export async function cleanTraining(trainArguments: readonly string[], options: TrainingOptions): Promise<void> {
  const data = dataFolder(options.data);
  const portion = share("portion", options.portion);
  const seed = wholeNumber("seed", options.seed, 0);
  const folder = options.out ?? temporaryFolder();
  const [onTrue, rounds, spoiltFile] = ["true", "rounds", "spoilt.jsonl"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];

  const { accuracy } = (await train([data, ...trainArguments], onTrue)) as { accuracy: number };
  const truth = await readVersion(join(onTrue, "data.jsonl"));
  const spoilt = spoil(truth, portion, seed);
  await writeFile(spoiltFile, formatVersion(spoilt));
  const inRounds = [data, ...trainArguments, "--data-version", spoiltFile, "--rounds", "2", "--auto"];
  const [before, after] = ((await train(inRounds, rounds)) as { rounds: readonly RoundResult[] }).rounds;
  const cleaned = after === undefined ? undefined : compare(truth, spoilt, await readVersion(after.version));
  const held = truth.filter(({ split }) => split === "valid").length;
  const line = (name: string, accuracy: number | undefined): Row => [
    name,
    accuracy === undefined ? "nothing was changed" : `${(100 * accuracy).toFixed(1)} %`,
  ];
  print(
    {
      portion,
      seed,
      held_out: held,
      true: accuracy,
      spoilt: before?.accuracy,
      cleaned: after?.accuracy,
      cleaning: cleaned,
    },
    [
      [`trained with ${trainArguments.join(" ") || "defaults"}`, `accuracy on ${held} held-out photos`],
      line("true labels", accuracy),
      line(`${100 * portion} % of the training labels swapped`, before?.accuracy),
      line("the same, cleaned by --rounds 2 --auto", after?.accuracy),
      ...Object.entries(cleaned ?? {}).map(([name, count]): Row => [name.replaceAll("_", " "), `${count}`]),
    ],
    options.json === true,
  );
}

/** The same version with a portion of the labels of its training photos swapped, each to any other class. */
export function spoil(version: DataVersion, portion: number, seed: number): DataVersion {
  const classes = [...new Set(version.map(({ label }) => label))].sort();
  const trained = [...version.keys()].filter((i) => version[i]!.split === "train");
  const labels = trained.map((i) => classes.indexOf(version[i]!.label));
  const { targets } = swap(labels, classes.length, portion, seed);
  const spoilt = new Map(trained.map((i, row) => [i, classes[targets[row]!]!]));
  return version.map((photo, i) => ({ ...photo, label: spoilt.get(i) ?? photo.label }));
}

export function compare(truth: DataVersion, spoilt: DataVersion, after: DataVersion): Cleaned {
  const now = new Map(after.map((photo) => [photo.file, photo]));
  const cleaned = { planted: 0, corrected: 0, taken_out: 0, others_changed: 0, others_out: 0 };
  for (const [i, { file, label }] of truth.entries()) {
    const isPlanted = spoilt[i]!.label !== label;
    const photo = now.get(file);
    const isOut = photo === undefined || photo.split === "out";
    if (isPlanted) {
      cleaned.planted += 1;
      if (isOut) cleaned.taken_out += 1;
      else if (photo.label === label) cleaned.corrected += 1;
    } else if (isOut) cleaned.others_out += 1;
    else if (photo.label !== label) cleaned.others_changed += 1;
  }
  return cleaned;
}

/** Goes on where an earlier call into the same folder was broken off. Returns the last line's object: metrics, or rounds. */
async function train(args: readonly string[], out: string): Promise<unknown> {
  const shared = inRepository("../shared/weights");
  const weights = process.env.BALLSIGHT_WEIGHTS ?? (existsSync(shared) ? shared : undefined);
  const all = [...(existsSync(out) ? ["--resume"] : args), "--out", out, "--json"];
  tell(`ballsight train ${all.join(" ")}`);
  const outcome = await run(process.execPath, [PROGRAM, "train", ...all], {
    env: { ...process.env, ...(weights !== undefined && { BALLSIGHT_WEIGHTS: weights }) },
    showErrors: true,
    onLine: (text) => tell(text.length > 300 ? `${text.slice(0, 300)} ...` : text),
  });
  if (outcome.code !== 0) throw new ProgramFailed("ballsight train", outcome);
  return JSON.parse(outcome.stdout.split("\n").at(-1)!);
}
