// `ballsight clean`: a data set in; doubtful photos out, with a reason and a suggestion each, in issues.jsonl.

import { join, resolve } from "node:path";
import { cleanDataset } from "../clean/cleanDataset.ts";
import { ISSUES_FILE, writeIssues } from "../clean/issues.ts";
import type { Passed } from "../clean/pass.ts";
import { type CleanResult, cleanResult, unjudgedRemark } from "../clean/result.ts";
import { readThresholds } from "../clean/thresholds.ts";
import { type Dataset, readDataset } from "../data/dataset.ts";
import { nameSome } from "../evaluate/labels.ts";
import { fingerprintOf, trainingRecord } from "../evaluate/provenance.ts";
import { defaultModelPath } from "../model/load.ts";
import { cleanTable } from "../output/cleanTable.ts";
import { errorLine } from "../output/errors.ts";
import { Progress } from "../output/progress.ts";
import { oneLine } from "../output/text.ts";
import { warn } from "../output/warn.ts";
import { expectWritable } from "../report/place.ts";

export interface CleanOptions {
  readonly model?: string;
  readonly out?: string;
  readonly cache?: string;
  readonly threshold?: readonly string[];
  readonly json?: true;
}

/** Returns the exit code: 0 when every photo was looked at, 1 when some could not be read. Throws on options, data and models (exit code 2). */
export async function clean(data: string, options: CleanOptions): Promise<number> {
  const thresholds = readThresholds(options.threshold);
  const model = options.model ?? defaultModelPath();
  const dataset = await readDataset(data);
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
      if (wasTrainedOn(metadata, dataset, passed)) remark(LEARNT_BY_HEART);
    },
  });
  const { unjudged } = findings.labels;
  if (unjudged.length > 0) remark(unjudgedRemark(nameSome(unjudged.map((target) => dataset.classes[target]!))));
  const result = cleanResult({ dataset, model: resolve(model), passed, findings, thresholds, warnings });
  await writeIssues(out, result.issues);
  print(result, out, options);
  return passed.failures.size > 0 ? 1 : 0;
}

const LEARNT_BY_HEART =
  "the model was trained on these very photos, so it may have learnt wrong labels by heart: one that was not finds more (--model, or --folds-train 5)";

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
