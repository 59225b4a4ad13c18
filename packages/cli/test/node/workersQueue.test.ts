// The coordinator's side of the queue, with a redis-server and workers of the test's own that answer as real ones should not.

import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Job, Worker } from "bullmq";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Downloads } from "../../src/collect/downloads.ts";
import { Outage } from "../../src/collect/outage.ts";
import { RemoteDownloads } from "../../src/collect/remote.ts";
import type { CollectShard } from "../../src/collect/shard.ts";
import { CollectState } from "../../src/collect/state.ts";
import { redisAddress } from "../../src/queue/connection.ts";
import { PREFIX, publish, type QueueName, removeStale, resultPath, type Shard } from "../../src/queue/shard.ts";
import { DeadLetter, ShardQueue } from "../../src/queue/shardQueue.ts";
import { Programs, until } from "../helpers/program.ts";
import { hasRedisServer, type RedisServer, redisServer } from "../helpers/redisServer.ts";

const LONG_MS = 200_000;

let folder: string;
let redis: RedisServer;
let lines: string[];
let ends: (() => Promise<unknown>)[];
const programs = new Programs();

beforeEach(async () => {
  lines = [];
  ends = [];
  folder = await mkdtemp(join(tmpdir(), "ballsight-queue-"));
});
afterEach(async () => {
  for (const end of ends) await end();
  programs.kill();
  await redis?.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

function queue(name: QueueName = "collect", to = folder): ShardQueue {
  const say = (line: string) => lines.push(line);
  const one = new ShardQueue(name, { address: redisAddress(redis.url, {}), say, folder: to, retryDead: true });
  ends.push(() => one.close());
  return one;
}

/** A worker with another mind than ours. */
function worker(answer: (shard: Shard<CollectShard>) => Promise<void>): Worker {
  const connection = { host: "127.0.0.1", port: redis.port, maxRetriesPerRequest: null };
  const run = async (job: Job<Shard<CollectShard>>) => await answer(job.data);
  const one = new Worker("collect", run, { prefix: PREFIX, connection, concurrency: 20 });
  one.on("error", () => undefined);
  ends.push(async () => {
    // Its Redis may be gone, which it would wait for.
    const end = Promise.all([one.close(true), one.disconnect()]).catch(() => undefined);
    await Promise.race([end, sleep(1000)]);
  });
  return one;
}

const SETTINGS = { minSide: 128, perHost: 2, contact: "me@example.org", robots: false, ignoreOptOut: false };
const never = new AbortController().signal;
setMaxListeners(0, never);

const local: Downloads = {
  get: () => Promise.reject(new Error("nothing is of this machine")),
  discard: () => Promise.resolve(),
  leave: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

const candidate = (i: number) => ({
  label: "Alpha",
  url: `https://example.org/${i}.jpg`,
  source: "urls",
  query: "list",
});

async function remote(state: CollectState): Promise<RemoteDownloads> {
  const say = (line: string) => lines.push(line);
  return await RemoteDownloads.open({ queue: queue(), folder, settings: SETTINGS, state, local, say });
}

describe.skipIf(!hasRedisServer)("shards over a queue", { timeout: LONG_MS }, () => {
  test("who asks twice gets the answer twice; the same question for another folder is another job", async () => {
    redis = await redisServer();
    const other = join(folder, "other");
    await mkdir(other);
    let done = 0;
    worker(async ({ id, folder: to }) => {
      done++;
      await publish(resultPath(to, id), { to });
    });
    const [here, there] = [queue(), queue("collect", other)];
    const answers = await Promise.all([here.ask("a", {}), here.ask("a", {}), there.ask("a", {})]);
    expect(answers).toEqual([{ to: folder }, { to: folder }, { to: other }]);
    expect(done).toBe(2);
  });

  test("done again and again without a file is a dead letter", async () => {
    redis = await redisServer();
    let done = 0;
    worker(async () => void done++);
    await expect(queue().ask("a", {})).rejects.toThrow(/done by a worker, but its file is not in .*share the folder/);
    expect(done).toBe(10);
  });

  test("while Redis is away files are read, and it is said once", async () => {
    redis = await redisServer();
    const asked = queue();
    const early = worker(async ({ id, folder: to }) => await publish(resultPath(to, id), { id }));
    await asked.ask("early", {});
    await early.close();
    const names = ["a", "b", "c", "d", "e"];
    const answers = names.map((name) => asked.ask(name, {}));
    const { port } = redis;
    await redis.stop();
    const isAway = () => lines.filter((line) => /is away \(.+\); waiting for it/.test(line)).length;
    await until(() => isAway() === 1);
    // A sweep each.
    for (const [i, name] of names.slice(0, 4).entries()) {
      await publish(resultPath(folder, name), { i });
      expect(await answers[i]).toEqual({ i });
    }
    expect(isAway()).toBe(1);
    // What is missing is put in again.
    redis = await redisServer(port);
    worker(async ({ id, folder: to }) => await publish(resultPath(to, id), { id }));
    expect(await answers[4]).toEqual({ id: "e" });
    const more = asked.ask("f", {});
    await more;
    await redis.stop();
    await until(() => isAway() === 2);
  });

  test("a Redis that is full is waited for", async () => {
    redis = await redisServer(undefined, ["--maxmemory-policy", "noeviction"]);
    const client = new Redis(redis.port, "127.0.0.1");
    await client.config("SET", "maxmemory", "1");
    const answer = queue().ask("a", {});
    await until(() => lines.length > 0);
    expect(lines[0]).toMatch(/refuses \(OOM command not allowed.*\); waiting for it/);
    await client.config("SET", "maxmemory", "0");
    client.disconnect();
    worker(async ({ id, folder: to }) => await publish(resultPath(to, id), { id }));
    expect(await answer).toEqual({ id: "a" });
  });

  test("when workers give up on shard after shard the run stops, and goes on with them when it is run again", async () => {
    redis = await redisServer();
    const state = new CollectState(new Set(), () => undefined);
    const all = Array.from({ length: 13 * 24 }, (_, i) => candidate(i));
    for (const one of all) state.apply({ event: "found", ...one });
    const bad = worker(() => Promise.reject(new Error("no such disk")));
    const first = await remote(state);
    const left = await Promise.allSettled(all.map((one) => first.get(one, never)));
    const reasons = left.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    // The twelfth and the thirteenth.
    expect(reasons).toHaveLength(2 * 24);
    for (const reason of reasons) expect(reason).toBeInstanceOf(Outage);
    expect(lines[0]).toBe("workers gave up on 24 photos (no such disk); --retry worker-failed asks for them again");
    await first.close(false);
    await bad.close();
    worker(async ({ id, folder: to, content }) => {
      const outcomes = content.candidates.map(() => ({ status: "dead", reason: "gone" }));
      await publish(resultPath(to, id), { photos: `${id}.${randomUUID()}`, outcomes });
    });
    const again = await remote(state);
    const outcomes = await Promise.all(all.map((one) => again.get(one, never)));
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(["dead"]));
    await again.close(true);
    await expect(readdir(folder)).rejects.toThrow("ENOENT");
  });

  test("a finished run does not wait for a Redis that is away", async () => {
    redis = await redisServer();
    const one = await remote(new CollectState(new Set(), () => undefined));
    one.get(candidate(1), never).catch(() => undefined);
    await until(async () => (await readdir(folder)).some((name) => name.endsWith(".plan.json")));
    await redis.stop();
    await one.close(true);
    await expect(readdir(folder)).rejects.toThrow("ENOENT");
  });

  test("a worker does not begin what this program never asks for", async () => {
    redis = await redisServer();
    const started = programs.start(["worker", "--redis", redis.url, "--json"], folder);
    const candidates = [{ label: "Alpha", url: "https://example.org/1.jpg", source: "urls" }];
    const wrong: readonly [QueueName, unknown][] = [
      ["collect", { candidates, settings: { ...SETTINGS, perHost: 100_000 } }],
      ["collect", { candidates, settings: { ...SETTINGS, perHost: "x" } }],
      ["collect", { candidates: Array.from({ length: 25 }, () => candidates[0]), settings: SETTINGS }],
      ["predict", { photos: [{ name: "a", path: "a.jpg" }], top: 1, modelHash: "0".repeat(64) }],
    ];
    const queues = { collect: queue("collect"), predict: queue("predict") };
    for (const [i, [name, content]] of wrong.entries()) {
      await expect(queues[name].ask(`a${i}`, content)).rejects.toThrow(DeadLetter);
    }
    await until(() => started.said.stdout.trimEnd().split("\n").length === wrong.length);
    for (const line of started.said.stdout.trimEnd().split("\n")) {
      const reason = expect.stringContaining("expected a shard of this version but received something else");
      expect(JSON.parse(line)).toMatchObject({ outcome: "failed", tries_left: 0, reason });
    }
  });
});

test("what a killed worker left half-written goes, once nobody can be at it", async () => {
  const names = [`.${randomUUID()}.tmp`, `.${randomUUID()}.tmp`, "mine.tmp", ".hidden"];
  for (const name of names) await writeFile(join(folder, name), "x");
  for (const name of [names[0]!, names[2]!, names[3]!]) await utimes(join(folder, name), 1, 1);
  await removeStale(folder);
  expect((await readdir(folder)).sort()).toEqual(names.slice(1).sort());
});
