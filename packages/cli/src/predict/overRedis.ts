// `predict --redis`: photos put together to shards, answers read from the workers' files and printed in the order of the photos.

import { createHash } from "node:crypto";
import { access, constants, stat, unlink } from "node:fs/promises";
import { resolve } from "node:path";
import { readPhotoFile } from "@ballsight/server/photos";
import { BallsightError, fail } from "@ballsight/vision";
import { aheadOf } from "../images/aheadOf.ts";
import { type PhotoEntry, STDIN } from "../images/photoList.ts";
import { defaultModelPath } from "../model/load.ts";
import { errorRecord } from "../output/errors.ts";
import { Progress } from "../output/progress.ts";
import { oneLine } from "../output/text.ts";
import { expectRedis, redisAddress } from "../queue/connection.ts";
import { makeFolder, removeStale, resultPath, SHARD_VERSION } from "../queue/shard.ts";
import { DeadLetter, ShardQueue } from "../queue/shardQueue.ts";
import { hashOfFile } from "./job.ts";
import { type PhotoAnswer, type Print, printJson, tablePrinter } from "./print.ts";
import { type PredictShard, type PredictShardResult, predictResultOf, SHARD_SIZE } from "./shard.ts";

interface RemotePredictOptions {
  readonly redis: string;
  readonly model?: string;
  readonly out?: string;
  readonly retry?: true;
  readonly json?: true;
}

/** Shards under way: several for each of a good many workers. */
const SHARDS_AHEAD = 64;

/** Returns the exit code, as `predict`. @throws BAD_OPTION, REDIS_UNAVAILABLE, MODEL_NOT_FOUND, DISK_FULL, RUN_NOT_WRITABLE */
export async function predictOverRedis(
  entries: readonly PhotoEntry[],
  top: number,
  options: RemotePredictOptions,
): Promise<number> {
  const { out } = options;
  if (out === undefined) {
    fail("BAD_OPTION", { option: "--out", expected: "a folder for --redis", received: "nothing" });
  }
  if (entries.some(({ file }) => file === STDIN)) {
    fail("BAD_OPTION", { option: "--redis", expected: "photos in files", received: "one on standard input" });
  }
  if ((await stat(out).catch(() => undefined))?.isDirectory() === false) {
    fail("BAD_OPTION", { option: "--out", expected: "a folder", received: `a file (${out})` });
  }
  const address = redisAddress(options.redis, process.env);
  const model = options.model === undefined ? undefined : resolve(options.model);
  const path = model ?? defaultModelPath();
  const modelHash = await hashOfFile(path);
  await expectRedis(address);
  const folder = resolve(out);
  await makeFolder(folder);
  await removeStale(folder);
  const progress = new Progress({ stream: process.stderr, silent: !process.stderr.isTTY });
  progress.start("Photos");
  const say = (line: string) => {
    progress.clear();
    process.stderr.write(`ballsight: ${oneLine(line)}\n`);
  };
  const queue = new ShardQueue("predict", { address, say, folder, retryDead: options.retry === true });
  const about = { top, modelHash, ...(model !== undefined && { model }) };
  let print: Print | undefined = options.json ? printJson : undefined;
  let failed = false;
  let done = 0;
  try {
    const shards = aheadOf(shardsOf(entries), SHARDS_AHEAD, (shard) => askFor(shard, { queue, folder, about }));
    for await (const { item, outcome } of shards) {
      if (outcome.status === "rejected") throw outcome.reason;
      const { labels, answers } = outcome.value;
      // Where nothing was answered, no column is needed, and its width is not known.
      const table = print ?? tablePrinter(entries, labels);
      if (labels.length > 0) print = table;
      for (const [i, entry] of item.entries()) {
        const answer = answers[i] ?? lost(entry, "fewer answers than photos");
        if ("error" in answer) failed = true;
        if (process.stdout.isTTY || "error" in answer) progress.clear();
        table(entry.file, answer);
      }
      done += item.length;
      progress.update({ done, total: entries.length });
    }
  } finally {
    progress.clear();
    await queue.close();
  }
  return failed ? 1 : 0;
}

function shardsOf(entries: readonly PhotoEntry[]): PhotoEntry[][] {
  const count = Math.ceil(entries.length / SHARD_SIZE);
  return Array.from({ length: count }, (_, i) => entries.slice(i * SHARD_SIZE, (i + 1) * SHARD_SIZE));
}

interface Asking {
  readonly queue: ShardQueue;
  readonly folder: string;
  readonly about: Omit<PredictShard, "photos">;
}

async function askFor(entries: readonly PhotoEntry[], asking: Asking): Promise<PredictShardResult> {
  for (;;) {
    // What is not there is not there for workers either; so what they miss is their machines' fault.
    const errors = await Promise.all(entries.map(errorOf));
    const readable = entries.filter((_, i) => errors[i] === undefined);
    const { labels, answers, isDead } = await answersTo(readable, asking);
    // Taken away since?
    if (isDead && (await Promise.all(readable.map(errorOf))).some((error) => error !== undefined)) continue;
    const left = [...answers];
    const inOrder = entries.map((entry, i): PhotoAnswer => {
      if (errors[i] !== undefined) return { error: errorRecord(errors[i]) };
      return left.shift() ?? lost(entry, "fewer answers than photos");
    });
    return { labels, answers: inOrder };
  }
}

async function answersTo(
  entries: readonly PhotoEntry[],
  { queue, folder, about }: Asking,
): Promise<PredictShardResult & { readonly isDead: boolean }> {
  if (entries.length === 0) return { labels: [], answers: [], isDead: false };
  const photos = entries.map(({ file }) => ({ name: file, path: resolve(file) }));
  const id = await idOf({ ...about, photos });
  const allLost = (reason: string) => ({ labels: [], answers: entries.map((entry) => lost(entry, reason)) });
  try {
    const result = predictResultOf(await queue.ask(id, { ...about, photos } satisfies PredictShard));
    if (result !== undefined) return { ...result, isDead: false };
    // Asked for anew by the next run.
    await unlink(resultPath(folder, id)).catch(() => undefined);
    return { ...allLost("an answer of another kind"), isDead: false };
  } catch (error) {
    if (!(error instanceof DeadLetter)) throw error;
    return { ...allLost(`a failure (${error.message})`), isDead: true };
  }
}

/** Why there is nothing to send anybody for. */
async function errorOf({ file, error }: PhotoEntry): Promise<unknown> {
  if (error !== undefined) return error;
  const looks = Promise.all([stat(file), access(file, constants.R_OK)]);
  const isThere = await looks.then(
    ([info]) => !info.isDirectory(),
    () => false,
  );
  // In the words of whoever reads photos.
  return isThere
    ? undefined
    : await readPhotoFile(file).then(
        () => undefined,
        (reason: unknown) => reason,
      );
}

const lost = ({ file: name }: PhotoEntry, received: string): PhotoAnswer => ({
  error: new BallsightError("SHARD_FAILED", { name, received }).toJSON(),
});

/** The same for the same question: whoever asks again gets the answers that are there, unless a photo or the model has changed. */
async function idOf({ photos, ...about }: PredictShard): Promise<string> {
  const versions = await Promise.all(
    photos.map(async ({ name, path }) => {
      const info = await stat(path).catch(() => undefined);
      return [name, path, info?.size, info?.mtimeMs];
    }),
  );
  const hash = createHash("sha256").update(JSON.stringify([SHARD_VERSION, about, versions]));
  return hash.digest("hex").slice(0, 32);
}
