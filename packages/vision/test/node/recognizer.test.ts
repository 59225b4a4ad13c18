// The recogniser over both runtimes: what it answers, and what it refuses to load.

import { OnnxGraph } from "@ballsight/grad";
import * as node from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { beforeAll, describe, expect, test } from "vitest";
import { Recognizer, type RgbPhoto } from "../../src/recognizer.ts";
import { picture } from "../helpers/pictures.ts";
import { TOY_LABELS, TOY_PREPROCESS, toyModel } from "../helpers/toyModel.ts";

/** A photo of one colour. */
function plain(width: number, height: number, rgb: readonly [number, number, number]): RgbPhoto {
  return { width, height, data: new Uint8Array(width * height * 3).map((_, i) => rgb[i % 3] as number) };
}

beforeAll(() => {
  web.env.wasm.numThreads = 1;
});

describe.each([
  { name: "onnxruntime-node", runtime: node },
  { name: "onnxruntime-web", runtime: web as unknown as typeof node },
])("$name", ({ runtime }) => {
  test("gives the softmax of the normalised channel means", async () => {
    const recognizer = await Recognizer.load(runtime, toyModel());
    const [prediction] = await recognizer.predict([plain(90, 40, [255, 51, 102])]);
    // (x / 255 - 0.5) / 0.25 for 102, 51, 255 in the labels' order.
    const logits = [-0.4, -1.2, 2];
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    logits.forEach((logit, i) => {
      expect(prediction?.probabilities[i]).toBeCloseTo(Math.exp(logit) / total, 5);
    });
    expect(prediction?.top(2).map(({ label }) => label)).toEqual(["Red", "Blue"]);
    expect(recognizer.labels).toEqual(TOY_LABELS);
    expect(recognizer.preprocess).toEqual(TOY_PREPROCESS);
    await recognizer.release();
  });

  test("answers photos of mixed sizes in order", async () => {
    const recognizer = await Recognizer.load(runtime, toyModel());
    const colours = { Red: [200, 0, 0], Green: [0, 200, 0], Blue: [0, 0, 200] } as const;
    const order = [
      "Red",
      "Green",
      "Blue",
      "Blue",
      "Green",
      "Red",
      "Green",
      "Green",
      "Red",
      "Blue",
      "Red",
      "Red",
    ] as const;
    const photos = order.map((label, i) => plain(i % 4 === 3 ? 50 : 60, 40, colours[label]));
    const predictions = await recognizer.predict(photos);
    expect(predictions.map((prediction) => prediction.top(1)[0]?.label)).toEqual(order);
    expect(await recognizer.predict([])).toEqual([]);
    await recognizer.release();
  });
});

test("both runtimes give the same probabilities for the same photo", async () => {
  const photo = { width: 321, height: 240, data: picture("discs", 321, 240) };
  const [a] = await (await Recognizer.load(node, toyModel())).predict([photo]);
  const [b] = await (await Recognizer.load(web as unknown as typeof node, toyModel())).predict([photo]);
  a?.probabilities.forEach((probability, i) => {
    expect(b?.probabilities[i]).toBeCloseTo(probability, 5);
  });
});

test("loads from Node's Buffer, at any offset", async () => {
  const bytes = Buffer.concat([Buffer.alloc(3), toyModel()]).subarray(3);
  const recognizer = await Recognizer.load(node, bytes);
  expect(recognizer.labels).toEqual(TOY_LABELS);
});

function foreignModel(): Uint8Array {
  const g = new OnnxGraph();
  g.output(g.op("Neg", [g.input("x", "float32", [1])]), "float32", [1], "y");
  return g.toModel();
}

function negatedInput(): Uint8Array {
  const g = new OnnxGraph();
  g.output(g.op("Neg", [g.input("image", "float32", ["N", 3])]), "float32", ["N", 3], "probabilities");
  return g.toModel({ "ballsight.labels": '["a","b","c"]', "ballsight.preprocess": JSON.stringify(TOY_PREPROCESS) });
}

const preprocess = (change: object) => ({
  metadata: { "ballsight.preprocess": JSON.stringify({ ...TOY_PREPROCESS, ...change }) },
});

test.each([
  ["bytes of another kind", new TextEncoder().encode("hello"), "MODEL_INVALID", "a file that is no ONNX model"],
  ["no bytes", new Uint8Array(), "MODEL_INVALID", "a file that is no ONNX model"],
  ["half of a model", toyModel().subarray(0, 700), "MODEL_INVALID", "a file that is no ONNX model"],
  ["a model of somebody else", foreignModel(), "MODEL_INVALID", "without `ballsight.labels`"],
  [
    "no preprocessing",
    toyModel({ metadata: { "ballsight.preprocess": undefined } }),
    "MODEL_INVALID",
    "ballsight.preprocess",
  ],
  ["labels that are no JSON", toyModel({ metadata: { "ballsight.labels": "[" } }), "MODEL_INCOMPATIBLE", "`labels`"],
  ["labels twice", toyModel({ metadata: { "ballsight.labels": '["a","b","a"]' } }), "MODEL_INCOMPATIBLE", "`labels`"],
  [
    "labels and classes that differ",
    toyModel({ metadata: { "ballsight.labels": '["a","b"]' } }),
    "MODEL_INCOMPATIBLE",
    "2 classes in output `probabilities`",
  ],
  [
    "an output missing",
    toyModel({ outputs: ["probabilities", "logits", "cam"] }),
    "MODEL_INCOMPATIBLE",
    "output `embedding`",
  ],
  ["another input", negatedInput(), "MODEL_INCOMPATIBLE", "input `image` of type uint8 and 4 dimensions"],
  [
    "another crop",
    toyModel(preprocess({ crop: "squish" })),
    "MODEL_INCOMPATIBLE",
    '`preprocess.crop` "center" for `m.onnx` but received "squish"',
  ],
  [
    "a size of text",
    toyModel(preprocess({ size: "32" })),
    "MODEL_INCOMPATIBLE",
    "`preprocess.size` a whole number from 1 to 2048",
  ],
  ["a resize below the size", toyModel(preprocess({ resize: 31 })), "MODEL_INCOMPATIBLE", "from 32 (its size)"],
  ["a std of 0", toyModel(preprocess({ std: [0.2, 0, 0.2] })), "MODEL_INCOMPATIBLE", "three numbers above 0"],
  [
    "no mean",
    toyModel(preprocess({ mean: undefined })),
    "MODEL_INCOMPATIBLE",
    "`preprocess.mean` three numbers for `m.onnx` but received none",
  ],
])("refuses %s", async (_, bytes, code, part) => {
  const error = await Recognizer.load(node, bytes, { name: "m.onnx" }).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toMatchObject({ code, message: expect.stringContaining(part) });
  expect(error).toMatchObject({ message: expect.stringContaining("`m.onnx`") });
});

test.each([
  ["too few bytes", { width: 3, height: 2, data: new Uint8Array(17) }, "BAD_OPTION", "18 bytes (3 x 2 x 3)"],
  ["no pixels", { width: 0, height: 2, data: new Uint8Array() }, "BAD_OPTION", "at least 1 pixel"],
  ["a strip", plain(1, 101, [0, 0, 0]), "IMAGE_TOO_NARROW", "at most 100 to 1"],
])("refuses a photo with %s", async (_, photo, code, part) => {
  const recognizer = await Recognizer.load(node, toyModel());
  await expect(recognizer.predict([photo])).rejects.toMatchObject({ code, message: expect.stringContaining(part) });
});
