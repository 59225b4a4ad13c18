// `ballsight predict`: photos, folders or standard input in, one line or one JSON object per photo out.

import { availableParallelism } from "node:os";
import { decode, decodeFile, loadSharp, readStream } from "@ballsight/server/photos";
import { fail, type Recognizer, type RgbPhoto } from "@ballsight/vision";
import { aheadOf } from "../images/aheadOf.ts";
import { listPhotos, type PhotoEntry, STDIN } from "../images/photoList.ts";
import { defaultModelPath, loadRecognizer } from "../model/load.ts";
import { errorRecord } from "../output/errors.ts";
import { Progress } from "../output/progress.ts";
import { type PhotoAnswer, printJson, tablePrinter } from "../predict/print.ts";

export interface PredictOptions {
  readonly model?: string;
  readonly top: string;
  readonly redis?: string;
  readonly out?: string;
  readonly retry?: true;
  readonly json?: true;
}

/** Jobs that end sooner show no progress bar. */
const PROGRESS_AFTER_MS = 2000;

/** What standard input is called in errors. */
const STDIN_NAME = "standard input";

/** Returns the exit code: 0 when every photo was answered, 1 when one failed. Throws on options and models (exit code 2). */
export async function predict(args: readonly string[], options: PredictOptions): Promise<number> {
  const top = parseTop(options.top);
  if (options.redis !== undefined) {
    // Loaded by those alone who want it.
    const { predictOverRedis } = await import("../predict/overRedis.ts");
    return await predictOverRedis(await listPhotos(args), top, { ...options, redis: options.redis });
  }
  const alone = options.out === undefined ? options.retry && "--retry" : "--out";
  if (alone) fail("BAD_OPTION", { option: "--redis", expected: `an address with ${alone}`, received: "nothing" });
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
    const result =
      outcome.status === "fulfilled"
        ? await answer(recognizer, outcome.value, top)
        : { error: errorRecord(outcome.reason) };
    if ("error" in result) failed = true;
    if (process.stdout.isTTY || "error" in result) progress.clear();
    print(item.file, result);
    done += 1;
    if (performance.now() - started > PROGRESS_AFTER_MS) progress.update({ done, total: entries.length });
  }
  progress.clear();
  return failed ? 1 : 0;
}

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

async function answer(recognizer: Recognizer, photo: RgbPhoto, top: number): Promise<PhotoAnswer> {
  try {
    const [prediction] = await recognizer.predict([photo]);
    return { top: prediction?.top(top) ?? [] };
  } catch (error) {
    return { error: errorRecord(error) };
  }
}
