// Resize and crop inside the graph against Pillow with torchvision's rounding, in onnxruntime-node and onnxruntime-web.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { OnnxGraph } from "@ballsight/grad";
import * as node from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { beforeAll, describe, expect, test } from "vitest";
import { addPreprocess, resizeCropModel } from "../../src/preprocess/graph.ts";
import { picture, type Recipe } from "../helpers/pictures.ts";

interface Case {
  name: string;
  recipe: Recipe;
  width: number;
  height: number;
  resize: number;
  size: number;
  sha256: string;
  expected: string;
}

const fixture: { cases: Case[] } = JSON.parse(
  readFileSync(new URL("../fixtures/pillow_resize.json", import.meta.url), "utf8"),
);

const MEAN = [0.485, 0.456, 0.406] as const;
const STD = [0.229, 0.224, 0.225] as const;

const contract = (size: number, resize: number) =>
  ({ size, resize, resample: "bilinear", antialias: true, crop: "center", mean: MEAN, std: STD }) as const;

/** Runs a model of one input and one output on pictures of one size. */
async function run(runtime: typeof node | typeof web, model: Uint8Array, data: Uint8Array, dims: readonly number[]) {
  const session = await runtime.InferenceSession.create(model);
  const outputs = await session.run({ image: new runtime.Tensor("uint8", data, dims) });
  await session.release();
  const output = outputs[session.outputNames[0] as string];
  if (output === undefined) throw new Error("no output");
  return output;
}

/** A model whose only output is the network's input. */
function normalised(preprocess: ReturnType<typeof contract>): Uint8Array {
  const g = new OnnxGraph();
  const { size } = preprocess;
  g.output(addPreprocess(g, g.input("image", "uint8", ["N", "H", "W", 3]), preprocess), "float32", [
    "N",
    3,
    size,
    size,
  ]);
  return g.toModel();
}

beforeAll(() => {
  web.env.wasm.numThreads = 1;
});

describe.each(fixture.cases)("$name ($recipe $width x $height to $resize, crop $size)", (c) => {
  const pixels = picture(c.recipe, c.width, c.height);
  const dims = [1, c.height, c.width, 3];
  const model = resizeCropModel(contract(c.size, c.resize));

  test("is the picture that the script made", () => {
    expect(createHash("sha256").update(pixels).digest("hex")).toBe(c.sha256);
  });

  test("agrees with Pillow on uint8", async () => {
    const expected = Buffer.from(c.expected, "base64");
    const output = await run(node, model, pixels, dims);
    const actual = output.data as Uint8Array;
    expect(output.dims).toEqual([1, c.size, c.size, 3]);
    const differences = actual.map((value, i) => Math.abs(value - (expected[i] as number)));
    expect(differences.reduce((sum, value) => sum + value, 0) / expected.length).toBeLessThan(0.02);
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
  });

  test("is normalised as the contract says", async () => {
    const expected = Buffer.from(c.expected, "base64");
    const output = await run(node, normalised(contract(c.size, c.resize)), pixels, dims);
    expect(output.dims).toEqual([1, 3, c.size, c.size]);
    const area = c.size * c.size;
    const levels = (output.data as Float32Array).map((value, i) => {
      const channel = Math.floor(i / area);
      return (
        255 * (value * (STD[channel] as number) + (MEAN[channel] as number)) -
        (expected[(i % area) * 3 + channel] as number)
      );
    });
    expect(levels.reduce((sum, value) => sum + Math.abs(value), 0) / expected.length).toBeLessThan(0.02);
  });

  test("gives the same pixels in onnxruntime-web", async () => {
    const [a, b] = [await run(node, model, pixels, dims), await run(web, model, pixels, dims)];
    expect(b.dims).toEqual(a.dims);
    expect(Buffer.from(b.data as Uint8Array).equals(Buffer.from(a.data as Uint8Array))).toBe(true);
  });
});
