// `predict --redis`, addresses of Redis that are wrong, and the gate that workers share, with a redis-server.

import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LABELS } from "../../../render/src/index.ts";
import { toyModel } from "../../../vision/test/helpers/toyModel.ts";
import { HostClosed, type HostLimits, RESTS, Slots } from "../../src/collect/download/politeness.ts";
import { RedisGate } from "../../src/queue/redisGate.ts";
import { picture } from "../helpers/dataset.ts";
import { Programs, type Started, until } from "../helpers/program.ts";
import { freePort, hasRedisServer, type RedisServer, redisServer } from "../helpers/redisServer.ts";

/** Several processes each. */
const LONG_MS = 400_000;

let folder: string;
let redis: RedisServer | undefined;
const programs = new Programs();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-workers-"));
});
afterEach(async () => {
  programs.kill();
  await redis?.stop();
  redis = undefined;
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  programs.start(args, folder, { BALLSIGHT_LOCK_MS: "3000", ...env });

async function worker(...args: string[]): Promise<Started> {
  const one = start(["worker", "--redis", redis!.url, ...args]);
  await until(() => one.said.stderr.includes("waiting for work"));
  return one;
}

/** Photos of several shards, among them one that is broken and an empty folder. */
async function photos(count: number): Promise<void> {
  await mkdir(join(folder, "photos"));
  await mkdir(join(folder, "none"));
  const jpeg = await Promise.all([0, 1, 2, 3].map((i) => picture(LABELS[i]!, i).jpeg().toBuffer()));
  for (let i = 0; i < count; i++) {
    await writeFile(join(folder, "photos", `${String(i).padStart(3, "0")}.jpg`), jpeg[i % 4]!);
  }
  await writeFile(join(folder, "photos", "010b.jpg"), "no photo");
  await writeFile(join(folder, "toy.onnx"), toyModel());
}

const ASK = ["predict", "photos", "none", "missing.jpg", "photos/003.jpg", "--model", "toy.onnx", "--json"];

if (!hasRedisServer) console.warn("skipped: there is no redis-server (Debian's package of that name)");

describe.skipIf(!hasRedisServer)("predict --redis", { timeout: LONG_MS }, () => {
  test("prints the lines that predict prints, in its order, though a worker dies", async () => {
    redis = await redisServer();
    await photos(200);
    const alone = await start(ASK).ended;
    expect(alone.code).toBe(1);
    const first = await worker();
    const run = start([...ASK, "--redis", redis.url, "--out", "answers"]);
    await until(() => first.said.stderr.includes("done in"));
    first.child.kill("SIGKILL");
    await worker();
    const outcome = await run.ended;
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toBe(alone.stdout);
    expect(outcome.stdout.trimEnd().split("\n")).toHaveLength(204);
    // Asked again, the answers are there; a photo that has changed is asked for.
    const answers = await readdir(join(folder, "answers"));
    expect(answers.every((name) => name.endsWith(".json"))).toBe(true);
    programs.kill();
    expect((await start([...ASK, "--redis", redis.url, "--out", "answers"]).ended).stdout).toBe(alone.stdout);
    await utimes(join(folder, "photos", "199.jpg"), 1, 1);
    const last = await worker("--json");
    expect((await start([...ASK, "--redis", redis.url, "--out", "answers"]).ended).stdout).toBe(alone.stdout);
    expect(await readdir(join(folder, "answers"))).toHaveLength(answers.length + 1);
    await until(() => last.said.stdout.endsWith("\n"));
    const shard = { queue: "predict", shard: expect.stringMatching(/^[\da-f]{32}$/), outcome: "done" };
    expect(JSON.parse(last.said.stdout)).toEqual({ ...shard, seconds: expect.any(Number) });
  });

  test("dead letters are an error per photo, and answered with --retry", async () => {
    redis = await redisServer();
    await photos(3);
    const alone = await start(ASK).ended;
    const lost = await worker("--json", "--map", `${folder}=/nowhere`);
    const args = [...ASK, "--redis", redis.url, "--out", "answers"];
    for (const _ of [1, 2]) {
      const outcome = await start(args).ended;
      expect(outcome.code).toBe(1);
      const lines = outcome.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(lines[0].error.code).toBe("SHARD_FAILED");
      expect(lines[0].error.message).toContain("expected the coordinator's folder `/nowhere/answers` on this worker");
      expect(lines.find(({ file }) => file === "none").error.code).toBe("NO_PHOTOS");
    }
    lost.child.kill("SIGTERM");
    const { stdout } = await lost.ended;
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map(({ outcome, tries_left }) => [outcome, tries_left])).toEqual([2, 1, 0].map((n) => ["failed", n]));
    expect(events[0].reason).toContain("on this worker");
    await worker();
    expect((await start([...args, "--retry"]).ended).stdout).toBe(alone.stdout);
  });

  test("options that do not go together, each in a line", async () => {
    redis = await redisServer();
    await photos(1);
    const wrong: readonly [readonly string[], string][] = [
      [["--redis", redis.url], "a folder for --redis for `--out` but received nothing"],
      [["--redis", redis.url, "--out", "toy.onnx"], "a folder for `--out` but received a file (toy.onnx)"],
      [["--out", "answers"], "an address with --out for `--redis` but received nothing"],
      [["--retry"], "an address with --retry for `--redis` but received nothing"],
      [["-", "--redis", redis.url, "--out", "answers"], "photos in files for `--redis` but received one on standard"],
    ];
    for (const [args, expected] of wrong) {
      const { code, stderr } = await start(["predict", "photos/000.jpg", "--model", "toy.onnx", ...args]).ended;
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(expected) });
    }
  });
});

describe.skipIf(!hasRedisServer)("an address of Redis", { timeout: LONG_MS }, () => {
  test("that is wrong, away, of something else or without its password: one line, and no password in it", async () => {
    redis = await redisServer(undefined, ["--requirepass", "secret"]);
    const http = createServer((_, response) => response.end("hello"));
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const away = await freePort();
    const at = `127.0.0.1:${redis.port}`;
    const wrong: readonly [string, string, RegExp][] = [
      ["http://127.0.0.1", "BAD_OPTION", /expected an address like redis:.* for `--redis`/],
      ["localhost:6379", "BAD_OPTION", /--redis/],
      ["redis://:hunter2@", "BAD_OPTION", /--redis/],
      [`redis://:hunter2@${at}/x`, "BAD_OPTION", /--redis/],
      [`redis://127.0.0.1:${away}`, "REDIS_UNAVAILABLE", /no connection \(ECONNREFUSED\)/],
      ["redis://nowhere.invalid", "REDIS_UNAVAILABLE", /no host of that name|no connection/],
      [
        `redis://127.0.0.1:${(http.address() as AddressInfo).port}`,
        "REDIS_UNAVAILABLE",
        /some other program|closed at once/,
      ],
      [`redis://${at}`, "REDIS_UNAVAILABLE", /a request for a password; put it into the address/],
      [`redis://:hunter2@${at}`, "REDIS_UNAVAILABLE", /a refusal of this password/],
      [`redis://:secret@${at}/99`, "REDIS_UNAVAILABLE", /no database of that number/],
    ];
    try {
      await Promise.all(
        wrong.map(async ([url, code, words]) => {
          const { code: exit, stderr, stdout } = await start(["worker", "--redis", url]).ended;
          expect({ url, exit, stdout, lines: stderr.trimEnd().split("\n").length }).toEqual({
            url,
            exit: 2,
            stdout: "",
            lines: 1,
          });
          expect(stderr).toContain(`[${code}]`);
          expect(stderr).toMatch(words);
          expect(stderr).not.toMatch(/hunter2|secret/);
        }),
      );
      const right = start(["worker", "--redis", `redis://${at}`], { BALLSIGHT_REDIS_PASSWORD: "secret" });
      await until(() => right.said.stderr.includes("waiting for work"));
    } finally {
      http.close();
    }
  });
});

describe.skipIf(!hasRedisServer)("the gate that workers share", () => {
  const never = new AbortController().signal;

  async function gates(limits: HostLimits, leaseMs = 5000) {
    redis = await redisServer();
    const clients = [0, 1, 2].map(() => new Redis(redis!.port, "127.0.0.1"));
    const open = clients.map(
      (client) => new RedisGate(client, { limits: () => limits, places: new Slots(32), leaseMs }),
    );
    return { open, close: () => void clients.map((client) => client.disconnect()) };
  }

  test("lets in one at a time with a gap, hosts apart", async () => {
    const { open, close } = await gates({ parallel: 1, gapMs: 60 });
    const began: Record<string, number[]> = { a: [], b: [] };
    let inside = 0;
    const visits = open.flatMap((gate) =>
      ["a", "a", "b", "b"].map((host) =>
        gate.visit(host, never, async (report) => {
          if (host === "a") expect(++inside).toBe(1);
          began[host]!.push(performance.now());
          report({ refused: false });
          await new Promise((resolve) => setTimeout(resolve, 10));
          if (host === "a") inside--;
        }),
      ),
    );
    await Promise.all(visits);
    for (const times of Object.values(began)) {
      expect(times).toHaveLength(6);
      const gaps = times.slice(1).map((time, i) => time - times[i]!);
      // The server's clock counts whole milliseconds, and an answer may come late after one that came early.
      expect(times.at(-1)! - times[0]!).toBeGreaterThan(5 * 60 - 30);
      expect(gaps.filter((gap) => gap < 30).length).toBeLessThanOrEqual(1);
    }
    close();
  });

  test("a refusal is every worker's: rests that the host asks for, and closing after many", async () => {
    const { open, close } = await gates({ parallel: 4, gapMs: 0 });
    const [first, second] = open;
    await first!.visit("a", never, async (report) => report({ refused: true, waitMs: 300 }));
    const asked = performance.now();
    await second!.visit("a", never, async (report) => report({ refused: false }));
    expect(performance.now() - asked).toBeGreaterThan(200);
    for (let i = 0; i < RESTS.refusals; i++) {
      await open[i % 3]!.visit("a", never, async (report) => report({ refused: true, waitMs: 0 }));
    }
    for (const gate of open) await expect(gate.visit("a", never, async () => 1)).rejects.toThrow(HostClosed);
    expect(await first!.visit("b", never, async () => 1)).toBe(1);
    // More than a wait is worth.
    await first!.visit("c", never, async (report) => report({ refused: true, waitMs: RESTS.mostMs + 1000 }));
    await expect(second!.visit("c", never, async () => 1)).rejects.toThrow(/c is left alone for 61 s/);
    close();
  });

  test("what a host sends is paid for by all workers together", async () => {
    const { open, close } = await gates({ parallel: 1, gapMs: 0, bytesPerS: 1_000_000 });
    const asked = performance.now();
    for (const gate of [...open, ...open]) {
      await gate.visit("a", never, async (report) => report({ refused: false, bytes: 100_000 }));
    }
    // The last one's bytes are paid for after it.
    expect(performance.now() - asked).toBeGreaterThan(5 * 100 - 30);
    close();
  });

  test("a visitor that died inside is forgotten, one that is slow is not", async () => {
    const { open, close } = await gates({ parallel: 1, gapMs: 0 }, 600);
    const dead = new Redis(redis!.port, "127.0.0.1");
    await dead.zadd("ballsight:visitors:a", Date.now() + 400, "dead");
    dead.disconnect();
    const asked = performance.now();
    let isInside = false;
    const slow = open[0]!.visit("a", never, async () => {
      isInside = true;
      expect(performance.now() - asked).toBeGreaterThan(250);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      isInside = false;
    });
    await until(() => isInside);
    await open[1]!.visit("a", never, async () => expect(isInside).toBe(false));
    await slow;
    close();
  });

  test("who is told to stop does not wait", async () => {
    const { open, close } = await gates({ parallel: 1, gapMs: 0 });
    const controller = new AbortController();
    let leave = () => {};
    const inside = open[0]!.visit("a", never, () => new Promise<void>((resolve) => (leave = resolve)));
    const waiting = open[1]!.visit("a", controller.signal, async () => 1);
    setTimeout(() => controller.abort(new Error("stop")), 50);
    await expect(waiting).rejects.toThrow("stop");
    leave();
    await inside;
    close();
  });
});
