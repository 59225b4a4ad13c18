// The hostile corpus: each malformed request is answered with a body, none is the end of the server, none gets at this machine.

import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { RunningServer } from "@ballsight/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Hostile, hostileRequests } from "../helpers/hostile.ts";
import { png, startToy } from "../helpers/toyServer.ts";

const SEED = 20261123;
/** At a time. */
const PARALLEL = 8;
/** What only files and the environment of this machine hold. */
const SECRETS = [/root:x:0:0/, /PATH=\//, /HOSTNAME=/];

let server: RunningServer;
let canaryAsked = 0;
const canary = createServer((_, response) => {
  canaryAsked += 1;
  response.end("canary");
});
const faults: string[] = [];

beforeAll(async () => {
  canary.listen(0, "127.0.0.1");
  await once(canary, "listening");
  server = await startToy({
    maxBytes: 200_000,
    log: (line) => faults.push(line),
    // A name that means this machine, whatever it meant before.
    urls: { resolve: (_host, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]) },
  });
});
afterAll(async () => {
  await server?.close();
  canary.close();
});

/** What came back until the connection ended, or nothing more came. */
function exchange({ bytes }: Hostile): Promise<string> {
  const { port } = new URL(server.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), "127.0.0.1");
    const chunks: Buffer[] = [];
    let idle: NodeJS.Timeout | undefined;
    const done = () => {
      clearTimeout(idle);
      socket.destroy();
      resolve(Buffer.concat(chunks).toString("latin1"));
    };
    // Some leave the connection open, as they should: their request may not be over.
    const wait = (ms: number) => {
      clearTimeout(idle);
      idle = setTimeout(done, ms);
    };
    socket.on("connect", () => socket.write(bytes));
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      wait(1500);
    });
    socket.on("close", done);
    socket.on("error", () => undefined);
    wait(8000);
  });
}

test("every request is answered, with a body, and with nothing of this machine", async () => {
  const corpus = await hostileRequests(SEED, (canary.address() as AddressInfo).port);
  expect(corpus.length).toBeGreaterThanOrEqual(300);
  const wrong: string[] = [];
  const statuses = new Map<string, number>();
  let next = 0;
  const work = async () => {
    for (let i = next++; i < corpus.length; i = next++) {
      const request = corpus[i] as Hostile;
      const answer = await exchange(request);
      const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? "none";
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
      const head = answer.slice(0, 300).replaceAll("\r\n", " | ");
      if (status === "none" && !request.name.startsWith("noise") && !request.name.startsWith("frame"))
        wrong.push(`${request.name}: no answer`);
      // 499 cannot be: this client has not left. 500 is a fault of ours, body or not.
      if (status === "500" || status === "499") wrong.push(`${request.name}: ${head}${body.slice(0, 300)}`);
      if (Number(status) >= 400 && body === "") wrong.push(`${request.name}: ${status} without a body`);
      if (SECRETS.some((secret) => secret.test(answer))) wrong.push(`${request.name}: something of this machine`);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  expect(wrong).toEqual([]);
  expect(canaryAsked).toBe(0);
  expect(faults).toEqual([]);
  // Most of them are told what is wrong; some damaged photos can still be read.
  expect(
    [...statuses].filter(([status]) => status.startsWith("4")).reduce((sum, [, count]) => sum + count, 0),
  ).toBeGreaterThan(250);

  const response = await fetch(`${server.url}/v1/predict`, { method: "POST", body: await png("Green") });
  expect(await response.json()).toMatchObject({ label: "Green" });
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain("ballsight_workers_lost_total 0");
  expect(metrics).toContain("ballsight_queue_photos 0");
});
