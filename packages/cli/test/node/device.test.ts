// `--device webgpu` where there is no GPU to use: one line says why, and the CPU trains what it would have trained anyway.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gpuTrouble } from "../../src/train/device.ts";
import { ballsight, expectSameRun, finishedRun, photosOf } from "../helpers/training.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-device-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("what the probe finds", () => {
  const tell = (line: object) => `console.log(${JSON.stringify(JSON.stringify(line))});`;
  const error = "/onnxruntime_src/context.cc:136 f() ok was false. No supported adapters\n\nmore";
  const cases: [string, string, string | undefined][] = [
    ["a GPU", tell({ works: true }) + tell({ milliseconds: 3 }), undefined],
    ["software", tell({ works: true }) + tell({ milliseconds: 400 }), "found one in software alone"],
    ["software that takes too long", `${tell({ works: true })}setInterval(() => 0, 1000)`, "in software alone"],
    [
      "a driver that talks",
      `console.log("found 1 GPU\\n3\\nnull");${tell({ works: true })}${tell({ milliseconds: 3 })}`,
      undefined,
    ],
    ["no adapter", tell({ error }), "found none (No supported adapters)"],
    ["a driver that crashes", "process.abort()", "found none (its driver ended with SIGABRT)"],
    ["a driver that crashes later", `${tell({ works: true })}process.abort()`, "ended with SIGABRT"],
    ["nothing", "", "found none (its driver ended with 0)"],
  ];
  test.each(cases)("%s", async (name, script, trouble) => {
    const probe = join(folder, `${name}.mjs`);
    await writeFile(probe, script);
    const found = await gpuTrouble(probe);
    if (trouble === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(trouble);
  });
});

// Other systems have no loader that could be told of no driver.
test.runIf(process.platform === "linux")("without a GPU a training is the CPU's, and says so in one line", async () => {
  for (const ball of ["Golf", "Tennis"] as const) await photosOf(ball, join(folder, "photos", ball), 6);
  const settings = ["--weights", "none", "--size", "32", "--batch", "4", "--epochs", "1", "--freeze-epochs", "0"];
  // Vulkan's loader then finds no driver.
  const env = { VK_ICD_FILENAMES: join(folder, "nowhere.json") };
  for (const device of ["cpu", "webgpu"]) {
    const place = ["--cache", "cache", "--valid", "0.3", "--out", device, "--device", device];
    const { code, stderr } = await ballsight(["train", "photos", ...settings, ...place, "--json"], {
      cwd: folder,
      env,
    });
    expect(code).toBe(0);
    if (device === "cpu") expect(stderr).toBe("");
    else expect(stderr).toMatch(/^ballsight: expected a GPU for `--device webgpu` but .*; going on on the CPU\n$/);
  }
  expectSameRun(await finishedRun(join(folder, "webgpu")), await finishedRun(join(folder, "cpu")));
});
