// What the server does when things go wrong around a photo: workers that die, queues that are full, clients that leave, models that change.

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunningServer } from "@ballsight/server";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { toyModel } from "../../../vision/test/helpers/toyModel.ts";
import { plain, startToy } from "../helpers/toyServer.ts";

const workerEntry = new URL("../helpers/badWorker.mjs", import.meta.url);
const DEADLY = 13;
const THROWING = 14;
const SLOW = 15;
const HANGING = 16;
const FAULTY = 17;

let server: RunningServer;
afterEach(async () => {
  await server?.close();
});

const photo = async (width: number) => new Uint8Array(await plain("Red", width, 16).png().toBuffer());

async function ask(bytes: Uint8Array<ArrayBuffer>, signal?: AbortSignal) {
  const response = await fetch(`${server.url}/v1/predict`, { method: "POST", body: bytes, ...(signal && { signal }) });
  const body = (await response.json()) as { label?: string; error?: { code: string }; model?: { sha256: string } };
  return { status: response.status, body, retryAfter: response.headers.get("retry-after") };
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split("\n").find((row) => row.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("it did not come true within 30 s");
}

test.each([DEADLY, THROWING])("a worker that dies (%i) takes its own photo with it and no other", async (width) => {
  server = await startToy({ workerEntry, workers: 2 });
  const good = await photo(40);
  const bad = await photo(width);
  const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => ask(i === 3 ? bad.slice() : good.slice())));
  expect(answers.map(({ status }) => status)).toEqual(answers.map((_, i) => (i === 3 ? 503 : 200)));
  expect(answers[3]?.body.error?.code).toBe("WORKER_LOST");
  await until(async () => (await metric("ballsight_workers")) === 2);
  expect(await metric("ballsight_workers_lost_total")).toBe(1);
  expect((await ask(good)).body.label).toBe("Red");
});

test.each([
  [THROWING, "WORKER_LOST", "thrown out of a thread"],
  [FAULTY, "RUNTIME_FAILED", "nonsense"],
])("what went wrong inside (%i) is in the log and not in the answer", async (width, code, inner) => {
  const lines: string[] = [];
  server = await startToy({ workerEntry, log: (line) => lines.push(line) });
  const { body } = await ask(await photo(width));
  expect(body.error).toMatchObject({ code, message: expect.stringContaining("a fault that was logged") });
  expect(JSON.stringify(body)).not.toContain(inner);
  expect(lines.join()).toContain(inner);
});

test("a full queue refuses with 503 and Retry-After, and answers what it took", async () => {
  server = await startToy({ workerEntry, workers: 1, queue: 2 });
  const slow = await photo(SLOW);
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask(slow.slice())));
  const taken = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status === 503);
  expect(taken.length).toBeGreaterThanOrEqual(3);
  expect(refused.length).toBeGreaterThanOrEqual(1);
  expect(taken.length + refused.length).toBe(8);
  for (const { body, retryAfter } of refused) {
    expect(body.error?.code).toBe("SERVER_BUSY");
    expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
  }
});

test("who waits longer than the deadline is told so, and its photo is not computed", async () => {
  server = await startToy({ workerEntry, workers: 1, deadlineMs: 100 });
  const slow = await photo(SLOW);
  const answers = await Promise.all([ask(slow.slice()), ask(slow.slice()), ask(slow.slice())]);
  expect(answers.map(({ status }) => status)).toEqual([504, 504, 504]);
  // The worker had the first of them in hand, and comes back to nothing.
  await until(async () => (await metric("ballsight_running_photos")) === 0);
  expect(await metric('ballsight_photos_total{outcome="answered"}')).toBe(0);
});

test("the work of a client that left is dropped before it is computed", async () => {
  server = await startToy({ workerEntry, workers: 1 });
  const first = ask(await photo(SLOW));
  const leave = new AbortController();
  const gone = Array.from({ length: 5 }, async () => ask(await photo(SLOW), leave.signal).catch(() => "left"));
  await until(
    async () =>
      (await metric("ballsight_queue_photos")) === 5 ||
      (await metric('ballsight_photos_total{outcome="answered"}')) > 0,
  );
  leave.abort();
  expect(await Promise.all(gone)).toEqual(Array(5).fill("left"));
  expect((await first).status).toBe(200);
  await until(async () => (await metric("ballsight_queue_photos")) === 0);
  await until(async () => (await metric('ballsight_photos_total{outcome="CLIENT_LEFT"}')) >= 4);
  expect(await metric('ballsight_photos_total{outcome="answered"}')).toBeLessThanOrEqual(2);
});

test("a Gradio session whose stream is closed drops what it waits for", async () => {
  server = await startToy({ workerEntry, workers: 1 });
  const data = [`data:image/png;base64,${Buffer.from(await photo(SLOW)).toString("base64")}`];
  const join = () =>
    fetch(`${server.url}/queue/join`, { method: "POST", body: JSON.stringify({ data, session_hash: "s" }) });
  for (let i = 0; i < 6; i++) expect((await join()).status).toBe(200);
  const leave = new AbortController();
  const stream = await fetch(`${server.url}/queue/data?session_hash=s`, { signal: leave.signal });
  await (stream.body as ReadableStream<Uint8Array>).getReader().read();
  leave.abort();
  await until(async () => (await metric('ballsight_photos_total{outcome="CLIENT_LEFT"}')) >= 3);
  await until(async () => (await metric("ballsight_sessions")) === 0);
});

describe.skipIf(process.platform === "win32")("a photo that a worker never comes back from", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ballsight-pool-"));
    process.env.BALLSIGHT_TEST_PIPE = join(folder, "pipe");
    spawnSync("mkfifo", [process.env.BALLSIGHT_TEST_PIPE]);
  });
  /** A writer lets all go that hang. */
  const letGo = () => closeSync(openSync(join(folder, "pipe"), constants.O_RDWR | constants.O_NONBLOCK));
  afterEach(letGo);
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  const lost = () => metric("ballsight_workers_lost_total");
  const times = { deadlineMs: 200, hangMs: 200 };

  test("is told after the deadline; another worker takes the place", async () => {
    server = await startToy({ workerEntry, workers: 1, ...times });
    expect((await ask(await photo(HANGING))).status).toBe(504);
    await until(async () => (await lost()) === 1 && (await metric("ballsight_workers")) === 1);
    await until(async () => (await ask(await photo(40))).status === 200);
    expect(server.stuckThreads).toBe(1);
  });

  test("is noticed although its client left before the deadline", async () => {
    server = await startToy({ workerEntry, workers: 2, ...times });
    const leave = new AbortController();
    const gone = [HANGING, HANGING].map(async (width) => ask(await photo(width), leave.signal).catch(() => "left"));
    await until(async () => (await metric("ballsight_running_photos")) === 2);
    leave.abort();
    expect(await Promise.all(gone)).toEqual(["left", "left"]);
    await until(async () => (await lost()) === 2);
    await until(async () => (await ask(await photo(40))).status === 200);
  });

  test("keeps others waiting, and who is refused meanwhile has not used up a rate", async () => {
    server = await startToy({ workerEntry, workers: 1, queue: 1, rate: 4, trustProxy: 1 });
    const [bad, good] = [await photo(HANGING), await photo(40)];
    const send = (body: Uint8Array<ArrayBuffer>, client: string) =>
      fetch(`${server.url}/v1/predict`, { method: "POST", body: body.slice(), headers: { "x-forwarded-for": client } });
    const taken = [send(bad, "1.1.1.1")];
    await until(async () => (await metric("ballsight_running_photos")) === 1);
    taken.push(send(good, "1.1.1.1"));
    await until(async () => (await metric("ballsight_queue_photos")) === 1);
    const refused = await Promise.all(Array.from({ length: 5 }, () => send(good, "2.2.2.2")));
    expect(refused.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503]);
    letGo();
    expect((await Promise.all(taken)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await send(good, "2.2.2.2")).status).toBe(200);
  });

  test("is noticed across a reload, and does not hold a server that stops", async () => {
    let bytes = toyModel();
    const model = { name: "toy", read: async () => bytes };
    server = await startToy({ workerEntry, workers: 1, deadlineMs: 500, hangMs: 500, model });
    const hung = ask(await photo(HANGING));
    await until(async () => (await metric("ballsight_running_photos")) === 1);
    bytes = toyModel({ metadata: { "ballsight.labels": '["Sky","Grass","Rose"]' } });
    await server.reload();
    expect((await ask(await photo(40))).body.label).toBe("Rose");
    expect((await hung).status).toBe(504);
    await until(async () => (await lost()) === 1);
    expect(await metric("ballsight_workers")).toBe(1);
    const again = ask(await photo(HANGING));
    await until(async () => (await metric("ballsight_running_photos")) === 1);
    const began = performance.now();
    const closed = server.close();
    expect((await again).status).toBe(504);
    await closed;
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(server.stuckThreads).toBeGreaterThanOrEqual(2);
  });
});

describe("reload", () => {
  const other = () => toyModel({ metadata: { "ballsight.labels": '["Sky","Grass","Rose"]' } });

  test("under load loses no request, and answers change from one model to the other", async () => {
    let bytes = toyModel();
    server = await startToy({ model: { name: "toy", read: async () => bytes } });
    const good = await photo(40);
    const labels: (string | undefined)[] = [];
    let done = false;
    const load = Array.from({ length: 6 }, async () => {
      while (!done) {
        const { status, body } = await ask(good.slice());
        expect(status).toBe(200);
        labels.push(body.label);
      }
    });
    await until(async () => labels.length > 20);
    bytes = other();
    await server.reload();
    const before = labels.length;
    await until(async () => labels.length > before + 20);
    done = true;
    await Promise.all(load);
    expect(labels[0]).toBe("Red");
    expect(labels.at(-1)).toBe("Rose");
    // Answers that were under way may come behind the first of the new model, but then it is over.
    expect(labels.lastIndexOf("Red")).toBeLessThan(before + 12);
    expect(await metric("ballsight_workers")).toBe(2);
  });

  test("of the same file starts no second set of workers", async () => {
    server = await startToy();
    const before = server.model;
    expect(await server.reload()).toBe(before);
  });

  test("of what is no model keeps the model that is there", async () => {
    let bytes = toyModel();
    server = await startToy({ model: { name: "toy", read: async () => bytes } });
    bytes = new TextEncoder().encode("no model");
    await expect(server.reload()).rejects.toMatchObject({ code: "MODEL_INVALID" });
    expect((await ask(await photo(40))).body.label).toBe("Red");
    bytes = other();
    await server.reload();
    expect((await ask(await photo(40))).body.label).toBe("Rose");
  });
});

test("stopping answers what was taken, and refuses what comes", async () => {
  server = await startToy({ workerEntry, workers: 1 });
  const slow = await photo(SLOW);
  const taken = Array.from({ length: 4 }, () => ask(slow.slice()));
  await until(async () => (await metric("ballsight_queue_photos")) + (await metric("ballsight_running_photos")) === 4);
  const closed = server.close();
  expect((await Promise.all(taken)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  await closed;
  await expect(ask(slow)).rejects.toThrow();
});

test("draining is not ready, but still answers", async () => {
  server = await startToy({ drainMs: 1500 });
  const closed = server.close();
  const ready = await fetch(`${server.url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({ status: "stopping" });
  // Clients that keep their connections are told to go elsewhere; new ones are still taken.
  expect(ready.headers.get("connection")).toBe("close");
  expect((await ask(await photo(40))).status).toBe(200);
  await closed;
});

test("a request that comes on a kept connection just behind the port's end is answered", async () => {
  server = await startToy();
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  await once(socket, "connect");
  const send = () => socket.write("GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n");
  send();
  await once(socket, "data");
  const closed = server.close();
  send();
  const [answer] = await once(socket, "data");
  expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
  expect(String(answer)).toMatch(/\r\nconnection: close\r\n/i);
  await closed;
});

test("an open heartbeat does not hold a server that stops", async () => {
  server = await startToy();
  const stream = await fetch(`${server.url}/heartbeat/x`);
  await server.close();
  // One that was cut, which happens to what nobody ends, would be an error here.
  expect(await stream.text()).toBe("data: ALIVE\n\n");
});

describe("at the start", () => {
  test("a model file that is none, and one without labels", async () => {
    const start = (bytes: Uint8Array) => startToy({ model: { name: "m.onnx", read: async () => bytes } });
    await expect(start(new Uint8Array(100))).rejects.toMatchObject({ code: "MODEL_INVALID" });
    const unlabelled = toyModel({ metadata: { "ballsight.labels": undefined } });
    await expect(start(unlabelled)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining("labels"),
    });
  });

  test("a port that is taken", async () => {
    server = await startToy();
    const port = Number(new URL(server.url).port);
    await expect(startToy({ port })).rejects.toMatchObject({ code: "PORT_NOT_FREE", status: 409 });
  });
});

describe("clients that misbehave", () => {
  test("an upload that stops half-way", async () => {
    server = await startToy();
    const { port } = new URL(server.url);
    for (let i = 0; i < 5; i++) {
      const socket = connect(Number(port), "127.0.0.1");
      socket.on("error", () => undefined);
      await once(socket, "connect");
      socket.write("POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n");
      socket.write(Buffer.alloc(1000));
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket.destroy();
    }
    expect((await ask(await photo(40))).status).toBe(200);
  });

  test("an upload that is refused while it is sent reads its refusal", async () => {
    server = await startToy({ maxBytes: 10_000 });
    const { port } = new URL(server.url);
    for (const declared of [true, false]) {
      const outgoing = request({
        port,
        method: "POST",
        path: "/v1/predict",
        ...(declared && { headers: { "content-length": 3_000_000 } }),
      });
      outgoing.on("error", () => undefined);
      const answered = once(outgoing, "response");
      for (let i = 0; i < 30; i++) outgoing.write(Buffer.alloc(100_000));
      outgoing.end();
      const [response] = await answered;
      expect(response.statusCode).toBe(413);
      response.resume();
    }
  });

  test("a client that never reads its stream", async () => {
    server = await startToy();
    const { port } = new URL(server.url);
    const data = [`data:image/png;base64,${Buffer.from(await photo(40)).toString("base64")}`];
    const join = () =>
      fetch(`${server.url}/queue/join`, { method: "POST", body: JSON.stringify({ data, session_hash: "deaf" }) });
    await join();
    const socket = connect(Number(port), "127.0.0.1");
    socket.pause();
    socket.write("GET /queue/data?session_hash=deaf HTTP/1.1\r\nHost: x\r\n\r\n");
    for (let i = 0; i < 50; i++) expect((await join()).status).toBe(200);
    expect((await ask(await photo(40))).status).toBe(200);
    socket.destroy();
  });
});
