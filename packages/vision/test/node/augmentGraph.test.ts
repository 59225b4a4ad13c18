// Augmentation in the graph, run by onnxruntime-node, against a sampler and a light that are written out here.

import { float32, Graph, int64, lower, OnnxGraph, type TensorData, type Value } from "@ballsight/grad";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { drawAugmentation, lighting, neutralAugmentation, warpMatrix } from "../../src/data/augment.ts";
import type { Matrix3 } from "../../src/data/homography.ts";
import { augment, augmentInputs, mixPhotos, normalize, unitPixels } from "../../src/learner/augmentGraph.ts";
import { Generator } from "../../src/random/generator.ts";
import { picture } from "../helpers/pictures.ts";
import { TOY_CONFIG } from "../helpers/toyNetwork.ts";

const N = 2;
const SIDE = 12;
const photos = new Uint8Array([...picture("noise", SIDE, SIDE), ...picture("discs", SIDE, SIDE)]);

/** Builds on a graph's inputs and runs it; inputs by their names. */
async function run(build: (graph: Graph) => Value, inputs: Record<string, TensorData>): Promise<Float32Array> {
  const graph = new Graph();
  const output = build(graph);
  const onnx = new OnnxGraph("test");
  const context = lower(graph, [output], { kind: "plain" }, onnx, (lowering) => {
    for (const { value, name } of graph.namedInputs())
      lowering.setPlain(value, onnx.input(name, value.dtype, value.shape));
  });
  onnx.output(context.plain(output), "float32", output.shape, "y");
  const session = await ort.InferenceSession.create(onnx.toModel());
  const feeds = Object.entries(inputs).map(([name, { dtype, data, dims }]) => [
    name,
    new ort.Tensor(dtype, data as Float32Array, dims),
  ]);
  try {
    return (await session.run(Object.fromEntries(feeds))).y!.data as Float32Array;
  } finally {
    await session.release();
  }
}

interface Draws {
  readonly matrices: ArrayLike<number>;
  readonly brightness: ArrayLike<number>;
  readonly contrast: ArrayLike<number>;
}

const augmented = (draws: Partial<Draws>, size: number) => {
  const { matrices, brightness, contrast } = { ...neutralAugmentation(N), ...draws };
  return run((graph) => augment(augmentInputs(graph, N, SIDE), size), {
    pixels: { dtype: "uint8", dims: [N, SIDE, SIDE, 3], data: photos },
    matrices: float32(matrices, [N, 3, 3]),
    brightness: float32(brightness),
    contrast: float32(contrast),
  });
};

/** -1 and 1 are the centres of the border pixels; beyond them the picture is mirrored about those centres. */
function pixelAt(photo: number, channel: number, x: number, y: number): number {
  const period = 2 * (SIDE - 1);
  const mirrored = (i: number) => {
    const folded = ((i % period) + period) % period;
    return folded > SIDE - 1 ? period - folded : folded;
  };
  return photos[((photo * SIDE + mirrored(y)) * SIDE + mirrored(x)) * 3 + channel]!;
}

function bilinear(photo: number, channel: number, x: number, y: number): number {
  const [px, py] = [((x + 1) / 2) * (SIDE - 1), ((y + 1) / 2) * (SIDE - 1)];
  const [x0, y0] = [Math.floor(px), Math.floor(py)];
  let sum = 0;
  for (const [dx, dy] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ] as const) {
    const weight = (dx ? px - x0 : 1 - (px - x0)) * (dy ? py - y0 : 1 - (py - y0));
    if (weight > 0) sum += weight * pixelAt(photo, channel, x0 + dx, y0 + dy);
  }
  return sum;
}

/** [N, 3, size, size] in [0, 1], with neutral light. */
function reference(matrices: readonly Matrix3[], size: number): number[] {
  const values: number[] = [];
  for (const [photo, [a, b, c, d, e, f, g, h, i]] of matrices.entries()) {
    for (let channel = 0; channel < 3; channel++) {
      for (let row = 0; row < size; row++) {
        for (let column = 0; column < size; column++) {
          const [x, y] = [(2 * column) / (size - 1) - 1, (2 * row) / (size - 1) - 1];
          const w = g * x + h * y + i;
          values.push(bilinear(photo, channel, (a * x + b * y + c) / w, (d * x + e * y + f) / w) / 255);
        }
      }
    }
  }
  return values;
}

function expectClose(values: Float32Array, expected: readonly number[], tolerance: number): void {
  expect(values).toHaveLength(expected.length);
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0);
  expect(worst).toBeLessThan(tolerance);
}

/** A hundredth of a grey level: coordinates are float32, and the trip through logits and back costs digits near 0 and 1. */
const TOLERANCE = 1 / 25_500;

const IDENTITY: Matrix3 = [1, 0, 0, 0, 1, 0, 0, 0, 1];
const turn = (degrees: number): Matrix3 => {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return [cos, sin, 0, -sin, cos, 0, 0, 0, 1];
};

describe("augmentation in the graph", () => {
  test("leaves a square as it is for identity matrices, and scales it down to a smaller side", async () => {
    const same = Array.from({ length: N * 3 * SIDE * SIDE }, (_, i) => {
      const [photo, channel, place] = [Math.floor(i / (3 * 144)), Math.floor(i / 144) % 3, i % 144];
      return photos[(photo * 144 + place) * 3 + channel]! / 255;
    });
    expectClose(await augmented({}, SIDE), same, TOLERANCE);
    expectClose(await augmented({}, 5), reference([IDENTITY, IDENTITY], 5), TOLERANCE);
  });

  test("mirrors one photo and not the other", async () => {
    const values = await augmented({ matrices: [-1, 0, 0, 0, 1, 0, 0, 0, 1, ...IDENTITY] }, SIDE);
    const mirrored = (photo: number, x: number) => (photo === 0 ? SIDE - 1 - x : x);
    const expected = [0, 1].flatMap((photo) =>
      [0, 1, 2].flatMap((channel) =>
        Array.from({ length: 144 }, (_, i) => {
          const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
          return photos[((photo * SIDE + y) * SIDE + mirrored(photo, x)) * 3 + channel]! / 255;
        }),
      ),
    );
    expectClose(values, expected, TOLERANCE);
  });

  test.each<[string, Matrix3, Matrix3]>([
    ["a rotation, whose corners come from beyond the border", turn(30), turn(-77)],
    ["a warp", warpMatrix(0.2, 0), warpMatrix(-0.15, 0.2)],
    ["a far shift, reflected more than once", [1, 0, 2.7, 0, 1, 0, 0, 0, 1], [1, 0, 0, 0, 1, -4.4, 0, 0, 1]],
    ["a crop", [0.4, 0, 0.3, 0, 0.5, -0.2, 0, 0, 1], [0.9, 0.1, 0, 0, 0.3, 0.6, 0, 0, 1]],
  ])("samples %s as the formula says", async (_, first, second) => {
    expectClose(await augmented({ matrices: [...first, ...second] }, 9), reference([first, second], 9), TOLERANCE);
  });

  test("samples what is drawn for a training", async () => {
    const draws = drawAugmentation(TOY_CONFIG.augment, [1.5, 0.7], new Generator({ seed: 4 }));
    const matrices = [0, 9].map((at) => [...draws.matrices.subarray(at, at + 9)] as Matrix3);
    const area = 3 * 7 * 7;
    const lit = reference(matrices, 7).map((value, i) => {
      const photo = Math.floor(i / area);
      return lighting(value, draws.brightness[photo]!, draws.contrast[photo]!);
    });
    expectClose(await augmented(draws, 7), lit, 2 * TOLERANCE);
  });

  test("changes light as fastai's formula does, black and white included", async () => {
    const levels = Uint8Array.from({ length: photos.length }, (_, i) => [0, 1, 64, 128, 254, 255][i % 6]!);
    const [brightness, contrast] = [
      [0.6, 0.41],
      [1.2, 0.8],
    ];
    const values = await run((graph) => augment(augmentInputs(graph, N, SIDE), SIDE), {
      pixels: { dtype: "uint8", dims: [N, SIDE, SIDE, 3], data: levels },
      matrices: float32(neutralAugmentation(N).matrices, [N, 3, 3]),
      brightness: float32(brightness!),
      contrast: float32(contrast!),
    });
    const expected = Array.from(values, (_, i) => {
      const [photo, channel, place] = [Math.floor(i / 432), Math.floor(i / 144) % 3, i % 144];
      return lighting(levels[(photo * 144 + place) * 3 + channel]! / 255, brightness![photo]!, contrast![photo]!);
    });
    expectClose(values, expected, TOLERANCE);
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});

describe("what follows it", () => {
  test("normalises each channel by its own mean and deviation", async () => {
    const values = await run(
      (graph) => normalize(graph.input("x", "float32", [1, 3, 1, 2]), [0.1, 0.2, 0.3], [0.5, 0.25, 2]),
      { x: float32([0.1, 0.6, 0.2, 0.7, 0.3, 2.3], [1, 3, 1, 2]) },
    );
    expectClose(values, [0, 1, 0, 2, 0, 1], 1e-6);
  });

  test("mixes each photo with its partner", async () => {
    const values = await run(
      (graph) =>
        mixPhotos(
          graph.input("x", "float32", [3, 1, 1, 2]),
          graph.input("lambda", "float32", [3]),
          graph.input("partner", "int64", [3]),
        ),
      {
        x: float32([1, 2, 10, 20, 100, 200], [3, 1, 1, 2]),
        lambda: float32([0.5, 1, 0.75]),
        partner: int64([2, 0, 1]),
      },
    );
    expectClose(values, [50.5, 101, 10, 20, 77.5, 155], 1e-4);
  });

  test("shows the partner inside CutMix's box, and the photo outside of it", async () => {
    const photo = (value: number) => Array.from({ length: 9 }, (_, i) => value + i);
    const cut = (box: readonly number[]) =>
      run(
        (graph) =>
          mixPhotos(
            graph.input("x", "float32", [2, 1, 3, 3]),
            graph.input("lambda", "float32", [2]),
            graph.input("partner", "int64", [2]),
            graph.input("box", "float32", [4]),
          ),
        {
          x: float32([...photo(0), ...photo(100)], [2, 1, 3, 3]),
          lambda: float32([1, 1]),
          partner: int64([1, 0]),
          box: float32(box),
        },
      );
    // Columns 1 and 2 of row 0.
    const first = [0, 101, 102, 3, 4, 5, 6, 7, 8];
    const second = [100, 1, 2, 103, 104, 105, 106, 107, 108];
    expectClose(await cut([1, 0, 3, 1]), [...first, ...second], 1e-6);
    expectClose(await cut([0, 0, 0, 0]), [...photo(0), ...photo(100)], 1e-6);
    expectClose(await cut([0, 0, 3, 3]), [...photo(100), ...photo(0)], 1e-6);
  });

  test("brings evaluation's bytes to [0, 1], channels first", async () => {
    const data = Uint8Array.from([0, 51, 255, 102, 153, 204]);
    const values = await run((graph) => unitPixels(graph.input("p", "uint8", [1, 1, 2, 3])), {
      p: { dtype: "uint8", dims: [1, 1, 2, 3], data },
    });
    expectClose(values, [0, 0.4, 0.2, 0.6, 1, 0.8], 1e-6);
  });
});
