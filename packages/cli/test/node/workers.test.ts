// `collect --redis` and `ballsight worker` in processes of their own, with a redis-server: the same pictures as without, whatever happens to workers.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { snapshot } from "../helpers/dataset.ts";
import { type FakeInternet, fakeInternet } from "../helpers/fakeInternet.ts";
import { freePort, hasRedisServer, type RedisServer, redisServer } from "../helpers/redisServer.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/ballsight.js", import.meta.url));
/** So that a worker that is silent is thought dead soon. */
const LOCK_MS = "1000";

let folder: string;
let internet: FakeInternet;
let redis: RedisServer | undefined;
const started: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-workers-"));
});
afterEach(async () => {
  for (const child of started.splice(0)) {
    child.kill("SIGCONT");
    child.kill("SIGKILL");
  }
  await redis?.stop();
  redis = undefined;
  await internet?.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly said: Outcome;
  readonly ended: Promise<Outcome>;
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    env: { ...process.env, ...internet?.env, BALLSIGHT_LOCK_MS: LOCK_MS, ...env },
  });
  started.push(child);
  const said: Outcome = { code: null, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject).on("close", (code) => resolve({ ...said, code }));
  });
  return { child, said, ended };
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await sleep(20);
}

async function worker(...args: string[]): Promise<Started> {
  const one = start(["worker", "--redis", redis!.url, ...args]);
  await until(() => one.said.stderr.includes("waiting for work"));
  return one;
}

const ARGS = ["collect", "--classes", "classes.txt", "--per-host", "8", "--json"];

const range = (count: number, kind: string, from: number) =>
  Array.from({ length: count }, (_, i) => `${kind}/${from + i}.jpg`);

/** Two classes with copies among each other, dead links and copies of copies. */
async function twoClasses(count = 60): Promise<void> {
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

describe.skipIf(!hasRedisServer)("collect --redis", () => {
  test("two workers bring the same pictures as none", async () => {
    redis = await redisServer();
    await twoClasses();
    await alone(80);
    await Promise.all([worker(), worker()]);
    const outcome = await start([...ARGS, "--out", "data", "--per-class", "80", "--redis", redis.url]).ended;
    expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({ code: 0, stderr: "" });
    await expectSame("data", "alone");
  });
});
