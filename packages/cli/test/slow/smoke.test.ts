// The whole program learns: from fresh weights, on pictures of four balls that the renderer drew, and no better than it can know.

import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ballsight, photosOf } from "../helpers/training.ts";

const BALLS = ["Tennis", "Bowling", "Basketball", "Billiards"] as const;
const EACH = 40;
const SEED = 1;
const SETTINGS = [
  "--weights",
  "none",
  "--size",
  "64",
  "--resize",
  "64",
  "--batch",
  "16",
  "--seed",
  String(SEED),
].concat(
  ["--epochs", "12", "--freeze-epochs", "0", "--lr", "8e-3", "--lr-mult", "1", "--head", "linear", "--average", "0.9"],
  ["--label-smoothing", "0", "--aug-mult", "1", "--min-scale", "0.35", "--stratify", "--valid", "0.25"],
);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-smoke-"));
  for (const ball of BALLS) await photosOf(ball, join(folder, "balls", ball), EACH, 64);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Accuracy on the 40 held-out pictures after each epoch. */
async function accuracies(data: string): Promise<number[]> {
  const args = ["train", data, ...SETTINGS, "--cache", "cache", "--out", `run-${data}`, "--json"];
  const { code, stdout, stderr } = await ballsight(args, { cwd: folder });
  expect([code, stderr]).toEqual([0, ""]);
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { accuracy: number; count?: number });
  expect(lines.at(-1)!.count).toBe(BALLS.length * EACH * 0.25);
  return lines.slice(0, -1).map(({ accuracy }) => accuracy);
}

/**
 * Measured on 2 cores with seeds 1 to 3: 90.0, 92.5 and 95.0 % after twelve epochs, 22.5 to 25 % (chance) after the first.
 * More than 60 % after eight steps from random weights would mean that the answer leaks into the picture.
 */
test(`reaches 75 % on held-out pictures, and not at once (seed ${SEED})`, async () => {
  const all = await accuracies("balls");
  console.info(`held-out accuracy by epoch: ${all.map((value) => value.toFixed(3)).join(" ")}`);
  expect(all).toHaveLength(12);
  expect(all.at(-1)).toBeGreaterThanOrEqual(0.75);
  expect(all[0]).toBeLessThanOrEqual(0.6);
});

/** Chance is 25 %; 50 % and more of 40 has a probability below 0.001. A held-out picture that was trained on would show here. */
test("learns nothing about held-out pictures whose labels mean nothing", async () => {
  for (const label of BALLS) await mkdir(join(folder, "shuffled", label), { recursive: true });
  for (const [offset, ball] of BALLS.entries()) {
    for (const file of await readdir(join(folder, "balls", ball))) {
      // Ten pictures of every ball under every label.
      const label = BALLS[(Number.parseInt(file, 10) + offset) % BALLS.length] as string;
      await rename(join(folder, "balls", ball, file), join(folder, "shuffled", label, `${ball}-${file}`));
    }
  }
  const all = await accuracies("shuffled");
  console.info(`held-out accuracy by epoch: ${all.map((value) => value.toFixed(3)).join(" ")}`);
  expect(all.at(-1)).toBeLessThan(0.5);
});
