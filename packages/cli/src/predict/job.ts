// What a worker does with a shard of `predict`; models stay open from shard to shard.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { pipeline } from "node:stream/promises";
import { decodeFile } from "@ballsight/server/photos";
import { fail, type Recognizer } from "@ballsight/vision";
import { aheadOf } from "../images/aheadOf.ts";
import { defaultModelPath, loadRecognizer } from "../model/load.ts";
import { errorRecord } from "../output/errors.ts";
import { publish, resultPath } from "../queue/shard.ts";
import type { ShardJob } from "../queue/shardWorker.ts";
import type { PhotoAnswer } from "./print.ts";
import type { PredictShard, PredictShardResult } from "./shard.ts";

/** @param place where a folder of the coordinator is on this machine */
export function predictJob(place: (path: string) => string): ShardJob {
  // One model at a time: workers are asked for one, and each takes its memory.
  let open: { readonly hash: string; readonly recognizer: Recognizer } | undefined;
  return async ({ id, content }, folder, signal) => {
    const { photos, top, model, modelHash } = content as PredictShard;
    if (!(await stat(folder).catch(() => undefined))?.isDirectory()) fail("SHARD_FOLDER", { name: folder });
    if (open?.hash !== modelHash) {
      const path = model === undefined ? defaultModelPath() : place(model);
      const recognizer = await loadRecognizer(path);
      if ((await hashOfFile(path)) !== modelHash) fail("SHARD_MODEL", { name: path });
      open = { hash: modelHash, recognizer };
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
        answers.push({ error: errorRecord(error) });
      }
    }
    const result: PredictShardResult = { labels: recognizer.labels, answers };
    await publish(resultPath(folder, id), result);
  };
}

export async function hashOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
