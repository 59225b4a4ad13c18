// `predict --redis`, addresses of Redis that are wrong, and the gate that workers share, with a redis-server.

import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
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
    const lost = await worker("--json", "--map", `${folder}/photos=/nowhere`, `${folder}=${folder}`);
    const args = [...ASK, "--redis", redis.url, "--out", "answers"];
    for (const _ of [1, 2]) {
      const outcome = await start(args).ended;
      expect(outcome.code).toBe(1);
      const lines = outcome.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(lines[0].error.code).toBe("SHARD_FAILED");
      expect(lines[0].error.message).toContain(
        "received a failure (expected a file for `photos/000.jpg` but nothing is",
      );
      expect(lines.find(({ file }) => file === "none").error.code).toBe("NO_PHOTOS");
    }
    lost.child.kill("SIGTERM");
    const { stdout } = await lost.ended;
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map(({ outcome, tries_left }) => [outcome, tries_left])).toEqual([2, 1, 0].map((n) => ["failed", n]));
    // What a machine lacks is no answer of the photo: with another it is asked for again, and only then.
    expect(await readdir(join(folder, "answers"))).toEqual([]);
    await worker();
    // A dead letter is that of one folder of answers.
    expect((await start([...ASK, "--redis", redis.url, "--out", "others"]).ended).stdout).toBe(alone.stdout);
    expect((await start([...args, "--retry"]).ended).stdout).toBe(alone.stdout);
  });

  test("a machine that lacks folders or the model takes no tries: what it gives back, others do", async () => {
    redis = await redisServer();
    await photos(200);
    await writeFile(join(folder, "other.onnx"), "another model");
    const alone = await start(ASK).ended;
    const lost = [
      await worker("--map", `${folder}=/nowhere`),
      await worker("--map", "/elsewhere=/nowhere"),
      await worker("--map", `${folder}/toy.onnx=${folder}/other.onnx`, `${folder}=${folder}`),
    ];
    const run = start([...ASK, "--redis", redis.url, "--out", "answers"]);
    for (const one of lost) await until(() => one.said.stderr.includes("given back"));
    await until(() => run.said.stderr.includes("a worker rests: expected the coordinator's "));
    await worker();
    const outcome = await run.ended;
    expect(outcome.stdout).toBe(alone.stdout);
    for (const { said } of lost) expect(said.stderr.match(/on this worker/g)).toHaveLength(1);
  });

  test("two shards of the same photos are one question", async () => {
    redis = await redisServer();
    await photos(31);
    const twice = ["predict", "photos", "photos", "--model", "toy.onnx", "--json"];
    const alone = await start(twice).ended;
    await worker();
    const outcome = await start([...twice, "--redis", redis.url, "--out", "answers"]).ended;
    expect(outcome.stdout).toBe(alone.stdout);
    expect(await readdir(join(folder, "answers"))).toHaveLength(1);
  });

  test("the table is as wide as without workers, though they gave up on the first photos", async () => {
    redis = await redisServer();
    await photos(60);
    const table = ["predict", "photos", "--model", "toy.onnx"];
    const alone = (await start(table).ended).stdout.split("\n");
    const args = [...table, "--redis", redis.url, "--out", "answers"];
    await worker();
    expect((await start(args).ended).stdout.split("\n")).toEqual(alone);
    const answers = join(folder, "answers");
    const names = await readdir(answers);
    const texts = await Promise.all(names.map(async (name) => await readFile(join(answers, name), "utf8")));
    // The first shard is the one with the broken photo.
    const first = names[texts.findIndex((text) => text.includes("NOT_AN_IMAGE"))]!;
    await writeFile(join(answers, first), JSON.stringify({ labels: ["a"], answers: [null] }));
    const { stdout, stderr } = await start(args).ended;
    expect(stdout.split("\n")).toEqual(alone.slice(31));
    expect(stderr).toContain("received an answer of another kind");
    // It was taken away, and asked for again.
    expect((await start(args).ended).stdout.split("\n")).toEqual(alone);
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
      [`redis://:hunter2@hunter2@${at}/x`, "BAD_OPTION", /received redis:\/\/\.\.\.@127/],
      [`redis://:hunter2%@${at}`, "BAD_OPTION", /with % written as %25/],
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
    const server = clients[0]!;
    return {
      open,
      server,
      /** The server's clock, which counts, milliseconds. */
      clock: async () => {
        const [seconds, micros] = (await server.time()).map(Number) as [number, number];
        return seconds * 1000 + Math.floor(micros / 1000);
      },
      stateOf: async (host: string) => {
        const state = await server.hgetall(`ballsight:host:${host}`);
        return { opens: Number(state.opens), closed: Number(state.closed) };
      },
      close: () => void clients.map((client) => client.disconnect()),
    };
  }

  test("lets in one at a time with a gap, hosts apart", async () => {
    const { open, close, stateOf } = await gates({ parallel: 1, gapMs: 60 });
    const began: Record<string, number[]> = { a: [], b: [] };
    let inside = 0;
    const visits = open.flatMap((gate) =>
      ["a", "a", "b", "b"].map((host) =>
        gate.visit(host, never, async (report) => {
          if (host === "a") expect(++inside).toBe(1);
          // When the next may come: a gap after this one, on the server's clock.
          began[host]!.push((await stateOf(host)).opens);
          report({ refused: false });
          await new Promise((resolve) => setTimeout(resolve, 10));
          if (host === "a") inside--;
        }),
      ),
    );
    await Promise.all(visits);
    for (const opens of Object.values(began)) {
      expect(opens).toHaveLength(6);
      for (const [i, time] of opens.slice(1).entries()) expect(time - opens[i]!).toBeGreaterThanOrEqual(60);
    }
    close();
  });

  test("a refusal is every worker's: rests that the host asks for, and closing after many", async () => {
    const { open, close, clock, stateOf } = await gates({ parallel: 4, gapMs: 0 });
    const [first, second] = open;
    const asked = await clock();
    await first!.visit("a", never, async (report) => report({ refused: true, waitMs: 300 }));
    const { opens } = await stateOf("a");
    expect(opens).toBeGreaterThanOrEqual(asked + 300);
    await second!.visit("a", never, async (report) => {
      expect(await clock()).toBeGreaterThanOrEqual(opens);
      report({ refused: false });
    });
    for (let i = 0; i < RESTS.refusals; i++) {
      await open[i % 3]!.visit("a", never, async (report) => report({ refused: true, waitMs: 0 }));
    }
    for (const gate of open) await expect(gate.visit("a", never, async () => 1)).rejects.toThrow(HostClosed);
    expect(await first!.visit("b", never, async () => 1)).toBe(1);
    // More than a wait is worth.
    const before = await clock();
    await first!.visit("c", never, async (report) => report({ refused: true, waitMs: RESTS.mostMs + 1000 }));
    const { closed } = await stateOf("c");
    expect(closed).toBeGreaterThanOrEqual(before + RESTS.mostMs + 1000);
    await expect(second!.visit("c", never, async () => 1)).rejects.toThrow(/c is left alone for \d+ s/);
    close();
  });

  test("an hour's rest is remembered, though a visit that was inside goes well", async () => {
    const { open, close, server } = await gates({ parallel: 2, gapMs: 0, bytesPerS: 1e9 });
    const HOUR_MS = 3_600_000;
    let tell = () => {};
    const isTold = new Promise<void>((resolve) => (tell = resolve));
    let enter = () => {};
    const isInside = new Promise<void>((resolve) => (enter = resolve));
    const good = open[0]!.visit("a", never, async (report) => {
      enter();
      await isTold;
      report({ refused: false, bytes: 1000 });
    });
    await isInside;
    await open[1]!.visit("a", never, async (report) => report({ refused: true, waitMs: HOUR_MS }));
    tell();
    await good;
    // Less what the machine takes for the two of them.
    expect(await server.pttl("ballsight:host:a")).toBeGreaterThan(HOUR_MS / 2);
    await expect(open[2]!.visit("a", never, async () => 1)).rejects.toThrow(HostClosed);
    close();
  });

  test("what a host sends is paid for by all workers together", async () => {
    const { open, close, clock, stateOf } = await gates({ parallel: 1, gapMs: 0, bytesPerS: 1_000_000 });
    const asked = await clock();
    for (const gate of [...open, ...open]) {
      await gate.visit("a", never, async (report) => report({ refused: false, bytes: 100_000 }));
    }
    // Each is paid for after the one before it.
    expect((await stateOf("a")).opens).toBeGreaterThanOrEqual(asked + 6 * 100 - 12);
    close();
  });

  test("a visitor that died inside is forgotten, one that is slow is not", async () => {
    const leaseMs = 4000;
    const { open, close, clock, server } = await gates({ parallel: 1, gapMs: 0 }, leaseMs);
    const end = (await clock()) + 400;
    await server.zadd("ballsight:visitors:a", end, "dead");
    let isInside = false;
    const slow = open[0]!.visit("a", never, async () => {
      isInside = true;
      expect(await clock()).toBeGreaterThanOrEqual(end);
      // It says so again before its lease is over.
      const visitors = await server.zrange("ballsight:visitors:a", 0, -1);
      expect(visitors).toHaveLength(1);
      const score = async () => Number(await server.zscore("ballsight:visitors:a", visitors[0]!));
      const first = await score();
      await until(async () => (await score()) > first);
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
    let leave: (() => void) | undefined;
    const inside = open[0]!.visit("a", never, () => new Promise<void>((resolve) => (leave = resolve)));
    await until(() => leave !== undefined);
    const waiting = open[1]!.visit("a", controller.signal, async () => 1);
    setTimeout(() => controller.abort(new Error("stop")), 50);
    await expect(waiting).rejects.toThrow("stop");
    leave?.();
    await inside;
    close();
  });
});
