// lr-find as a child process: what it prints and draws, the same bits from the same seed, too few points said plainly, and no run left behind.

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ballsight, besidesProgress, errorOf, photosOf } from "../helpers/training.ts";

vi.setConfig({ testTimeout: 200_000 });

let folder: string;
const SETTINGS = ["--weights", "none", "--size", "32", "--resize", "32", "--batch", "4", "--cache", "cache"];
const find = (...more: string[]) => ballsight(["lr-find", "my photos", ...SETTINGS, ...more], { cwd: folder });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-lr-"));
  await photosOf("Tennis", join(folder, "my photos", "Tennis"), 12);
  await photosOf("Bowling", join(folder, "my photos", "Bowling"), 12);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("prints the curve and four suggestions, draws a page, and leaves nothing else", async () => {
  const outcome = await find("--start-lr", "1e-5", "--end-lr", "1e-1", "--steps", "40", "--keep-going");
  const { code, stdout } = outcome;
  expect([code, besidesProgress(outcome)]).toEqual([0, []]);
  for (const rule of ["valley", "steep", "minimum", "slide"])
    expect(stdout).toMatch(new RegExp(`^${rule} +\\d\\S*$`, "m"));
  // All that shaped the test, for the training as well.
  const command = String.raw`ballsight train 'my photos' --arch mobilenet_v2 --weights none --resize 32 --epochs 5 --batch 4 --size 32 .*--lr \d\S*`;
  expect(stdout).toMatch(new RegExp(`^Take a rate with: ${command}$`, "m"));
  expect(stdout).toContain("│");
  expect((await readdir(folder)).sort()).toEqual(["cache", "lr-find.html", "my photos"]);
  const page = await readFile(join(folder, "lr-find.html"), "utf8");
  expect(page.match(/<circle /g)).toHaveLength(4);
});

test("with --json prints one object, the same from the same seed", async () => {
  const run = async (...more: string[]) => {
    const { code, stdout, stderr } = await find("--json", "--steps", "30", "--out", "other.html", ...more);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    return JSON.parse(stdout);
  };
  const first = await run();
  expect(await run()).toEqual(first);
  expect(first).toMatchObject({
    phase: "frozen",
    planned: 30,
    steps: first.lrs.length,
    plot: join(folder, "other.html"),
  });
  expect(first.losses).toHaveLength(first.lrs.length);
  expect(Object.keys(first.suggestions)).toEqual(["valley", "steep", "minimum", "slide"]);
  expect(first.lrs).toContain(first.suggestions.valley);
  expect((await run("--seed", "7")).losses).not.toEqual(first.losses);
  expect((await run("--freeze-epochs", "0")).phase).toBe("unfrozen");
});

test("says plainly that points are too few, and what to do", async () => {
  // Nine steps: less one in front and five behind leave three or four, too few for slide alone; six leave one.
  const some = await find("--steps", "9", "--start-lr", "1e-6", "--end-lr", "1e-5");
  expect(some.code).toBe(0);
  expect(some.stdout).toMatch(/^slide +not enough points \(4 of 16\)$/m);
  const none = await find("--steps", "6", "--start-lr", "1e-6", "--end-lr", "1e-5");
  expect([none.code, besidesProgress(none)]).toEqual([1, []]);
  expect(none.stdout).toMatch(/^valley +not enough points \(1 of 2\)$/m);
  expect(none.stdout).toContain("Not enough points for a suggestion");
});

test("refuses what makes no test", async () => {
  const refused = async (args: string[], code: string, text: string) => {
    const outcome = await find(...args);
    expect(outcome.code).toBe(2);
    expect(errorOf(outcome)).toMatchObject({ code, line: expect.stringContaining(text) });
  };
  await refused(["--start-lr", "1", "--end-lr", "0.1"], "BAD_OPTION", "`--end-lr`");
  await refused(["--steps", "5"], "BAD_OPTION", "`--steps`");
});

test("refuses a place where the page cannot go, before it looks at a photo", async () => {
  await writeFile(join(folder, "file"), "");
  await mkdir(join(folder, "folder.html"));
  await writeFile(join(folder, "report.html"), "<title>mine · training report</title>");
  for (const [out, text] of [
    ["file/chart.html", "ENOTDIR"],
    ["folder.html", "the folder folder.html"],
    ["folder", "ends in .html"],
    ["report.html", "which is a training's"],
  ] as const) {
    const outcome = await ballsight(["lr-find", "nowhere", "--out", out], { cwd: folder });
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(errorOf(outcome)).toMatchObject({ code: "BAD_OPTION", line: expect.stringContaining(text) });
  }
});
