// The page's files: what is in the folder and nothing else, packed where that helps, and in memory once.

import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunningServer } from "@ballsight/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startToy } from "../helpers/toyServer.ts";

let server: RunningServer;
let folder: string;
const SECRET = "what nobody may read";
const script = `console.log("${"ball ".repeat(500)}");`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-page-"));
  await mkdir(join(folder, "page/assets"), { recursive: true });
  await writeFile(join(folder, "secret.txt"), SECRET);
  await writeFile(join(folder, "page/index.html"), "<!doctype html><title>page</title>");
  await writeFile(join(folder, "page/sw.js"), "// worker");
  await writeFile(join(folder, "page/assets/index-AbCdEf12.js"), script);
  await writeFile(join(folder, "page/assets/run.wasm"), new Uint8Array(8_000_000));
  await symlink(join(folder, "secret.txt"), join(folder, "page/link.txt"));
  server = await startToy({ page: join(folder, "page") });
});
afterAll(async () => {
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${server.url}${path}`, { headers });

test("index.html at / with a policy, a worker that is asked anew, assets for ever", async () => {
  const page = await get("/");
  expect(await page.text()).toContain("<title>page</title>");
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self' 'wasm-unsafe-eval'");
  expect(page.headers.get("cache-control")).toBe("no-cache");
  expect((await get("/sw.js")).headers.get("cache-control")).toBe("no-cache");
  expect((await get("/assets/index-AbCdEf12.js")).headers.get("cache-control")).toContain("immutable");
  expect((await get("/assets/run.wasm")).headers.get("content-type")).toBe("application/wasm");
});

test("packed for who can unpack, with an ETag of its own", async () => {
  const plain = await get("/assets/index-AbCdEf12.js", { "accept-encoding": "identity" });
  const gzip = await get("/assets/index-AbCdEf12.js", { "accept-encoding": "gzip, br" });
  expect(plain.headers.get("content-encoding")).toBeNull();
  expect(Number(plain.headers.get("content-length"))).toBe(script.length);
  expect(gzip.headers.get("content-encoding")).toBe("gzip");
  expect(Number(gzip.headers.get("content-length"))).toBeLessThan(script.length / 5);
  expect(await gzip.text()).toBe(await plain.text());
  const [one, two] = [plain.headers.get("etag") as string, gzip.headers.get("etag") as string];
  expect(one).not.toBe(two);
  expect((await get("/assets/index-AbCdEf12.js", { "if-none-match": two })).status).toBe(304);
});

test.each([
  "/link.txt",
  "/../secret.txt",
  "/%2e%2e/secret.txt",
  "/assets/../../secret.txt",
  "/..%2fsecret.txt",
  "/assets/",
])("%s is not there", async (path) => {
  // By hand: fetch would tidy the path before it sends it.
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  let answer = "";
  for await (const chunk of socket.setEncoding("utf8")) answer += chunk;
  expect(answer).toMatch(/^HTTP\/1\.1 404 /);
  expect(answer).not.toContain(SECRET);
});

test("two hundred clients that ask for a large file and do not read it take no memory for it", async () => {
  const { port } = new URL(server.url);
  const before = process.memoryUsage();
  const sockets = Array.from({ length: 200 }, () => {
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.pause();
    socket.write("GET /assets/run.wasm HTTP/1.1\r\nHost: x\r\nAccept-Encoding: identity\r\n\r\n");
    return socket;
  });
  await new Promise((resolve) => setTimeout(resolve, 2000));
  expect((await get("/healthz")).status).toBe(200);
  // 200 copies would be 1.6 GB.
  const { arrayBuffers, external } = process.memoryUsage();
  expect(arrayBuffers + external - before.arrayBuffers - before.external).toBeLessThan(400_000_000);
  for (const socket of sockets) socket.destroy();
});
