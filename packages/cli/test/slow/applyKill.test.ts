// `apply` and `apply --undo` killed before each of their changes to the disk: run again, they end in the same state.

import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decidedBalls, photosAndRecords } from "../helpers/decided.ts";
import { atEveryStep, killedAt, runWhole } from "../helpers/kill.ts";

let folder: string;
let origin: string;
let applied: Record<string, string>;
let before: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-apply-kill-"));
  origin = join(folder, "origin");
  await decidedBalls(origin);
  before = await photosAndRecords(origin);
  const whole = join(folder, "whole");
  await cp(origin, whole, { recursive: true });
  await runWhole(["apply", whole]);
  applied = await photosAndRecords(whole);
  expect(Object.keys(applied)).toEqual([
    ".trash/Golf/b.jpg",
    "Golf/d.jpg",
    "Rugby/c.jpg",
    "Tennis/a-2.jpg",
    "Tennis/a.jpg",
    "decisions.jsonl",
    "metadata.jsonl",
  ]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Kills `args` at every step of a copy of `from`, then runs `then`, and expects `state`. Returns how many steps there are. */
async function always(from: string, args: string[], then: string[], state: Record<string, string>): Promise<number> {
  return await atEveryStep(async (step) => {
    const root = join(folder, `${args.concat(then).join("")}${step}`);
    await cp(from, root, { recursive: true, preserveTimestamps: true });
    const wasKilled = await killedAt(step, root, ["apply", root, ...args]);
    if (wasKilled || then !== args) await runWhole(["apply", root, ...then]);
    expect(await photosAndRecords(root), `after a kill before change ${step}`).toEqual(state);
    await rm(root, { recursive: true });
    return wasKilled;
  });
}

test("an apply that was cut off is finished by the next", async () => {
  const args: string[] = [];
  expect(await always(origin, args, args, applied)).toBeGreaterThan(20);
});

test("an apply that was cut off can be undone at once", async () => {
  expect(await always(origin, [], ["--undo"], before)).toBeGreaterThan(20);
});

test("an undo that was cut off is finished by the next undo", async () => {
  const done = join(folder, "done");
  await cp(origin, done, { recursive: true });
  await runWhole(["apply", done]);
  const args = ["--undo"];
  expect(await always(done, args, args, before)).toBeGreaterThan(15);
});
