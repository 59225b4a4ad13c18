// Training on ONNX Runtime's WebGPU provider against the CPU's plain graphs. A GPU made of software serves: SwiftShader, which Debian's chromium carries.

import { existsSync } from "node:fs";
import { type Engine, localEngine } from "@ballsight/grad";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { ALWAYS, byFormula, far, ROOM, read, train as trainNetwork } from "../helpers/torchvision.ts";
import { train } from "../helpers/toyTraining.ts";

const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";
// Vulkan's loader reads it when the first session is made.
process.env.VK_ICD_FILENAMES ??= SWIFTSHADER;
const missing = process.env.VK_ICD_FILENAMES === SWIFTSHADER && !existsSync(SWIFTSHADER);
if (missing) console.info(`skipped: needs a Vulkan driver, ${SWIFTSHADER} for one (Debian's chromium and libvulkan1)`);

const plain: Engine = { ...localEngine(ort), probe: async () => ({ kind: "plain" }) };
const webgpu = localEngine(ort, { logSeverityLevel: 3 }, "webgpu");

/** Two batches of four photos of 32 px, and a validation. */
async function trained(engine: Engine, accumulate: number) {
  const config = { epochs: 1, freezeEpochs: 0, size: 32, startSize: 32, testSize: 32, average: 0.5, accumulate };
  const split = { train: [0, 1, 2, 3, 4, 5, 6, 7], valid: [8, 9, 10] };
  const { state, position } = await train({ engine, config, split });
  return { state, row: position.rows[0]! };
}

/**
 * Losses within 1e-6, and each tensor (parameters, averages, statistics) within a hundred thousandth of its largest value; measured with
 * SwiftShader: 4e-6 of it for biases, which start at zero, 2e-7 for all others.
 */
test.skipIf(missing).each([1, 2])("steps on WebGPU as on the CPU, batches a step: %i", async (accumulate) => {
  const expected = await trained(plain, accumulate);
  const { state, row } = await trained(webgpu, accumulate);
  expect(Math.abs(row.trainLoss - expected.row.trainLoss)).toBeLessThan(1e-6);
  expect(Math.abs(row.validLoss - expected.row.validLoss)).toBeLessThan(1e-6);
  expect([...state.keys()]).toEqual([...expected.state.keys()]);
  for (const [name, { data }] of expected.state) {
    const right = [...(data as Float32Array)];
    const got = state.get(name)!.data as Float32Array;
    const largest = Math.max(...right.map(Math.abs));
    const error = Math.max(...right.map((value, index) => Math.abs(value - got[index]!)));
    expect(largest, name).toBeGreaterThan(0);
    expect(error / largest, name).toBeLessThan(1e-5);
  }
});

/** Packs of some hundred parameters, depthwise convolutions, squeeze-and-excitation, hard-swish; as far from torch as the CPU may be. */
test.skipIf(missing)("three steps of MobileNetV3-Small as torchvision makes them", async () => {
  const fixture = read("mobilenet_v3_small");
  const { losses, first } = await trainNetwork(
    "mobilenet_v3_small",
    fixture,
    byFormula(fixture),
    { kind: "plain" },
    "batch",
    true,
  );
  expect(far(first.logits, fixture.logits)).toBeLessThan(ROOM * fixture.rounding.logits + ALWAYS);
  for (const [step, loss] of fixture.losses.entries())
    expect(Math.abs(losses[step]! / loss - 1)).toBeLessThan(ROOM * fixture.rounding.losses + ALWAYS);
});
