// `verify --fix --reencode` and `restore` killed before each of their changes to the disk: a second run ends in the same state.

import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { restore } from "../../src/commands/restore.ts";
import { verify } from "../../src/commands/verify.ts";
import { fill, picture, snapshot } from "../helpers/dataset.ts";
import { atEveryStep, killedAt, runWhole } from "../helpers/kill.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-kill-"));
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

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

const FIX = ["--fix", "--reencode"];

test("fixing", async () => {
  const origin = join(folder, "origin");
  const whole = join(folder, "whole");
  await broken(origin);
  await cp(origin, whole, { recursive: true });
  await runWhole(["verify", whole, ...FIX]);
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
    // In this process, which the killed one's locks must not keep out.
    if (wasKilled) await verify(root, { fix: true, reencode: true, json: true });
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
  await runWhole(["verify", origin, ...FIX]);
  await cp(origin, whole, { recursive: true });
  await runWhole(["restore", whole]);
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
    if (wasKilled) await restore(root, [], { json: true });
    expect(await stateOf(root), `after a kill before change ${step}`).toEqual(expected);
    await rm(root, { recursive: true });
    return wasKilled;
  });
  expect(steps).toBeGreaterThan(15);
});
