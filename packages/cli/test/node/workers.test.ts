// `collect --redis` and `ballsight worker` in processes of their own, with a redis-server: the same pictures as without, whatever happens to workers.

import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { snapshot } from "../helpers/dataset.ts";
import { type FakeInternet, fakeInternet } from "../helpers/fakeInternet.ts";
import { Programs, type Started, until } from "../helpers/program.ts";
import { hasRedisServer, type RedisServer, redisServer } from "../helpers/redisServer.ts";

/** As it ships: a machine that is busy kills nobody. */
const LOCK_MS = 30_000;
/** So that a worker that is silent is thought dead soon. */
const SHORT_LOCK_MS = 3000;
/** Several processes each, some of which wait for such a lock. */
const LONG_MS = 400_000;

let folder: string;
let internet: FakeInternet;
let redis: RedisServer | undefined;
let isOver: boolean;
let lockMs: number;
const programs = new Programs();

beforeEach(async () => {
  isOver = false;
  lockMs = LOCK_MS;
  folder = await mkdtemp(join(tmpdir(), "ballsight-workers-"));
});
afterEach(async () => {
  isOver = true;
  programs.kill();
  await redis?.stop();
  redis = undefined;
  await internet?.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

const start = (args: readonly string[]) =>
  programs.start(args, folder, { ...internet?.env, BALLSIGHT_LOCK_MS: String(lockMs) });

async function worker(...args: string[]): Promise<Started> {
  const one = start(["worker", "--redis", redis!.url, ...args]);
  await until(() => one.said.stderr.includes("waiting for work"));
  return one;
}

const ARGS = ["collect", "--classes", "classes.txt", "--per-host", "8", "--json"];

const range = (count: number, kind: string, from: number) =>
  Array.from({ length: count }, (_, i) => `${kind}/${from + i}.jpg`);

/** Two classes with copies among each other, dead links and copies of copies. */
async function twoClasses(count = 40): Promise<void> {
  internet = await fakeInternet((service, query) => {
    if (query.includes(":")) return [];
    const from = (/alpha/i.test(query) ? 0 : 5000) + (service === "openverse" ? 0 : 100);
    const copies = ["mirrored/1.jpg", "ok/5001.jpg", "recoded/2.jpg"];
    return [...copies, ...range(count, "ok", from), ...range(5, "gone", from), ...range(3, "page", from)];
  });
  await writeFile(join(folder, "classes.txt"), "Alpha\nBeta\n");
}

async function ledgerOf(data: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(folder, data, ".collect", "ledger.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const photoRequests = () => internet.requests.filter((path) => path.startsWith("/photo/")).length;

/** What was decided, in order, without times. */
const decisions = async (data: string) =>
  (await ledgerOf(data)).flatMap(({ event, at: _, ...entry }) => (event === "done" ? [entry] : []));

/** Photos, metadata and credits; not the ledger, whose lines have times. */
async function dataOf(data: string): Promise<Record<string, string>> {
  const files = Object.entries(await snapshot(join(folder, data)));
  return Object.fromEntries(files.filter(([name]) => !name.startsWith(".collect")));
}

async function expectSame(data: string, other: string): Promise<void> {
  expect(await decisions(data)).toEqual(await decisions(other));
  expect(await dataOf(data)).toEqual(await dataOf(other));
  expect(await readdir(join(folder, data, ".collect"))).toEqual(["ledger.jsonl"]);
}

const alone = async (perClass: number) => {
  const outcome = await start([...ARGS, "--out", "alone", "--per-class", String(perClass)]).ended;
  expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({ code: 0, stderr: "" });
};

if (!hasRedisServer) console.warn("skipped: there is no redis-server (Debian's package of that name)");

describe.skipIf(!hasRedisServer)("collect --redis", { timeout: LONG_MS }, () => {
  test("two workers bring the same pictures as none, and they alone bring them", async () => {
    redis = await redisServer();
    await twoClasses();
    await alone(60);
    internet.latencyMs = 50;
    const before = photoRequests();
    const run = start([...ARGS, "--out", "data", "--per-class", "60", "--redis", redis.url]);
    await until(() => run.said.stderr.includes("no worker is there; start one with `ballsight worker --redis"));
    expect(photoRequests()).toBe(before);
    // A shard at a time, so that neither can take all.
    const both = await Promise.all([worker("--shards", "1"), worker("--shards", "1")]);
    expect((await run.ended).code).toBe(0);
    for (const { said } of both) expect(said.stderr).toMatch(/^ballsight: collect [\da-f-]{36}: done in /m);
    await expectSame("data", "alone");
  });

  test("one worker killed in the middle, one stopped for longer than its lock: nothing lost, nothing twice", async () => {
    lockMs = SHORT_LOCK_MS;
    redis = await redisServer();
    await twoClasses();
    await alone(60);
    internet.latencyMs = 50;
    const [first, second] = await Promise.all([worker(), worker()]);
    const before = photoRequests();
    const run = start([...ARGS, "--out", "data", "--per-class", "60", "--redis", redis.url]);
    await until(() => photoRequests() > before + 30);
    first.child.kill("SIGKILL");
    await until(() => photoRequests() > before + 60);
    second.child.kill("SIGSTOP");
    await worker();
    const outcome = await run.ended;
    expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({ code: 0, stderr: "" });
    await expectSame("data", "alone");
    // It goes on with shards that nobody wants any more.
    second.child.kill("SIGCONT");
    await sleep(3500);
    second.child.kill("SIGTERM");
    const { code, stderr } = await second.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringMatching(/INTERNAL|Error:/) });
    await expectSame("data", "alone");
  });

  test("a worker that is asked to end finishes or gives back what it began", async () => {
    redis = await redisServer();
    await twoClasses();
    await alone(60);
    internet.latencyMs = 50;
    const first = await worker();
    const before = photoRequests();
    const run = start([...ARGS, "--out", "data", "--per-class", "60", "--redis", redis.url]);
    await until(() => photoRequests() > before + 30);
    first.child.kill("SIGTERM");
    const { code, stderr } = await first.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("stopping") });
    expect(stderr).not.toMatch(/INTERNAL|tried again/);
    await worker();
    expect((await run.ended).code).toBe(0);
    await expectSame("data", "alone");
  });

  test("a worker with downloads that never end gives them back", async () => {
    redis = await redisServer();
    await twoClasses();
    let isSilent = true;
    internet.intercept = (_, response, url) => isSilent && url.pathname.startsWith("/photo/") && !response.closed;
    const first = await worker();
    const run = start([...ARGS, "--out", "data", "--per-class", "40", "--redis", redis.url]);
    await until(() => photoRequests() > 4);
    first.child.kill("SIGTERM");
    const { code, stderr } = await first.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("given back") });
    isSilent = false;
    await worker();
    expect((await run.ended).code).toBe(0);
    await alone(40);
    await expectSame("data", "alone");
  });

  test("the coordinator stopped and killed: the same command goes on with what workers did meanwhile", async () => {
    redis = await redisServer();
    await twoClasses();
    await alone(60);
    internet.latencyMs = 30;
    await Promise.all([worker(), worker()]);
    internet.requests.length = 0;
    const args = [...ARGS, "--out", "data", "--per-class", "60", "--redis", redis.url];
    for (const signal of ["SIGINT", "SIGKILL", "SIGTERM"] as const) {
      const before = photoRequests();
      const run = start(args);
      await until(() => photoRequests() > before + 25 || run.child.exitCode !== null);
      run.child.kill(signal);
      await run.ended;
    }
    expect((await start(args).ended).code).toBe(0);
    await expectSame("data", "alone");
    // Asked once each: what a worker began for a coordinator that is gone is not begun again.
    const good = internet.requests.filter((path) => path.startsWith("/photo/ok/"));
    expect(good.length - new Set(good).size).toBeLessThanOrEqual(6);
  });

  test("Redis killed and started again without its memory: nothing is lost", async () => {
    redis = await redisServer();
    await twoClasses();
    await alone(60);
    internet.latencyMs = 30;
    await worker();
    const before = photoRequests();
    const run = start([...ARGS, "--out", "data", "--per-class", "60", "--redis", redis.url]);
    await until(() => photoRequests() > before + 30);
    const { port } = redis;
    await redis.stop();
    await sleep(3000);
    redis = await redisServer(port);
    const outcome = await run.ended;
    expect(outcome.code).toBe(0);
    expect(outcome.stderr).toMatch(/is away \(\w+\); waiting for it/);
    await expectSame("data", "alone");
  });

  test("a photo that kills its workers is a dead letter, and tried alone with --retry", async () => {
    lockMs = SHORT_LOCK_MS;
    redis = await redisServer();
    await twoClasses(20);
    let current: Started | undefined;
    let deaths = 0;
    let isDeadly = true;
    internet.intercept = (_, __, url) => {
      if (!isDeadly || url.pathname !== "/photo/ok/7.jpg") return false;
      deaths++;
      current?.child.kill("SIGKILL");
      return true;
    };
    const supervise = async () => {
      while (!isOver) {
        current = start(["worker", "--redis", redis!.url]);
        await Promise.race([current.ended, until(() => isOver)]);
      }
    };
    const supervisor = supervise();
    const args = [...ARGS, "--out", "data", "--per-class", "200", "--redis", redis.url];
    const first = await start(args).ended;
    expect(first.code).toBe(1);
    expect(first.stderr).toMatch(/^ballsight: workers gave up on \d+ photos \(.*stalled.*\); --retry worker-failed/m);
    expect(deaths).toBe(3);
    const failed = (await decisions("data")).filter(({ status }) => status === "worker-failed");
    expect(failed.map(({ url }) => url)).toContain(internet.photo("ok/7.jpg"));
    expect(failed.length).toBeGreaterThan(1);
    // The others of its shard are sound.
    const second = await start([...args, "--retry", "worker-failed"]).ended;
    const left = new Map((await decisions("data")).map(({ url, status }) => [url, status]));
    expect([...left].filter(([, status]) => status === "worker-failed")).toEqual([
      [internet.photo("ok/7.jpg"), "worker-failed"],
    ]);
    expect(second.stderr).toMatch(/gave up on 1 photo /);
    isDeadly = false;
    await start([...args, "--retry", "worker-failed"]).ended;
    isOver = true;
    await supervisor;
    const last = new Map((await decisions("data")).map(({ url, status }) => [url, status]));
    expect(last.get(internet.photo("ok/7.jpg"))).toBe("ok");
    await start([...ARGS, "--out", "alone", "--per-class", "200"]).ended;
    // Which of two copies is kept may differ, since some were decided later; how many pictures there are may not.
    const pictures = async (data: string) =>
      Object.keys(await dataOf(data)).filter((name) => name.includes("/")).length;
    expect(await pictures("data")).toBe(await pictures("alone"));
  });

  test("a worker without the folder says so by name and loses nothing; one that has it under another name takes --map", async () => {
    redis = await redisServer();
    await twoClasses(20);
    const lost = await worker("--map", `${folder}=/nowhere`);
    const args = [...ARGS, "--out", "data", "--per-class", "10", "--redis", redis.url];
    const run = start(args);
    const words = "expected the coordinator's folder `/nowhere/data/.collect/shards` on this worker";
    await until(() => lost.said.stderr.includes(words) && run.said.stderr.includes(words));
    const other = `${folder}-elsewhere`;
    await symlink(folder, other);
    try {
      await worker("--map", `${folder}=${other}`);
      expect((await run.ended).code).toBe(0);
      expect((await decisions("data")).map(({ status }) => status)).not.toContain("worker-failed");
      expect(lost.said.stderr).not.toContain("tries");
    } finally {
      await rm(other);
    }
  });

  test("hosts see no more visits at a time than --per-host, all workers together", async () => {
    redis = await redisServer();
    await twoClasses(40);
    let inside = 0;
    let most = 0;
    internet.latencyMs = 20;
    internet.intercept = (_, response, url) => {
      if (!url.pathname.startsWith("/photo/")) return false;
      most = Math.max(most, ++inside);
      response.on("close", () => inside--);
      return false;
    };
    await Promise.all([worker(), worker(), worker()]);
    const args = ["collect", "--classes", "classes.txt", "--out", "data", "--per-class", "40", "--per-host", "2"];
    expect((await start([...args, "--redis", redis.url]).ended).code).toBe(0);
    expect(most).toBe(2);
  });
});
