// Two servers behind HAProxy with the configuration that ships: Gradio's sessions stay together, REST goes wherever there is room.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunningServer } from "@ballsight/server";
import { Client } from "@gradio/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dataUrl, plain, png, startToy } from "../helpers/toyServer.ts";

const HAPROXY = process.env.HAPROXY ?? "haproxy";
const hasProxy = process.platform === "linux" && spawnSync(HAPROXY, ["-v"]).status === 0;
if (!hasProxy) console.warn("skipped: no haproxy (Debian: haproxy); HAPROXY names another");

const workerEntry = new URL("../helpers/badWorker.mjs", import.meta.url);
/** Of the first server. */
const QUEUE = 8;

let servers: RunningServer[];
let proxy: ChildProcess;
let folder: string;
let port: number;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: free } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return free;
}

/** POST of JSON from an address of this machine, so that the proxy sees several clients. */
async function post(path: string, body: unknown, localAddress = "127.0.0.1") {
  const outgoing = request({
    port,
    host: "127.0.0.1",
    path,
    method: "POST",
    localAddress,
    headers: { "content-type": "application/json" },
  });
  outgoing.end(JSON.stringify(body));
  return answerOf(outgoing);
}

async function get(path: string, localAddress = "127.0.0.1") {
  const outgoing = request({ port, host: "127.0.0.1", path, localAddress });
  outgoing.end();
  return answerOf(outgoing);
}

async function answerOf(outgoing: ReturnType<typeof request>) {
  const [response] = await once(outgoing, "response");
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  return { status: response.statusCode as number, text };
}

/** Photos that each server has answered. */
const answered = () =>
  Promise.all(
    servers.map(async ({ url }) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/ballsight_photos_total\{outcome="answered"\} (\d+)/.exec(text)?.[1] ?? 0);
    }),
  );

describe.skipIf(!hasProxy)("two servers behind HAProxy", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ballsight-proxy-"));
    // Before the workers, which have the environment of their start.
    process.env.BALLSIGHT_TEST_PIPE = join(folder, "pipe");
    spawnSync("mkfifo", [process.env.BALLSIGHT_TEST_PIPE]);
    servers = [
      await startToy({ workers: 1, trustProxy: 1, drainMs: 5000, workerEntry, queue: QUEUE }),
      await startToy({ workers: 1, trustProxy: 1 }),
    ];
    port = await freePort();
    const shipped = await readFile(new URL("../../../../deploy/haproxy.cfg", import.meta.url), "utf8");
    const [one, two] = servers.map(({ url }) => new URL(url).host) as [string, string];
    const config = shipped
      .replaceAll("127.0.0.1:7861", one)
      .replaceAll("127.0.0.1:7862", two)
      .replace(":7860", `127.0.0.1:${port}`);
    await writeFile(join(folder, "haproxy.cfg"), config);
    proxy = spawn(HAPROXY, ["-f", join(folder, "haproxy.cfg"), "-db"], { stdio: "ignore" });
    for (let i = 0; i < 200; i++) {
      if (
        await get("/readyz").then(
          ({ status }) => status === 200,
          () => false,
        )
      )
        return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  afterAll(async () => {
    proxy?.kill();
    await Promise.all((servers ?? []).map((server) => server.close()));
    await rm(folder, { recursive: true, force: true });
  });

  test("Gradio's client of today, upload, question and stream", async () => {
    const app = await Client.connect(`http://127.0.0.1:${port}`);
    for (const colour of ["Red", "Green", "Blue", "Red"] as const) {
      const { data } = await app.predict("/predict", [new Blob([await png(colour)])]);
      expect((data as { label: string }[])[0]?.label).toBe(colour);
    }
    app.close();
  });

  test("sessions of many clients find their server, and both have work", async () => {
    const before = await answered();
    const data = [dataUrl(await png("Green"))];
    for (let i = 2; i < 34; i++) {
      const client = `127.0.0.${i}`;
      const session_hash = `s${i}`;
      expect((await post("/gradio_api/queue/join", { data, session_hash }, client)).status).toBe(200);
      const { text } = await get(`/gradio_api/queue/data?session_hash=${session_hash}`, client);
      expect(text).toContain('"label":"Green"');
      expect(text).not.toContain("session_not_found");
    }
    const after = await answered();
    for (const [i, count] of after.entries()) expect(count).toBeGreaterThan(before[i] as number);
  });

  test("one that is full costs no answer where the other has room", async () => {
    const hanging = new Uint8Array(await plain("Red", 16, 16).png().toBuffer());
    const image = dataUrl(await png("Green"));
    const [full] = servers as [RunningServer];
    const ask = (body: Uint8Array<ArrayBuffer>) => fetch(`${full.url}/v1/predict`, { method: "POST", body });
    const taken = [ask(hanging)];
    for (let i = 0; i < QUEUE; i++) taken.push(ask(await png("Red")));
    while ((await fetch(`${full.url}/readyz`)).status !== 503) await new Promise((resolve) => setTimeout(resolve, 10));
    // In turn, as neither has a connection of the proxy: half of them come to the full one first.
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await post("/v1/predict", { image })).status);
    closeSync(openSync(join(folder, "pipe"), constants.O_RDWR | constants.O_NONBLOCK));
    expect(statuses).toEqual(Array(6).fill(200));
    for (const { status } of await Promise.all(taken)) expect(status).toBe(200);
    const text = await (await fetch(`${full.url}/metrics`)).text();
    expect(text).toMatch(/ballsight_requests_total\{route="\/v1\/predict",status="503"\} [1-9]/);
  });

  test("a server that stops under load costs no answer", async () => {
    const image = dataUrl(await png("Blue"));
    const statuses: number[] = [];
    let stopped = false;
    const load = Array.from({ length: 4 }, async () => {
      while (!stopped) {
        const { status, text } = await post("/v1/predict", { image });
        statuses.push(status);
        if (status === 200) expect(text).toContain('"label":"Blue"');
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = await answered();
    expect(Math.min(...before)).toBeGreaterThan(0);
    // Not ready for as long as the proxy needs to see it, then gone.
    await servers[0]?.close();
    servers = servers.slice(1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    stopped = true;
    await Promise.all(load);
    expect(statuses.length).toBeGreaterThan(20);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});
