// What a worker does with a shard of `predict`; models stay open from shard to shard.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { pipeline } from "node:stream/promises";
import { decodeFile } from "@ballsight/server/photos";
import { BallsightError, type ErrorCode, fail, type Recognizer } from "@ballsight/vision";
import { aheadOf } from "../images/aheadOf.ts";
import { defaultModelPath, loadRecognizer } from "../model/load.ts";
import { errorRecord } from "../output/errors.ts";
import { publish, resultPath } from "../queue/shard.ts";
import type { ShardJob } from "../queue/shardWorker.ts";
import type { PhotoAnswer } from "./print.ts";
import { type PredictShardResult, predictShardOf } from "./shard.ts";

/** What a photo's own bytes come to, on whatever machine. Anything else may be this one's fault and is no answer, as answers are kept. */
const OF_THE_PHOTO: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "EMPTY_FILE",
  "FILE_TOO_LARGE",
  "NOT_AN_IMAGE",
  "IMAGE_UNSUPPORTED",
  "IMAGE_TOO_LARGE",
  "IMAGE_TOO_NARROW",
  "IMAGE_TRUNCATED",
]);

/** @param place where a folder of the coordinator is on this machine */
export function predictJob(place: (path: string) => string): ShardJob {
  // One model at a time: workers are asked for one, and each takes its memory.
  let open: { readonly hash: string; readonly recognizer: Recognizer } | undefined;
  return async ({ id, content }, folder, signal) => {
    const { photos, top, model, modelHash } = predictShardOf(content);
    if (!(await stat(folder).catch(() => undefined))?.isDirectory()) fail("SHARD_FOLDER", { name: folder });
    if (open?.hash !== modelHash) {
      const path = model === undefined ? defaultModelPath() : place(model);
      // Before it is loaded: it may be anything.
      if ((await hashOfFile(path)) !== modelHash) fail("SHARD_MODEL", { name: path });
      const before = open?.recognizer;
      open = undefined;
      await before?.release();
      open = { hash: modelHash, recognizer: await loadRecognizer(path) };
    }
    const { recognizer } = open;
    const answers: PhotoAnswer[] = [];
    const decoded = aheadOf(photos, Math.max(2, availableParallelism()), ({ name, path }) =>
      decodeFile(place(path), name),
    );
    for await (const { outcome } of decoded) {
      signal.throwIfAborted();
      try {
        if (outcome.status === "rejected") throw outcome.reason;
        const [prediction] = await recognizer.predict([outcome.value]);
        answers.push({ top: prediction?.top(top) ?? [] });
      } catch (error) {
        if (!(error instanceof BallsightError) || !OF_THE_PHOTO.has(error.code)) throw error;
        answers.push({ error: errorRecord(error) });
      }
    }
    const result: PredictShardResult = { labels: recognizer.labels, answers };
    await publish(resultPath(folder, id), result);
  };
}

/** @throws MODEL_NOT_FOUND */
export async function hashOfFile(path: string): Promise<string> {
  const missing = (cause?: unknown) => fail("MODEL_NOT_FOUND", { name: path }, { cause });
  // A device would never end.
  if (!(await stat(path).catch(missing)).isFile()) missing();
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash).catch(missing);
  return hash.digest("hex");
}
