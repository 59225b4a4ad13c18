// `ballsight clean`: a data set in; doubtful photos out, with a reason and a suggestion each, in issues.jsonl.

import { join, resolve } from "node:path";
import { loadSharp } from "@ballsight/server/photos";
import { fail } from "@ballsight/vision";
import { findIssues } from "../clean/find.ts";
import { ISSUES_FILE, writeIssues } from "../clean/issues.ts";
import { type Passed, passOver, recordsFolder } from "../clean/pass.ts";
import { type CleanResult, cleanResult, unjudgedRemark } from "../clean/result.ts";
import { readThresholds } from "../clean/thresholds.ts";
import { lockCacheFolder, userCache } from "../data/cacheFolder.ts";
import { type Dataset, readDataset } from "../data/dataset.ts";
import { Metadata } from "../data/metadata.ts";
import { nameSome } from "../evaluate/labels.ts";
import { fingerprintOf, trainingRecord } from "../evaluate/provenance.ts";
import { defaultModelPath, loadRecognizer } from "../model/load.ts";
import { cleanTable } from "../output/cleanTable.ts";
import { errorLine } from "../output/errors.ts";
import { Progress } from "../output/progress.ts";
import { oneLine } from "../output/text.ts";
import { warn } from "../output/warn.ts";
import { expectWritable } from "../report/place.ts";
import { hashFile } from "../trash/move.ts";

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
  const [runtime, recognizer, hash, metadata] = await Promise.all([
    import("onnxruntime-node"),
    loadRecognizer(model),
    hashFile(model),
    Metadata.read(dataset.dir),
    loadSharp(),
  ]);
  const progress = new Progress({ stream: process.stderr, silent: options.json === true });
  const warnings: string[] = [];
  const remark = (line: string) => {
    warnings.push(line);
    progress.clear();
    warn(line);
  };
  for (const { message } of dataset.warnings) remark(message);
  if (options.model === undefined) remark("no --model: the recogniser that ships says what photos look like");

  const passed = await withRecords(dataset, options.cache, (folder) => {
    progress.start("Photos");
    return passOver({
      dataset,
      recognizer,
      model: hash!,
      folder,
      onProgress: (done, total) => progress.update({ done, total }),
    });
  });
  progress.clear();
  for (const [index, error] of passed.failures) process.stderr.write(`${errorLine(error, dataset.files[index])}\n`);
  if (passed.photos.length === 0) fail("NO_PHOTOS", { name: data });
  if (wasTrainedOn(recognizer.metadata, dataset, passed)) {
    remark(
      "the model was trained on these very photos, so it may have learnt wrong labels by heart: one that was not finds more (--model)",
    );
  }

  let stage = "";
  const findings = await findIssues({
    runtime,
    passed,
    classes: dataset.classes,
    metadata,
    thresholds,
    onProgress: (label, done, total) => {
      if (label !== stage) progress.start(label);
      stage = label;
      progress.update({ done, total });
    },
  });
  progress.clear();
  const { unjudged } = findings.labels;
  if (unjudged.length > 0) remark(unjudgedRemark(nameSome(unjudged.map((target) => dataset.classes[target]!))));
  const result = cleanResult({ dataset, model: resolve(model), passed, findings, thresholds, warnings });
  await writeIssues(out, result.issues);
  await recognizer.release();
  print(result, out, options);
  return passed.failures.size > 0 ? 1 : 0;
}

/** The cache is held while it is filled: two processes at once would write over each other. */
async function withRecords<T>(
  { dir }: Dataset,
  option: string | undefined,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const root = option ?? process.env.BALLSIGHT_CACHE;
  const folder = recordsFolder(join(root ? resolve(root) : userCache(), "clean"), dir);
  const lock = await lockCacheFolder(folder, {
    onWait: (holder) => warn(`waiting for ${holder}, which looks at these photos`),
  });
  try {
    return await work(folder);
  } finally {
    await lock.release();
  }
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
