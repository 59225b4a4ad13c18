// `verify --fix --reencode` and `restore` killed before each of their changes to the disk: a second run ends in the same state.

import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fill, picture, snapshot } from "../helpers/dataset.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/ballsight.js", import.meta.url));
const KILL_AT = new URL("../helpers/killAt.mjs", import.meta.url).href;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-kill-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Runs the program, killed before its `at`-th change below `root`. Whether it was. */
function killedAt(at: number, root: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, KILL_AT: String(at), KILL_BELOW: root };
    const child = spawn(process.execPath, ["--import", KILL_AT, PROGRAM, ...args], {
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject).on("close", (code, signal) => {
      if (signal === "SIGKILL") resolve(true);
      else if (code === 0) resolve(false);
      else reject(new Error(`exit code ${code}: ${stderr}`));
    });
  });
}

/** All files but the journal, and what metadata.jsonl says in any order. */
async function stateOf(root: string) {
  const { ".trash/journal.jsonl": _, "metadata.jsonl": __, ...files } = await snapshot(root);
  const lines = (await readFile(join(root, "metadata.jsonl"), "utf8")).trimEnd().split("\n");
  return { files, rows: lines.sort() };
}

const row = (file_name: string) => `${JSON.stringify({ file_name, creator: file_name })}\n`;

async function broken(root: string) {
  const jpeg = await picture("Golf", 1).jpeg().toBuffer();
  const frames = await Promise.all([4, 5].map((seed) => picture("Tennis", seed).png().toBuffer()));
  await fill(root, {
    "Golf/a.jpg": jpeg,
    "Golf/cut.jpg": jpeg.subarray(0, 600),
    "Golf/misnamed.png": picture("Golf", 2).jpeg(),
    "Tennis/deep.png": picture("Tennis", 3).toColourspace("rgb16").png(),
    "Tennis/deep.gif": sharp(frames, { join: { animated: true } }).gif(),
    "Tennis/empty.jpg": "",
    "metadata.jsonl": ["Golf/a.jpg", "Golf/cut.jpg", "Golf/misnamed.png", "Tennis/deep.png", "Tennis/deep.gif"]
      .map(row)
      .join(""),
  });
}

/** Every step on as many processes as there are cores; the first that was not killed ends it. Returns how many steps there are. */
async function atEveryStep(check: (step: number) => Promise<boolean>): Promise<number> {
  let [next, steps] = [1, Number.POSITIVE_INFINITY];
  const work = async () => {
    while (next < steps) {
      const step = next++;
      if (!(await check(step))) steps = Math.min(steps, step);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return steps - 1;
}

const FIX = ["--fix", "--reencode"];

test("fixing", async () => {
  const origin = join(folder, "origin");
  const whole = join(folder, "whole");
  await broken(origin);
  await cp(origin, whole, { recursive: true });
  expect(await killedAt(0, "/nowhere", ["verify", whole, ...FIX])).toBe(false);
  const expected = await stateOf(whole);
  expect(Object.keys(expected.files)).toEqual([
    ".trash/Golf/cut.jpg",
    ".trash/Tennis/deep.gif",
    ".trash/Tennis/deep.png",
    ".trash/Tennis/empty.jpg",
    "Golf/a.jpg",
    "Golf/misnamed.jpg",
    "Tennis/deep-2.png",
    "Tennis/deep.png",
  ]);

  const steps = await atEveryStep(async (step) => {
    const root = join(folder, `fix${step}`);
    await cp(origin, root, { recursive: true });
    const wasKilled = await killedAt(step, root, ["verify", root, ...FIX]);
    if (wasKilled) await killedAt(0, "/nowhere", ["verify", root, ...FIX]);
    expect(await stateOf(root), `after a kill before change ${step}`).toEqual(expected);
    await rm(root, { recursive: true });
    return wasKilled;
  });
  expect(steps).toBeGreaterThan(30);
});

test("restoring", async () => {
  const origin = join(folder, "to restore");
  const whole = join(folder, "restored");
  await broken(origin);
  await killedAt(0, "/nowhere", ["verify", origin, ...FIX]);
  await cp(origin, whole, { recursive: true });
  await killedAt(0, "/nowhere", ["restore", whole]);
  const expected = await stateOf(whole);
  expect(Object.keys(expected.files)).toEqual([
    "Golf/a.jpg",
    "Golf/cut.jpg",
    "Golf/misnamed.jpg",
    "Tennis/deep.gif",
    "Tennis/deep.png",
    "Tennis/empty.jpg",
  ]);
  expect(expected.rows).toHaveLength(5);

  const steps = await atEveryStep(async (step) => {
    const root = join(folder, `restore${step}`);
    await cp(origin, root, { recursive: true });
    const wasKilled = await killedAt(step, root, ["restore", root]);
    if (wasKilled) await killedAt(0, "/nowhere", ["restore", root]);
    expect(await stateOf(root), `after a kill before change ${step}`).toEqual(expected);
    await rm(root, { recursive: true });
    return wasKilled;
  });
  expect(steps).toBeGreaterThan(15);
});
