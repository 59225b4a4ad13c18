// The model file's contract, with nothing of ours between the bytes and ONNX Runtime, in Node and in WebAssembly.

import { localEngine } from "@ballsight/grad";
import * as node from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeModelFile } from "../../src/export/modelFile.ts";
import type { NetworkSpec } from "../../src/learner/network.ts";
import { evaluationLogits } from "../../src/learner/validate.ts";
import { HEADS } from "../../src/models/head.ts";
import { mobilenetV2 } from "../../src/models/mobilenetV2.ts";
import { resizeCropModel } from "../../src/preprocess/graph.ts";
import { Generator } from "../../src/random/generator.ts";
import { Recognizer } from "../../src/recognizer.ts";
import { picture } from "../helpers/pictures.ts";

const SIZE = 64;
const LABELS = ["Fußball", "Мяч", "ボール"];
const PREPROCESS = {
  size: SIZE,
  resize: 72,
  resample: "bilinear",
  antialias: true,
  crop: "center",
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
} as const;
const METRICS = { accuracy: 0.5, count: 6, confusion: [[1, 0, 2]] };

const SPEC: NetworkSpec = {
  architecture: mobilenetV2,
  padding: "tf-same",
  head: "fastai",
  classes: LABELS.length,
  mean: PREPROCESS.mean,
  std: PREPROCESS.std,
};

const random = new Generator({ seed: 3 });
// Statistics as a training leaves them, not zeros and ones: those would hide a mistake in folding.
const STATE = new Map(
  [...mobilenetV2.initial(random), ...HEADS.fastai.initial(mobilenetV2.features, LABELS.length, random)].map(
    ([name, tensor]) => {
      const spread = (low: number, high: number) => ({
        ...tensor,
        data: Float32Array.from(tensor.data as Float32Array, () => random.uniform(low, high)),
      });
      if (name.endsWith("running_var")) return [name, spread(0.5, 2)];
      if (name.endsWith("running_mean")) return [name, spread(-0.2, 0.2)];
      return [name, tensor];
    },
  ),
);

const model = (temperature?: number) =>
  writeModelFile({
    spec: SPEC,
    state: STATE,
    labels: LABELS,
    preprocess: PREPROCESS,
    weights: "none",
    license: "MIT",
    metrics: METRICS,
    data: "0123abcd",
    ...(temperature !== undefined && { temperature }),
  });

type Runtime = typeof node | typeof web;
type Outputs = Record<string, { readonly dims: readonly number[]; readonly data: Float32Array }>;

async function answer(runtime: Runtime, bytes: Uint8Array, data: Uint8Array, dims: readonly number[]) {
  const session = await runtime.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  try {
    return (await session.run({ image: new runtime.Tensor("uint8", data, dims) })) as unknown as Outputs;
  } finally {
    await session.release();
  }
}

const SIZES = [
  [90, 72],
  [64, 64],
  [31, 200],
  [1, 1],
] as const;

let bytes: Uint8Array;
beforeAll(() => {
  web.env.wasm.numThreads = 1;
  bytes = model();
});

describe("a model file in plain onnxruntime-node", () => {
  let session: node.InferenceSession;
  beforeAll(async () => {
    session = await node.InferenceSession.create(bytes);
  });
  afterAll(async () => {
    await session.release();
  });

  test("declares one input of photos of any number and size, and four outputs", () => {
    expect(session.inputMetadata).toMatchObject([{ name: "image", type: "uint8", shape: ["N", "H", "W", 3] }]);
    expect(session.outputMetadata).toMatchObject([
      { name: "probabilities", type: "float32", shape: ["N", 3] },
      { name: "logits", type: "float32", shape: ["N", 3] },
      { name: "embedding", type: "float32", shape: ["N", 1280] },
      { name: "cam", type: "float32", shape: ["N", 1280, 2, 2] },
    ]);
  });

  test.each(SIZES)("answers a photo of %i x %i", async (width, height) => {
    const image = new node.Tensor("uint8", picture("noise", width, height), [1, height, width, 3]);
    const outputs = (await session.run({ image })) as unknown as Outputs;
    const { probabilities, logits, embedding, cam } = outputs as Record<string, Outputs[string]>;
    expect(probabilities!.dims).toEqual([1, 3]);
    expect(embedding!.dims).toEqual([1, 1280]);
    expect(cam!.dims).toEqual([1, 1280, 2, 2]);
    // Softmax of the logits, computed here.
    const exps = [...logits!.data].map(Math.exp);
    const sum = exps.reduce((a, b) => a + b);
    for (const [k, exp] of exps.entries()) expect(probabilities!.data[k]).toBeCloseTo(exp / sum, 5);
    expect(probabilities!.data.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    // The embedding is the mean of the feature map's cells.
    for (let c = 0; c < 1280; c++) {
      const cells = cam!.data.subarray(4 * c, 4 * c + 4);
      expect(Math.abs(embedding!.data[c]! - cells.reduce((a, b) => a + b) / 4)).toBeLessThan(1e-5);
    }
  });

  test("answers a batch as it answers its photos one by one", async () => {
    const [width, height] = [80, 60];
    const photos = (["noise", "gradient", "discs"] as const).map((recipe) => picture(recipe, width, height));
    const together = new Uint8Array(photos.flatMap((photo) => [...photo]));
    const batch = await session.run({ image: new node.Tensor("uint8", together, [3, height, width, 3]) });
    const seen = new Set<number>();
    for (const [i, photo] of photos.entries()) {
      const alone = await session.run({ image: new node.Tensor("uint8", photo, [1, height, width, 3]) });
      const logits = alone.logits!.data as Float32Array;
      for (const [k, value] of logits.entries()) {
        expect(Math.abs((batch.logits!.data as Float32Array)[3 * i + k]! - value)).toBeLessThan(1e-4);
        seen.add(Math.round(value * 1e4));
      }
    }
    // The photos do get different answers.
    expect(seen.size).toBeGreaterThan(6);
  });
});

describe("a model file", () => {
  test("tells what it is in its metadata, all values JSON", async () => {
    const { metadata } = await Recognizer.load(node, bytes);
    const values = Object.fromEntries(Object.entries(metadata).map(([key, json]) => [key, JSON.parse(json)]));
    expect(values).toEqual({
      "ballsight.labels": LABELS,
      "ballsight.preprocess": PREPROCESS,
      "ballsight.architecture": "mobilenet_v2",
      "ballsight.weights": "none",
      "ballsight.license": "MIT",
      "ballsight.metrics": METRICS,
      "ballsight.data": "0123abcd",
      "ballsight.calibration": { temperature: 1 },
    });
  });

  test("is as small as half-precision weights make it, and the same bytes each time", () => {
    // 2.9 million parameters of the body and 1.3 of the head, two bytes each.
    expect(bytes.length).toBeGreaterThan(2 * 3.5e6);
    expect(bytes.length).toBeLessThan(2 * 4.0e6);
    expect(Buffer.compare(bytes, model())).toBe(0);
  });

  /**
   * Halves carry 11 bits: each weight is off by up to 2^-12 of its size, at random, and 53 layers add that up. The answers
   * may differ by 1 % of the logits' spread; a wrong mean, channel order or padding moves them by far more.
   */
  test("scores photos as the learner's own validation does, within what float16 storage rounds", async () => {
    const photos = SIZES.slice(0, 3).map(([width, height]) => ({
      width,
      height,
      data: picture("discs", width, height),
    }));
    const resize = await node.InferenceSession.create(resizeCropModel(PREPROCESS));
    const squares = await Promise.all(
      photos.map(async ({ width, height, data }) => {
        const { pixels } = await resize.run({ image: new node.Tensor("uint8", data, [1, height, width, 3]) });
        return pixels!.data as Uint8Array;
      }),
    );
    await resize.release();
    const source = {
      classes: LABELS,
      targets: Int32Array.of(0, 1, 2),
      cacheSize: 80,
      aspects: new Float32Array(3).fill(1),
      read: async () => new Uint8Array(),
      readForEvaluation: async (indices: readonly number[]) =>
        new Uint8Array(indices.flatMap((index) => [...squares[index]!])),
    };
    const expected = await evaluationLogits(localEngine(node), SPEC, STATE, source, [0, 1, 2], SIZE);
    const spread = Math.max(...expected) - Math.min(...expected);
    for (const [i, { width, height, data }] of photos.entries()) {
      const { logits } = await answer(node, bytes, data, [1, height, width, 3]);
      for (let k = 0; k < 3; k++) {
        expect(Math.abs(logits!.data[k]! - expected[3 * i + k]!)).toBeLessThan(0.01 * spread);
      }
    }
  });

  test("softens its probabilities by the temperature, and not its logits", async () => {
    const photo = picture("discs", 80, 60);
    const plain = await answer(node, bytes, photo, [1, 60, 80, 3]);
    const soft = await answer(node, model(2.5), photo, [1, 60, 80, 3]);
    expect(soft.logits!.data).toEqual(plain.logits!.data);
    const exps = [...plain.logits!.data].map((value) => Math.exp(value / 2.5));
    const sum = exps.reduce((a, b) => a + b);
    for (const [k, exp] of exps.entries()) expect(soft.probabilities!.data[k]).toBeCloseTo(exp / sum, 5);
  });

  test("answers the same in onnxruntime-web (WebAssembly)", async () => {
    const photo = picture("discs", 90, 72);
    const ours = await answer(node, bytes, photo, [1, 72, 90, 3]);
    const theirs = await answer(web, bytes, photo, [1, 72, 90, 3]);
    for (const name of ["probabilities", "logits", "embedding", "cam"]) {
      const [a, b] = [ours[name]!, theirs[name]!];
      expect(b.dims.map(Number)).toEqual(a.dims.map(Number));
      const scale = Math.max(...a.data.map(Math.abs));
      expect(Math.max(...a.data.map((value, i) => Math.abs(value - b.data[i]!)))).toBeLessThan(1e-4 * scale);
    }
  });
});
