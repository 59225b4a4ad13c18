// `train` that has to fetch its weights, as a child process: killed in the middle, run again, offline, and with weights of torch.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type FileServer, fileServer } from "../helpers/fileServer.ts";
import { ballsight, errorOf, type Outcome, photosOf } from "../helpers/training.ts";

const FILE = "resnet18-f37072fd.pth";
const BYTES = Uint8Array.from({ length: 2_000_000 }, (_, i) => (i * 7919) >> 5);

let folder: string;
let server: FileServer;
const at = (name: string) => join(folder, name);
const TINY = ["--size", "32", "--batch", "4", "--epochs", "0", "--freeze-epochs", "0", "--valid", "0.25"];
const train = (...more: string[]) =>
  ballsight(["train", "photos", ...TINY, "--cache", "cache", "--out", "run", ...more], { cwd: folder, env: env() });
/** The weights' folder, and the server for a mirror. */
const env = () => ({ BALLSIGHT_WEIGHTS: at("weights"), BALLSIGHT_WEIGHTS_URL: server.url });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-fetch-"));
  await Promise.all([photosOf("Tennis", at("photos/Tennis"), 4), photosOf("Bowling", at("photos/Bowling"), 4)]);
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  server = await fileServer(BYTES);
  await mkdir(at("weights"), { recursive: true });
});
afterEach(async () => {
  await server.close();
  await rm(at("weights"), { recursive: true, force: true });
});

function expectRefused(outcome: Outcome, code: string, text: string): void {
  expect(errorOf(outcome)).toMatchObject({ code, line: expect.stringContaining(text) });
  expect(outcome).toMatchObject({ code: 2, stdout: "" });
  expect(existsSync(at("run"))).toBe(false);
}

test("killed in the middle of the download, the next run goes on there; a wrong file never gets its name", async () => {
  server.answer = (_, response) => {
    response.writeHead(200, { ...server.headers, "content-length": BYTES.length });
    response.write(BYTES.subarray(0, 1_000_000));
  };
  const part = join(at("weights"), `${FILE}.part`);
  const killed = await ballsight(["train", "photos", ...TINY, "--arch", "resnet18", "--out", "run"], {
    cwd: folder,
    env: env(),
    onStart: async (child) => {
      while (child.exitCode === null && ((await stat(part).catch(() => undefined))?.size ?? 0) < 1_000_000)
        await new Promise((resolve) => setTimeout(resolve, 20));
      child.kill("SIGKILL");
    },
  });
  expect(killed.signal).toBe("SIGKILL");
  expect((await readdir(at("weights"))).sort()).toEqual(["lock", `${FILE}.part`, `${FILE}.part.json`]);
  expect(existsSync(at("run"))).toBe(false);

  server.answer = undefined;
  server.requests.length = 0;
  const outcome = await train("--arch", "resnet18");
  expect(server.requests).toEqual([{ path: `/models/${FILE}`, range: "bytes=1000000-", ifRange: '"one"' }]);
  expectRefused(outcome, "WEIGHTS_HASH", "starts with f37072fd for `resnet18.tv_in1k`");
  expect(outcome.stderr).toContain(`getting resnet18.tv_in1k (BSD-3-Clause) from ${server.url}/${FILE} into`);
  expect(await readdir(at("weights"))).toEqual([]);
});

test("offline, or with --json and no such file: one line, code 2", async () => {
  const offline = await train("--arch", "resnet18", "--offline");
  expectRefused(offline, "WEIGHTS_MISSING", `get the file from ${server.url}/${FILE}`);
  expect(server.requests).toEqual([]);
  expect(offline.stderr.trimEnd().split("\n")).toHaveLength(1);

  server.answer = (_, response) => response.writeHead(404).end();
  const missing = await train("--arch", "resnet18", "--json");
  expectRefused(missing, "WEIGHTS_DOWNLOAD", "HTTP 404 Not Found; try again, or put the file at");
  expect(missing.stderr.trimEnd().split("\n")).toHaveLength(1);
});

test("a run that is there already is told before anything is fetched", async () => {
  await mkdir(at("there"));
  await writeFile(at("there/config.json"), "{}");
  const outcome = await train("--arch", "resnet18", "--out", "there");
  expectRefused(outcome, "RUN_EXISTS", "`there`");
  expect(server.requests).toEqual([]);
});

test("trains from a file that torch saved", async () => {
  const fixture = new URL("../../../vision/test/fixtures/torch_files.json", import.meta.url);
  const { torchvision } = JSON.parse((await readFile(fixture, "utf8")).replaceAll("Infinity", "0"));
  await writeFile(at("mine.pth"), inflateRawSync(Buffer.from(torchvision.zip.file, "base64")));
  const outcome = await train("--arch", "mobilenet_v2.tv_in1k", "--weights", "mine.pth", "--offline");
  expect([outcome.code, outcome.stderr]).toEqual([0, ""]);
  expect(outcome.stdout).toContain("weights mine.pth;");
});
