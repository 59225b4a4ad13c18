// `bench predict`: from a photo's file to its answer, in a fresh process and in a warm one, and a folder's photos per second.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { render } from "@ballsight/render";
import { fail, Recognizer } from "@ballsight/vision";
import * as runtime from "onnxruntime-node";
import { aheadOf, decodeFile, defaultModelPath, listPhotos, loadSharp } from "./internals.ts";
import { PROGRAM, wholeNumber } from "./options.ts";
import { milliseconds, print, type Row, rate, rounded, seconds, tell } from "./output.ts";
import { ProgramFailed, run } from "./processes.ts";
import { progressBar } from "./progress.ts";
import { spread } from "./stats.ts";
import { temporaryFolder } from "./temporary.ts";

/** As commander hands them over. */
export interface PredictOptions {
  readonly model?: string;
  readonly photo?: string;
  readonly folder?: string;
  readonly cold: string;
  readonly warm: string;
  readonly json?: true;
}

/** The first answers of a session allocate its memory. */
const WARM_UP = 5;

export async function predict(options: PredictOptions): Promise<void> {
  const model = options.model ?? defaultModelPath();
  if (!existsSync(model)) fail("MODEL_NOT_FOUND", { name: model });
  const photo = options.photo ?? (await drawPhoto());
  const starts = wholeNumber("cold", options.cold, 1, 1000);
  const repeats = wholeNumber("warm", options.warm, 1, 100_000);

  const cold = await coldTimes(model, photo, starts);
  const recognizer = await Recognizer.load(runtime, await readFile(model), {
    name: model,
    session: { graphOptimizationLevel: "all", logSeverityLevel: 3 },
  });
  await loadSharp();
  try {
    const warm = await warmTimes(recognizer, photo, repeats);
    const folder = options.folder === undefined ? undefined : await folderRate(recognizer, options.folder);
    const { width, height } = await decodeFile(photo);
    const result = {
      photo: options.photo ?? "rendered",
      width,
      height,
      model_size: recognizer.preprocess.size,
      cold_process_s: { min: rounded(cold.min), median: rounded(cold.median), runs: starts },
      warm_ms: { median: rounded(warm.total.median, 2), p95: rounded(warm.total.p95, 2), runs: repeats },
      warm_decode_ms: { median: rounded(warm.decoding.median, 2) },
      warm_model_ms: { median: rounded(warm.answering.median, 2) },
      ...(folder && { folder }),
    };
    const rows: Row[] = [
      [`one photo, ${width} x ${height} -> ${recognizer.preprocess.size} px`, "median", ""],
      ["cold process, start to end", seconds(cold.median), `min ${seconds(cold.min)}`],
      ["warm, file to answer", milliseconds(warm.total.median), `p95 ${milliseconds(warm.total.p95)}`],
      ["  of that reading and decoding", milliseconds(warm.decoding.median)],
      ["  of that the model", milliseconds(warm.answering.median)],
      folder === undefined
        ? ["folder skipped: name one with --folder"]
        : [
            `folder of ${folder.photos} photos, ${folder.failed} failed`,
            rate(folder.photos_per_s),
            seconds(folder.seconds),
          ],
    ];
    print(result, rows, options.json === true);
  } finally {
    await recognizer.release();
  }
}

/** A JPEG of 640 x 480 as a camera would write it. */
async function drawPhoto(): Promise<string> {
  tell("drawing a photo of 640 x 480 (name one of yours with --photo) ...");
  const [width, height] = [640, 480];
  const { data } = render({ ball: "Tennis", width, height, seed: 1 });
  const sharp = await loadSharp();
  const file = join(temporaryFolder(), "tennis.jpg");
  await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toFile(file);
  return file;
}

/** Seconds from starting Node to the end of the process. */
async function coldTimes(model: string, photo: string, starts: number) {
  const progress = progressBar();
  progress.start("Cold processes");
  const all: number[] = [];
  // One start more than counted, so that every one finds its files in the system's cache.
  for (let i = 0; i <= starts; i++) {
    const outcome = await run(process.execPath, [PROGRAM, "predict", photo, "--model", model, "--json"]);
    if (outcome.code !== 0) {
      progress.clear();
      throw new ProgramFailed("ballsight predict", outcome);
    }
    if (i > 0) all.push(outcome.seconds);
    progress.update({ done: i, total: starts });
  }
  progress.clear();
  return spread(all);
}

async function warmTimes(recognizer: Recognizer, photo: string, repeats: number) {
  const progress = progressBar();
  progress.start("Warm answers");
  const times: Record<"total" | "decoding" | "answering", number[]> = { total: [], decoding: [], answering: [] };
  for (let i = -WARM_UP; i < repeats; i++) {
    const began = performance.now();
    const pixels = await decodeFile(photo);
    const decoded = performance.now();
    await recognizer.predict([pixels]);
    const ended = performance.now();
    if (i < 0) continue;
    times.total.push(ended - began);
    times.decoding.push(decoded - began);
    times.answering.push(ended - decoded);
    progress.update({ done: i + 1, total: repeats });
  }
  progress.clear();
  return { total: spread(times.total), decoding: spread(times.decoding), answering: spread(times.answering) };
}

/** Decodes ahead as the command does. Photos that cannot be read count as failed, not as answered. */
async function folderRate(recognizer: Recognizer, folder: string) {
  const entries = (await listPhotos([folder])).filter(({ error }) => error === undefined);
  if (entries.length === 0) fail("NO_PHOTOS", { name: folder });
  const progress = progressBar();
  progress.start("Photos of the folder");
  const began = performance.now();
  let failed = 0;
  let done = 0;
  const decoded = aheadOf(entries, Math.max(2, availableParallelism()), ({ file }) => decodeFile(file));
  for await (const { outcome } of decoded) {
    if (outcome.status === "fulfilled") await recognizer.predict([outcome.value]);
    else failed += 1;
    done += 1;
    progress.update({ done, total: entries.length });
  }
  progress.clear();
  const duration = (performance.now() - began) / 1000;
  const photos = entries.length - failed;
  return { photos, failed, seconds: rounded(duration), photos_per_s: rounded(photos / duration, 1) };
}
