// What a training may be asked for besides, as a child process: the best epoch told and exported, test-time augmentation, a temperature in the model file.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readModel } from "@ballsight/grad";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ballsight, photosOf } from "../helpers/training.ts";

vi.setConfig({ testTimeout: 400_000 });

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-extras-"));
  await photosOf("Tennis", join(folder, "photos", "Tennis"), 16);
  await photosOf("Bowling", join(folder, "photos", "Bowling"), 8);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const SETTINGS = ["--weights", "none", "--size", "32", "--test-size", "32", "--batch", "4", "--cache", "cache"].concat(
  ["--valid", "0.25", "--stratify", "--head", "linear", "--average", "0"],
  ["--balance", "--class-weights", "--cutmix", "1", "--mixup", "0.4", "--accumulate", "2", "--schedule", "flat-cos"],
);

test("the best epoch, test-time augmentation and a temperature are told, and the model file is theirs", async () => {
  // No accuracy is better by more than 1: the first epoch of each phase stays the best, and the second one ends it.
  const best = ["--epochs", "4", "--freeze-epochs", "1", "--save-best", "--patience", "1", "--monitor", "accuracy"];
  const { code, stdout, stderr } = await ballsight(
    [
      "train",
      "photos",
      ...SETTINGS,
      ...best,
      "--min-delta",
      "1",
      "--tta",
      "2",
      "--calibrate",
      "--out",
      "run",
      "--json",
    ],
    { cwd: folder },
  );
  expect([code, stderr]).toEqual([0, ""]);
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const [, first, second, told] = lines;
  expect(lines).toHaveLength(4);
  expect(told.phases).toEqual([
    { phase: "frozen", epochs: 1, planned: 1, kept: 0 },
    { phase: "unfrozen", epochs: 2, planned: 4, kept: 0 },
  ]);
  expect([told.accuracy, told.loss]).toEqual([first.accuracy, first.validLoss]);
  expect(told.loss).not.toBe(second.validLoss);
  expect(told.test_time_augmentation).toEqual({
    passes: 2,
    accuracy: expect.any(Number),
    loss: expect.any(Number),
  });
  expect(told.test_time_augmentation.loss).not.toBe(told.loss);
  const { temperature, expected_calibration_error } = told.calibration;
  expect(expected_calibration_error).toBe(told.expected_calibration_error);

  const bytes = new Uint8Array(await readFile(join(folder, "run", "model.onnx")));
  const { metadata } = readModel(bytes);
  expect(JSON.parse(metadata["ballsight.calibration"] as string)).toEqual({ temperature });
  const session = await ort.InferenceSession.create(bytes);
  const photo = new ort.Tensor(
    "uint8",
    Uint8Array.from({ length: 48 * 40 * 3 }, (_, i) => (i * 7) % 256),
    [1, 40, 48, 3],
  );
  const { logits, probabilities } = await session.run({ image: photo });
  await session.release();
  const scaled = [...(logits!.data as Float32Array)].map((value) => Math.exp(value / temperature));
  const sum = scaled.reduce((a, b) => a + b, 0);
  for (const [k, value] of scaled.entries()) expect(probabilities!.data[k]).toBeCloseTo(value / sum, 5);

  const history = (await readFile(join(folder, "run", "history.csv"), "utf8")).trimEnd().split("\n");
  expect(history.slice(1).map((line) => line.split(",")[6])).toEqual(["frozen", "unfrozen", "unfrozen"]);
  for (const file of ["report.html", "README.md"]) {
    const text = await readFile(join(folder, "run", file), "utf8");
    for (const said of [
      "Kept epoch 0 of the unfrozen phase, the best by accuracy.",
      "a little flattered",
      "(2 passes)",
    ])
      expect(text).toContain(said);
  }
});
