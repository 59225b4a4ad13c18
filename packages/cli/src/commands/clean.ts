// `ballsight clean`: a data set in; doubtful photos out, with a reason and a suggestion each, in issues.jsonl.

import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { cleanDataset, recordsOf } from "../clean/cleanDataset.ts";
import { foldsJudge } from "../clean/folds.ts";
import { ISSUES_FILE, writeIssues } from "../clean/issues.ts";
import type { Passed } from "../clean/pass.ts";
import { type CleanResult, cleanResult, unjudgedRemark } from "../clean/result.ts";
import { readThresholds } from "../clean/thresholds.ts";
import { type Dataset, readDataset } from "../data/dataset.ts";
import { readVersion } from "../data/version.ts";
import { nameSome } from "../evaluate/labels.ts";
import { fingerprintOf, trainingRecord } from "../evaluate/provenance.ts";
import { defaultModelPath } from "../model/load.ts";
import { cleanTable } from "../output/cleanTable.ts";
import { errorLine } from "../output/errors.ts";
import { Progress } from "../output/progress.ts";
import { oneLine } from "../output/text.ts";
import { warn } from "../output/warn.ts";
import { expectWritable } from "../report/place.ts";
import { RUN_FILES } from "../run/runDirectory.ts";
import { number, savedConfig, trainArguments } from "../train/options.ts";

export interface CleanOptions {
  readonly model?: string;
  readonly out?: string;
  readonly cache?: string;
  readonly threshold?: readonly string[];
  readonly foldsTrain?: string;
  readonly json?: true;
}

/** Returns the exit code: 0 when every photo was looked at, 1 when some could not be read. Throws on options, data and models (exit code 2). */
export async function clean(data: string, options: CleanOptions): Promise<number> {
  const thresholds = readThresholds(options.threshold);
  const model = options.model ?? defaultModelPath();
  const folds = number("folds-train", options.foldsTrain, 0, { from: 2, to: 20, whole: true });
  const dataset = await readDataset(data, 1);
  const out = resolve(options.out ?? join(dataset.dir, ISSUES_FILE));
  await expectWritable("--out", out, [".jsonl"]);
  const progress = new Progress({ stream: process.stderr, silent: options.json === true });
  const warnings: string[] = [];
  const remark = (line: string) => {
    warnings.push(line);
    progress.clear();
    warn(line);
  };
  for (const { message } of dataset.warnings) remark(message);
  if (dataset.classes.length === 1) {
    remark("one class alone: copies and bad pictures are looked for, labels cannot be judged");
  }
  if (options.model === undefined) remark("no --model: the recogniser that ships says what photos look like");

  const { passed, findings } = await cleanDataset({
    dataset,
    model,
    cache: options.cache,
    thresholds,
    progress,
    onPassed: (passed, { metadata }) => {
      for (const [index, error] of passed.failures) {
        process.stderr.write(`${errorLine(error, dataset.files[index])}\n`);
      }
      if (folds === 0 && wasTrainedOn(metadata, dataset, passed)) remark(LEARNT_BY_HEART);
    },
    ...(folds > 0 && {
      judge: foldsJudge({
        dataset,
        folds,
        root: recordsOf(dataset, options.cache),
        args: await argsBeside(model),
        progress,
      }),
    }),
  });
  const { unjudged } = findings.labels;
  if (unjudged.length > 0) remark(unjudgedRemark(nameSome(unjudged.map((target) => dataset.classes[target]!))));
  const version = await readVersion(join(dirname(model), RUN_FILES.data)).catch(() => []);
  const parts = new Map(version.map(({ sha256, split }) => [sha256, split]));
  const splitOf = ({ sha256 }: { readonly sha256: string }) => parts.get(sha256);
  const issues = findings.issues.map((issue) => {
    const split = splitOf(issue);
    return split === undefined ? issue : { ...issue, split };
  });
  const heldOut = new Set(issues.flatMap(({ split, file }) => (split === "valid" ? [file] : []))).size;
  if (heldOut > 0) {
    remark(
      `${heldOut} of these photos are held out by the model's run: what is changed there changes what accuracy is measured on`,
    );
  }
  const found = { ...findings, issues };
  const result = cleanResult({
    dataset,
    model: resolve(model),
    passed,
    findings: found,
    thresholds,
    warnings,
    splitOf,
  });
  await writeIssues(out, result.issues);
  print(result, out, options);
  return passed.failures.size > 0 ? 1 : 0;
}

const LEARNT_BY_HEART =
  "the model was trained on these very photos, so it may have learnt wrong labels by heart: one that was not finds more (--model, or --folds-train 5)";

/** Trained as the model was, where its run says how; else as `train` does. */
async function argsBeside(model: string): Promise<string[]> {
  const file = join(dirname(model), RUN_FILES.config);
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return [];
  return trainArguments({ ...savedConfig(JSON.parse(text), file), dataVersion: null });
}

function wasTrainedOn(metadata: Readonly<Record<string, string>>, dataset: Dataset, passed: Passed): boolean {
  const hashes: (string | undefined)[] = dataset.files.map(() => undefined);
  for (const { index, sha256 } of passed.photos) hashes[index] = sha256;
  return fingerprintOf(dataset, hashes, (index) => !passed.failures.has(index)) === trainingRecord(metadata).data;
}

function print(result: CleanResult, out: string, { json }: CleanOptions): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...result, issues_file: out })}\n`);
    return;
  }
  const lines = [cleanTable(result), "", `issues  ${oneLine(out)}`];
  process.stdout.write(`${lines.join("\n")}\n`);
}
