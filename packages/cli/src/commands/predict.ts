// `ballsight predict`: photos, folders or standard input in, one line or one JSON object per photo out.

import { availableParallelism } from "node:os";
import { decode, decodeFile, loadSharp, readStream } from "@ballsight/server/photos";
import { fail, type Prediction, type Recognizer, type RgbPhoto } from "@ballsight/vision";
import { aheadOf } from "../images/aheadOf.ts";
import { listPhotos, type PhotoEntry, STDIN } from "../images/photoList.ts";
import { defaultModelPath, loadRecognizer } from "../model/load.ts";
import { errorLine, errorRecord } from "../output/errors.ts";
import { Progress } from "../output/progress.ts";
import { dim, fit, oneLine, percent } from "../output/text.ts";

export interface PredictOptions {
  readonly model?: string;
  readonly top: string;
  readonly json?: true;
}

/** Widest file column of the table. */
const MAX_FILE_COLUMN = 60;

/** Jobs that end sooner show no progress bar. */
const PROGRESS_AFTER_MS = 2000;

/** What standard input is called in errors. */
const STDIN_NAME = "standard input";

/** Returns the exit code: 0 when every photo was answered, 1 when one failed. Throws on options and models (exit code 2). */
export async function predict(args: readonly string[], options: PredictOptions): Promise<number> {
  const top = parseTop(options.top);
  const modelPath = options.model ?? defaultModelPath();
  // Decoding goes on in libvips' threads while the session is created; ORT's own work would block this thread anyway.
  const [entries] = await Promise.all([listPhotos(args), loadSharp()]);
  const photos = aheadOf(entries, Math.max(2, availableParallelism()), decodeEntry);
  const first = photos.next();
  const recognizer = await loadRecognizer(modelPath);

  const progress = new Progress({ stream: process.stderr, silent: !process.stderr.isTTY });
  progress.start("Photos");
  const started = performance.now();
  let done = 0;
  const print = options.json ? printJson : tablePrinter(entries, recognizer.labels);
  let failed = false;
  for (let step = await first; !step.done; step = await photos.next()) {
    const { item, outcome } = step.value;
    const result = outcome.status === "fulfilled" ? await answer(recognizer, outcome.value) : { error: outcome.reason };
    if ("error" in result) failed = true;
    if (process.stdout.isTTY || "error" in result) progress.clear();
    print(item.file, result, top);
    done += 1;
    if (performance.now() - started > PROGRESS_AFTER_MS) progress.update({ done, total: entries.length });
  }
  progress.clear();
  return failed ? 1 : 0;
}

type Result = { readonly prediction: Prediction } | { readonly error: unknown };
type Print = (file: string, result: Result, top: number) => void;

function parseTop(value: string): number {
  const top = Number(value);
  if (/^\d+$/.test(value) && top >= 1) return top;
  return fail("BAD_OPTION", { option: "--top", expected: "a whole number from 1", received: value });
}

async function decodeEntry({ file, error }: PhotoEntry): Promise<RgbPhoto> {
  if (error !== undefined) throw error;
  if (file !== STDIN) return decodeFile(file);
  if (process.stdin.isTTY) process.stderr.write("ballsight: reading a photo from standard input\n");
  return decode(await readStream(process.stdin, STDIN_NAME), STDIN_NAME);
}

async function answer(recognizer: Recognizer, photo: RgbPhoto): Promise<Result> {
  try {
    const [prediction] = await recognizer.predict([photo]);
    return { prediction: prediction as Prediction };
  } catch (error) {
    return { error };
  }
}

const printJson: Print = (file, result, top) => {
  process.stdout.write(
    `${JSON.stringify({ file, ...("error" in result ? failure(result.error) : best(result, top)) })}\n`,
  );
};

const failure = (error: unknown) => ({ error: errorRecord(error) });

function best({ prediction }: { readonly prediction: Prediction }, count: number) {
  // float32 has seven digits: what lies beyond is noise.
  const top = prediction
    .top(count)
    .map(({ label, confidence }) => ({ label, confidence: Number(confidence.toFixed(6)) }));
  return { ...top[0], top };
}

function tablePrinter(entries: readonly PhotoEntry[], labels: readonly string[]): Print {
  const widest = (texts: readonly string[]) => texts.reduce((width, text) => Math.max(width, [...text].length), 0);
  const fileColumn = Math.min(MAX_FILE_COLUMN, widest(entries.map(({ file }) => oneLine(file))));
  const labelColumn = widest(labels.map(oneLine));
  return (file, result, top) => {
    if ("error" in result) {
      process.stderr.write(`${errorLine(result.error, file)}\n`);
      return;
    }
    const [first, ...others] = result.prediction.top(top);
    if (first === undefined) return;
    const rest = others
      .map(({ label, confidence }) => `${oneLine(label)} ${percent(confidence).trimStart()}`)
      .join(", ");
    const row = `${fit(oneLine(file), fileColumn)}  ${oneLine(first.label).padEnd(labelColumn)}  ${percent(first.confidence)}`;
    process.stdout.write(`${row}${rest === "" ? "" : dim(`  ${rest}`, process.stdout)}\n`);
  };
}
