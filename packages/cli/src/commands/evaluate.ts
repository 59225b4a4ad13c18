// `ballsight evaluate`: folders of photos and a model in; accuracy, confusion, calibration, top losses and a report out.

import { basename, resolve } from "node:path";
import { loadSharp } from "@ballsight/server/photos";
import { fail } from "@ballsight/vision";
import { readDataset } from "../data/dataset.ts";
import { answerPhotos } from "../evaluate/answers.ts";
import { matchLabels, nameSome } from "../evaluate/labels.ts";
import { type EvaluateOptions, type EvaluateSettings, evaluateSettings } from "../evaluate/options.ts";
import { choosePhotos, flattery } from "../evaluate/photos.ts";
import { trainingRecord } from "../evaluate/provenance.ts";
import { type EvaluationResult, evaluationResult, predictionsCsv } from "../evaluate/result.ts";
import { withThumbnails } from "../evaluate/topLosses.ts";
import { loadRecognizer } from "../model/load.ts";
import { errorLine, errorRecord } from "../output/errors.ts";
import { evaluationTable } from "../output/evaluationTable.ts";
import { Progress } from "../output/progress.ts";
import { oneLine } from "../output/text.ts";
import { programName } from "../output/version.ts";
import { warn } from "../output/warn.ts";
import { renderEvaluationReport } from "../report/evaluationReport.ts";
import type { Settings } from "../report/page.ts";
import { writeAtomic } from "../run/writeAtomic.ts";

/** Of a terminal that does not say how wide it is, and of a file. */
const COLUMNS = 100;

/** Returns the exit code: 0 when every photo was answered, 1 when one failed. Throws on options, data and models (exit code 2). */
export async function evaluate(data: string, options: EvaluateOptions): Promise<number> {
  const settings = await evaluateSettings(options);
  const progress = new Progress({ stream: process.stderr, silent: !process.stderr.isTTY });
  const warnings: string[] = [];
  const remark = (line: string) => {
    warnings.push(line);
    progress.clear();
    warn(line);
  };
  const [dataset] = await Promise.all([readDataset(data), loadSharp()]);
  for (const message of [...settings.warnings, ...dataset.warnings.map((warning) => warning.message)]) remark(message);
  const recognizer = await loadRecognizer(settings.model);
  const { labels } = recognizer;
  const { labelOf, absent } = matchLabels(dataset.classes, labels, data);
  if (absent.length > 0) remark(`no photos of ${nameSome(absent)}, which the model also knows`);

  const record = trainingRecord(recognizer.metadata);
  const total = dataset.files.length;
  progress.start("Looking for photos that cannot be read");
  const chosen = await choosePhotos({
    dataset,
    settings,
    record,
    onProgress: (done) => progress.update({ done, total }),
  });
  progress.clear();
  const failures = new Map<number, unknown>();
  const report = (index: number, error: unknown) => {
    failures.set(index, error);
    progress.clear();
    process.stderr.write(`${errorLine(error, dataset.files[index])}\n`);
  };
  for (const [index, error] of chosen.failures) report(index, error);

  const isKnown = (index: number) => labelOf[dataset.targets[index]!]! >= 0;
  const leftOut = dataset.classes.flatMap((folder, target) => {
    const count = chosen.indices.filter((index) => dataset.targets[index] === target && !isKnown(index)).length;
    return labelOf[target]! < 0 ? [{ folder, count }] : [];
  });
  if (leftOut.length > 0) {
    const said = leftOut.map(({ folder, count }) => `${folder} (${count} ${count === 1 ? "photo" : "photos"})`);
    remark(`left out, because the model knows no such label: ${nameSome(said)}`);
  }
  const indices = chosen.indices.filter(isKnown);
  progress.start("Photos");
  const answers = await answerPhotos({
    recognizer,
    dataset,
    indices,
    labelOf,
    onFailure: report,
    onProgress: (done) => progress.update({ done, total: indices.length }),
  });
  progress.clear();
  if (answers.indices.length === 0) fail("DATA_TOO_FEW", tooFew(data, settings, indices.length));

  const trainedOn = chosen.isTrainedOn(failures);
  const line = flattery({
    dataset,
    settings,
    record,
    trainedOn,
    failures,
    labelOf: labelOf.map((k) => labels[k]),
  });
  if (line !== undefined) remark(line);
  const files = answers.indices.map((index) => dataset.files[index]!);
  const result = evaluationResult(labels, files, answers, settings.top, {
    model: resolve(settings.model),
    data: dataset.dir,
    split: splitOf(settings),
    seen_in_training: trainedOn ?? null,
    warnings,
    left_out: leftOut,
    unreadable: [...failures].map(([index, error]) => ({ file: dataset.files[index]!, error: errorRecord(error) })),
  });
  await writeAtomic(settings.report, await reportPage(result, recognizer.metadata));
  if (settings.csv !== undefined) await writeAtomic(settings.csv, predictionsCsv(labels, files, answers), "--csv");
  print(result, settings, options);
  return failures.size > 0 ? 1 : 0;
}

function tooFew(name: string, { part }: EvaluateSettings, received: number) {
  if (received > 0) return { name, least: 1, received: "none that can be read", advice: "see the lines above" };
  const advice = "add photos, or measure others with --split and --valid";
  return { name: part === "all" ? name : `${name}, --split ${part}`, least: 1, received, advice };
}

function splitOf({ part, split, splitFrom }: EvaluateSettings): EvaluationResult["split"] {
  return part === "all" ? { part } : { part, ...split, ...(splitFrom !== undefined && { from: splitFrom }) };
}

const PARTS = { all: "all photos", valid: "held-out photos", train: "photos not held out" } as const;

/** `held-out photos: 0.1 of every class, seed 42 (as in runs/x/config.json)` */
function splitWords({ part, valid, stratify, seed, from }: EvaluationResult["split"]): string {
  if (part === "all") return PARTS.all;
  const how = `${valid} held out ${stratify ? "of every class" : "at random"}, seed ${seed}`;
  return `${PARTS[part]}: ${how}${from === undefined ? "" : ` (defaults from ${from})`}`;
}

async function reportPage(result: EvaluationResult, metadata: Readonly<Record<string, string>>): Promise<string> {
  const kept = ["architecture", "weights", "license", "preprocess"].flatMap((key): [string, string][] => {
    const value = metadata[`ballsight.${key}`];
    return value === undefined ? [] : [[key, value.replace(/^"(.*)"$/, "$1")]];
  });
  const settings: Settings = [
    ["model", result.model],
    ["data", result.data],
    ["photos", splitWords(result.split)],
    ...result.left_out.map(({ folder, count }): [string, string] => ["left out", `${folder}, ${count} photos`]),
    ...kept,
  ];
  return renderEvaluationReport({
    title: `${basename(result.model)} on ${basename(result.data)}`,
    finishedAt: new Date().toISOString(),
    program: programName(),
    result,
    worst: await withThumbnails(result.data, result.top_losses),
    settings,
  });
}

function print(result: EvaluationResult, { report, csv }: EvaluateSettings, { json }: EvaluateOptions): void {
  if (json) {
    const files = { report, ...(csv !== undefined && { csv }) };
    process.stdout.write(`${JSON.stringify({ ...result, ...files })}\n`);
    return;
  }
  const lines = [
    `model   ${oneLine(result.model)}`,
    `photos  ${oneLine(result.data)}, ${oneLine(splitWords(result.split))}`,
    "",
    evaluationTable(result, process.stdout.columns ?? COLUMNS),
    "",
    `report  ${oneLine(report)}`,
    ...(csv === undefined ? [] : [`csv     ${oneLine(csv)}`]),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
