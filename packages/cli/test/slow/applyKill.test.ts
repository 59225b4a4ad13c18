// `apply` and `apply --undo` killed before each of their changes to the disk: run again, they end in the same state, as a dry run says.

import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { applyDecisions, previewApply } from "../../src/decisions/apply.ts";
import { previewUndo, undoApply } from "../../src/decisions/undo.ts";
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

const silent = { onProgress: () => undefined };

/** Finishes a killed run in this process, which the killed one's locks must not keep out; returns what was to be done, and what was. */
const ENDINGS = {
  apply: async (root: string) => {
    const [dry, real] = [await previewApply(root, silent), await applyDecisions(root, silent)];
    return [dry, real].map(({ moved, failed, left, resumed, emptied }) => [
      moved.map(({ file, to }) => [file, to]),
      [failed, left, emptied],
      [resumed?.undo, resumed?.moves.map(({ file }) => file)],
    ]);
  },
  undo: async (root: string) => {
    const [dry, real] = [await previewUndo(root), await undoApply(root, silent)];
    return [dry, real].map(({ moved, failed }) => [moved.map(({ file }) => file), failed]);
  },
};

/** Kills `args` at every step of a copy of `from`, then goes on in each of these ways. Returns how many steps there are. */
async function always(
  from: string,
  args: readonly string[],
  endings: Partial<Record<keyof typeof ENDINGS, Record<string, string>>>,
): Promise<number> {
  return await atEveryStep(async (step) => {
    const root = join(folder, `killed${args.join("")}${step}`);
    await cp(from, root, { recursive: true, preserveTimestamps: true });
    const wasKilled = await killedAt(step, root, ["apply", root, ...args]);
    for (const [how, state] of Object.entries(endings)) {
      const copy = `${root}-${how}`;
      await cp(root, copy, { recursive: true, preserveTimestamps: true });
      const [dry, real] = await ENDINGS[how as keyof typeof ENDINGS](copy);
      expect(dry, `a dry run after a kill before change ${step}`).toEqual(real);
      expect(await photosAndRecords(copy), `${how} after a kill before change ${step}`).toEqual(state);
      await rm(copy, { recursive: true });
    }
    await rm(root, { recursive: true });
    return wasKilled;
  });
}

test("an apply that was cut off is finished by the next, or undone at once", async () => {
  expect(await always(origin, [], { apply: applied, undo: before })).toBeGreaterThan(20);
});

test("an undo that was cut off is finished by the next undo, or by an apply that does it all again", async () => {
  const done = join(folder, "done");
  await cp(origin, done, { recursive: true });
  await runWhole(["apply", done]);
  expect(await always(done, ["--undo"], { undo: before, apply: applied })).toBeGreaterThan(15);
});
