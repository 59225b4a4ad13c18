// `ballsight worker`: takes shards of `collect --redis` and `predict --redis` from the queue until it is stopped.

import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "@ballsight/vision";
import { Redis } from "ioredis";
import { collectJob } from "../collect/job.ts";
import { oneLine } from "../output/text.ts";
import { predictJob } from "../predict/job.ts";
import { Company } from "../queue/company.ts";
import { expectRedis, redisAddress } from "../queue/connection.ts";
import { placeOf } from "../queue/place.ts";
import { QUEUES, type QueueName } from "../queue/shard.ts";
import { type ShardEvent, type ShardJob, ShardWorker } from "../queue/shardWorker.ts";

interface WorkerOptions {
  readonly redis: string;
  readonly queues?: string;
  readonly map?: readonly string[];
  readonly parallel?: string;
  readonly shards?: string;
  readonly json?: true;
}

/** BullMQ's own; tests have no patience. */
const LOCK_MS = 30_000;
/** What was begun is finished within, or given back: Docker kills after ten seconds. */
const GRACE_MS = 7000;

/** Returns the exit code: 0 stopped by a signal. @throws BAD_OPTION, REDIS_UNAVAILABLE */
export async function worker(options: WorkerOptions): Promise<number> {
  const address = redisAddress(options.redis, process.env);
  const names = queueNames(options.queues);
  const place = placeOf(options.map ?? []);
  const parallel = wholeNumber("--parallel", options.parallel ?? "32", 256);
  const shards = wholeNumber("--shards", options.shards ?? "4", 64);
  await expectRedis(address);
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  const say = (line: string) => process.stderr.write(`ballsight: ${oneLine(line)}\n`);
  const redis = new Redis(address.options);
  // The queues' connections say that it is away.
  redis.on("error", () => undefined);
  const lockMs = Number(process.env.BALLSIGHT_LOCK_MS ?? LOCK_MS);
  const jobs: Readonly<Record<QueueName, { job: ShardJob; concurrency: number }>> = {
    collect: { job: collectJob(redis, parallel, lockMs / 2, process.env), concurrency: shards },
    // ONNX Runtime uses all cores for one photo.
    predict: { job: predictJob(place), concurrency: 1 },
  };
  let told: string | undefined;
  const onShard = (event: ShardEvent) => {
    if (options.json) process.stdout.write(`${JSON.stringify(event)}\n`);
    // What is wrong with this machine, once.
    else if (event.outcome !== "given back" || event.reason === undefined || event.reason !== told)
      say(shardLine(event));
    if (event.outcome !== "failed") told = event.reason;
  };
  const shared = { address, place, say, onShard, lockMs, company: new Company(), away: new Set<ShardWorker>() };
  const workers = names.map((name) => new ShardWorker(name, { ...shared, ...jobs[name] }));
  say(`waiting for work at ${address.name}`);
  await stopped;
  say("stopping: what was begun is finished or given back (again to stop at once)");
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
  const finished = Promise.all(workers.map((one) => one.finish())).then(() => true);
  if (!(await Promise.race([finished, sleep(GRACE_MS, false)]))) {
    for (const one of workers) one.giveBack();
    await Promise.race([finished, sleep(2000)]);
  }
  await Promise.all(workers.map((one) => one.disconnect()));
  redis.disconnect();
  // A download that hears of nothing must not hold the end up.
  process.exit(0);
}

function shardLine({ queue, shard, outcome, seconds, reason, tries_left }: ShardEvent): string {
  if (outcome === "done") return `${queue} ${shard}: done in ${seconds?.toFixed(1)} s`;
  if (outcome === "given back" && reason === undefined) return `${queue} ${shard}: given back`;
  if (outcome === "given back")
    return `${queue} ${shard}: ${reason}; given back, and looked at again from time to time`;
  return `${queue} ${shard}: ${reason}; ${tries_left === 0 ? "no more tries" : "it is tried again"}`;
}

function queueNames(text: string | undefined): readonly QueueName[] {
  if (text === undefined) return QUEUES;
  return text.split(",").map((name) => {
    const known = QUEUES.find((one) => one === name.trim());
    return (
      known ?? fail("BAD_OPTION", { option: "--queues", expected: `some of ${QUEUES.join(", ")}`, received: name })
    );
  });
}

function wholeNumber(option: string, text: string, to: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= to) return value;
  return fail("BAD_OPTION", { option, expected: `a whole number from 1 to ${to}`, received: text });
}
