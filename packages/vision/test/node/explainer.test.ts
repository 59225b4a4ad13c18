// Class activation maps against the formula that defines them, over both runtimes, and against a photo that shows a ball at its side.

import { readFile } from "node:fs/promises";
import * as node from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { beforeAll, describe, expect, test } from "vitest";
import { render } from "../../../render/src/index.ts";
import { Explainer } from "../../src/explain/explainer.ts";
import { writeModelFile } from "../../src/export/modelFile.ts";
import { HEADS } from "../../src/models/head.ts";
import { mobilenetV2 } from "../../src/models/mobilenetV2.ts";
import { Generator } from "../../src/random/generator.ts";
import { Recognizer, type RgbPhoto } from "../../src/recognizer.ts";
import { picture } from "../helpers/pictures.ts";

const LABELS = ["a", "b", "c"];
const SIZE = 96;
const preprocess = {
  size: SIZE,
  resize: 100,
  resample: "bilinear",
  antialias: true,
  crop: "center",
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
} as const;

beforeAll(() => {
  web.env.wasm.numThreads = 1;
});

describe.each([
  { name: "onnxruntime-node", runtime: node },
  { name: "onnxruntime-web", runtime: web as unknown as typeof node },
])("$name", ({ runtime }) => {
  test("is w · A / (h w) where the head is average pooling and a linear layer (Zhou et al. 2016)", async () => {
    const random = new Generator({ seed: 7 });
    const state = new Map([
      ...mobilenetV2.initial(random),
      ...HEADS.linear.initial(mobilenetV2.features, LABELS.length, random),
    ]);
    const model = writeModelFile({
      spec: {
        architecture: mobilenetV2,
        padding: "tf-same",
        head: "linear",
        classes: LABELS.length,
        mean: preprocess.mean,
        std: preprocess.std,
      },
      state,
      labels: LABELS,
      preprocess,
      weights: "none",
      license: "none",
      metrics: null,
      data: "",
    });
    const recognizer = await Recognizer.load(runtime, model);
    const explainer = await Explainer.load(runtime, model);
    const { cam } = await recognizer.run(picture("discs", 120, 100), [1, 100, 120, 3], ["cam"]);
    const { dims, data } = cam!;
    expect(dims).toEqual([1, 1280, 3, 3]);
    const [, channels, height, width] = dims as [number, number, number, number];
    const weight = state.get("head.2.weight")?.data as Float32Array;
    for (const [k] of LABELS.entries()) {
      const map = await explainer.explain(cam!, k);
      expect([map.width, map.height]).toEqual([width, height]);
      for (let place = 0; place < height * width; place++) {
        let sum = 0;
        for (let c = 0; c < channels; c++) sum += weight[k * channels + c]! * data[c * height * width + place]!;
        // Weights are float16 in the file.
        expect(map.values[place]).toBeCloseTo(sum / (height * width), 3);
      }
    }
    await Promise.all([recognizer.release(), explainer.release()]);
  });
});

test("the shipped model, whose head has layers between, looks at the ball wherever it is", async () => {
  const bytes = new Uint8Array(await readFile(new URL("../../../../models/sports-balls.onnx", import.meta.url)));
  const recognizer = await Recognizer.load(node, bytes);
  const explainer = await Explainer.load(node, bytes);
  const label = recognizer.labels.indexOf("Tennis");
  for (const left of [true, false]) {
    const photo = besideGrey(left);
    const { cam } = await recognizer.run(photo.data, [1, photo.height, photo.width, 3], ["cam"]);
    const { width, values } = await explainer.explain(cam!, label);
    const half = (right: boolean) => values.reduce((s, v, i) => s + (i % width > width / 2 === right ? v : 0), 0);
    expect(half(!left)).toBeGreaterThan(half(left));
  }
});

/** A tennis ball in one half of a grey photo. */
function besideGrey(left: boolean): RgbPhoto {
  const side = 96;
  const ball = render({ ball: "Tennis", size: side, seed: 4, variant: 0 });
  const data = new Uint8Array(2 * side * 2 * side * 3).fill(128);
  for (let y = 0; y < side; y++)
    data.set(ball.data.subarray(y * side * 3, (y + 1) * side * 3), ((y + side / 2) * 2 * side + (left ? 0 : side)) * 3);
  return { width: 2 * side, height: 2 * side, data };
}
