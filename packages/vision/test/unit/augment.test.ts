// Augmentation: fastai's matrices and light against the vectors of its formulas, and where crops and rotations end up in the photo.

import { describe, expect, test } from "vitest";
import {
  AUGMENT_DEFAULTS,
  type AugmentConfig,
  drawAugmentation,
  evaluationResize,
  lighting,
  neutralAugmentation,
  warpMatrix,
} from "../../src/data/augment.ts";
import { Generator } from "../../src/random/generator.ts";

const OFF: AugmentConfig = {
  crop: null,
  flip: false,
  maxRotate: 0,
  maxZoom: 1,
  maxLighting: 0,
  maxWarp: 0,
  pAffine: 1,
  pLighting: 1,
  mult: 1,
};

/** Matrices of `count` photos of one shape. */
function draw(config: Partial<AugmentConfig>, aspect: number, count = 2_000, seed = 1) {
  const draws = drawAugmentation({ ...OFF, ...config }, new Array(count).fill(aspect), new Generator({ seed }));
  const matrices = Array.from({ length: count }, (_, i) => [...draws.matrices.subarray(9 * i, 9 * i + 9)]);
  return { ...draws, matrices };
}

function apply(matrix: readonly number[], x: number, y: number): [number, number] {
  const [a, b, c, d, e, f, g, h, i] = matrix as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const w = g * x + h * y + i;
  return [(a * x + b * y + c) / w, (d * x + e * y + f) / w];
}

const closeTo = (values: readonly number[], expected: readonly number[], tolerance = 5e-7) => {
  expect(values).toHaveLength(expected.length);
  for (const [i, value] of values.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(tolerance);
};

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("warp (T2)", () => {
  test.each([
    [0.2, 0, [1, 0, -0.2, 0, 1, 0, -0.2, 0, 1]],
    [0, 0.2, [1, 0, 0, 0, 1, -0.2, 0, -0.2, 1]],
    [0.1, -0.15, [1, -0.031008, -0.104651, -0.031008, 1, 0.153101, -0.104651, 0.153101, 1]],
  ])("xt %d, yt %d", (xt, yt, expected) => closeTo(warpMatrix(xt, yt), expected));

  test("maps points", () => {
    const warp = warpMatrix(0.1, -0.15);
    closeTo(apply(warp, 0.5, -0.5), [0.47164, -0.41602], 6e-6);
    closeTo(apply(warp, 1, 1), [0.8244, 1.07024], 6e-6);
  });
});

test.each([
  [0.6, 1.25, [0.096242, 0.624063, 0.962794]],
  [0.4, 0.8, [0.110844, 0.419611, 0.807432]],
])("lighting with brightness %d and contrast %d (T3)", (brightness, contrast, expected) => {
  closeTo(
    [0.1, 0.5, 0.9].map((value) => lighting(value, brightness, contrast)),
    expected,
  );
});

test("lighting of black and white stays finite, and neutral light changes nothing", () => {
  expect(lighting(0, 0.6, 1.25)).toBeGreaterThan(0);
  expect(lighting(1, 0.6, 1.25)).toBeLessThan(1);
  closeTo(
    [0, 0.25, 1].map((value) => lighting(value, 0.5, 1)),
    [0, 0.25, 1],
  );
});

test.each([
  [64, 80],
  [96, 112],
  [128, 152],
  [160, 184],
  [192, 224],
  [224, 256],
  [256, 296],
  [299, 347],
  [320, 368],
])("evaluation at %d crops from %d (T7)", (size, resize) => expect(evaluationResize(size)).toBe(resize));

test("everything off is the neutral augmentation: identity matrices", () => {
  const neutral = neutralAugmentation(2);
  expect([...neutral.matrices]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
  expect([...neutral.brightness, ...neutral.contrast]).toEqual([0.5, 0.5, 1, 1]);
  const { matrices, brightness, contrast } = draw({}, 1.5, 3);
  for (const matrix of matrices) closeTo(matrix, [1, 0, 0, 0, 1, 0, 0, 0, 1]);
  expect([...brightness, ...contrast]).toEqual([0.5, 0.5, 0.5, 1, 1, 1]);
});

test("flip mirrors left and right of half the photos", () => {
  const { matrices } = draw({ flip: true }, 1.5);
  for (const matrix of matrices) closeTo(matrix, [Math.sign(matrix[0]!), 0, 0, 0, 1, 0, 0, 0, 1]);
  expect(mean(matrices.map((matrix) => (matrix[0]! < 0 ? 1 : 0)))).toBeCloseTo(0.5, 1);
});

describe("rotation", () => {
  /** The linear part in pixels of a photo that is `aspect` wide and 1 high and fills the output. */
  const inPixels = ([a, b, , d, e]: readonly number[], aspect: number) => [a!, b! * aspect, d! / aspect, e!];

  test.each([1, 0.5, 16 / 9])("is rigid in the pixels of a photo of aspect %d", (aspect) => {
    const angles = draw({ maxRotate: 10 }, aspect).matrices.map((matrix) => {
      const [a, b, c, d] = inPixels(matrix, aspect) as [number, number, number, number];
      closeTo([a * a + b * b, c * c + d * d, a * c + b * d, a * d - b * c], [1, 1, 0, 1], 1e-6);
      return (Math.atan2(b, a) * 180) / Math.PI;
    });
    expect(Math.max(...angles)).toBeGreaterThan(9.8);
    expect(Math.max(...angles)).toBeLessThanOrEqual(10.001);
    expect(Math.min(...angles)).toBeLessThan(-9.8);
    expect(Math.abs(mean(angles))).toBeLessThan(0.7);
  });

  test("mult scales it, pAffine leaves a quarter alone", () => {
    const { matrices } = draw({ maxRotate: 10, mult: 2, pAffine: 0.75 }, 1);
    const angles = matrices.map((matrix) => (Math.asin(matrix[1]!) * 180) / Math.PI);
    expect(Math.max(...angles)).toBeGreaterThan(19);
    expect(mean(angles.map((angle) => (angle === 0 ? 1 : 0)))).toBeCloseTo(0.25, 1);
  });

  test("stays rigid inside a crop: pixels of the box to pixels of the photo", () => {
    const aspect = 1.6;
    const config = { crop: { minScale: 0.5, ratio: [0.5, 2] as const }, pAffine: 1 };
    // With the draws of the crop alone, the same seed gives the same box: rotation by 0 draws as many numbers.
    const boxes = draw(config, aspect, 50).matrices;
    const turned = draw({ ...config, maxRotate: 30 }, aspect, 50).matrices;
    for (const [i, [a, b, , d, e]] of turned.entries()) {
      const width = boxes[i]![0]! * aspect;
      const height = boxes[i]![4]!;
      // Output unit in pixels of the box: (width, height) / 2. Source unit in pixels of the photo: (aspect, 1) / 2.
      const linear = [(a! * aspect) / width, (b! * aspect) / height, d! / width, e! / height] as const;
      closeTo([linear[0] ** 2 + linear[2] ** 2, linear[1] ** 2 + linear[3] ** 2], [1, 1], 1e-5);
      closeTo([linear[0] * linear[1] + linear[2] * linear[3]], [0], 1e-5);
    }
  });
});

test("zoom enlarges by up to maxZoom about a point inside, and never looks outside", () => {
  const { matrices } = draw({ maxZoom: 1.1, mult: 5 }, 1.5);
  for (const matrix of matrices) {
    expect(matrix[0]!).toBeGreaterThanOrEqual(1 / 1.1 - 1e-6);
    expect(matrix[0]!).toBeLessThanOrEqual(1 + 1e-6);
    expect(matrix[4]).toBe(matrix[0]);
    for (const corner of [-1, 1]) {
      for (const value of apply(matrix, corner, corner)) expect(Math.abs(value)).toBeLessThanOrEqual(1 + 1e-6);
    }
  }
});

test("parts multiply as flip, rotation, zoom: undoing the first two leaves a zoom about a point inside", () => {
  const { matrices } = draw({ flip: true, maxRotate: 45, maxZoom: 2 }, 1);
  let widest = 0;
  for (const [a, b, c, d, e, f] of matrices as [number, number, number, number, number, number][]) {
    const zoom = Math.hypot(a, d);
    closeTo([Math.hypot(b, e), a * b + d * e], [zoom, 0], 1e-6);
    // The inverse of an orthogonal matrix is its transpose.
    const centre = [(a * c + d * f) / zoom, (b * c + e * f) / zoom];
    for (const value of centre) expect(Math.abs(value)).toBeLessThanOrEqual(1 - zoom + 1e-6);
    widest = Math.max(widest, ...centre.map((value) => Math.abs(value) / (1 - zoom + 1e-6)));
  }
  expect(widest).toBeGreaterThan(0.99);
});

describe("RandomResizedCrop", () => {
  const crop = { minScale: 0.35, ratio: [3 / 4, 4 / 3] as const };

  test.each([1, 1.5, 2 / 3])(
    "boxes of a photo of aspect %d keep area and ratio in its pixels and lie inside",
    (aspect) => {
      const { matrices } = draw({ crop }, aspect);
      const areas = matrices.map((matrix) => {
        closeTo([matrix[1]!, matrix[3]!, matrix[6]!, matrix[7]!, matrix[8]!], [0, 0, 0, 0, 1]);
        const [halfWidth, centreX, halfHeight, centreY] = [matrix[0]!, matrix[2]!, matrix[4]!, matrix[5]!];
        expect(halfWidth + Math.abs(centreX)).toBeLessThanOrEqual(1 + 1e-6);
        expect(halfHeight + Math.abs(centreY)).toBeLessThanOrEqual(1 + 1e-6);
        const ratio = (halfWidth * aspect) / halfHeight;
        expect(ratio).toBeGreaterThanOrEqual(3 / 4 - 1e-6);
        expect(ratio).toBeLessThanOrEqual(4 / 3 + 1e-6);
        return halfWidth * halfHeight;
      });
      expect(Math.min(...areas)).toBeGreaterThanOrEqual(0.35 - 1e-6);
      expect(Math.min(...areas)).toBeLessThan(0.37);
      expect(Math.abs(mean(matrices.map((matrix) => matrix[2]!)))).toBeLessThan(0.03);
      expect(Math.abs(mean(matrices.map((matrix) => matrix[5]!)))).toBeLessThan(0.03);
    },
  );

  test.each([
    [10, [4 / 30, 0, 0, 0, 1, 0, 0, 0, 1]],
    [0.1, [1, 0, 0, 0, 4 / 30, 0, 0, 0, 1]],
  ])("a panorama of aspect %d falls back to the centre within the ratios", (aspect, expected) => {
    for (const matrix of draw({ crop }, aspect, 20).matrices) closeTo(matrix, expected);
  });
});

test("warp composes inside the crop: source = box(warp(output))", () => {
  const crop = { minScale: 0.4, ratio: [1, 1] as const };
  const boxes = draw({ crop }, 1, 20).matrices;
  const warped = draw({ crop, maxWarp: 0.2 }, 1, 20).matrices;
  for (const [i, matrix] of warped.entries()) {
    // Read xt and yt off the box's own frame: undo the box, then the corner that warp moves to (-1, -1).
    const [sx, , cx, , sy, cy] = boxes[i]! as [number, number, number, number, number, number];
    const inFrame = (x: number, y: number) => {
      const [u, v] = apply(matrix, x, y);
      return [(u - cx) / sx, (v - cy) / sy] as const;
    };
    const g = (matrix[6]! / matrix[8]!) as number;
    const h = (matrix[7]! / matrix[8]!) as number;
    // Whatever (xt, yt) was drawn, its matrix has the drawn horizon: find it by the two values, then compare points.
    const [xt, yt] = solveWarp(g, h);
    for (const [x, y] of [
      [0, 0],
      [0.7, -0.2],
      [-1, 1],
    ] as const)
      closeTo(inFrame(x, y), apply(warpMatrix(xt, yt), x, y), 1e-4);
  }
});

/** The (xt, yt) whose warp has the horizon (g, h): a few steps of a fixed-point search from (-g, -h). */
function solveWarp(g: number, h: number): [number, number] {
  let [xt, yt] = [-g, -h];
  for (let step = 0; step < 50; step++) {
    const matrix = warpMatrix(xt, yt);
    xt += matrix[6] - g;
    yt += matrix[7] - h;
  }
  return [xt, yt];
}

test("no draw puts a point of the output behind the horizon, even far beyond fastai's limits", () => {
  const { matrices } = draw({ ...AUGMENT_DEFAULTS, mult: 2.4 }, 1.5);
  for (const [, , , , , , g, h, i] of matrices) {
    for (const [x, y] of [
      [-1, -1],
      [-1, 1],
      [1, -1],
      [1, 1],
    ] as const)
      expect(g! * x + h! * y + i!).toBeGreaterThan(0);
  }
});

test("light: brightness within .5(1 ± m), contrast within 1-m .. 1/(1-m), each for three quarters of the photos", () => {
  const { brightness, contrast } = draw({ maxLighting: 0.2, pLighting: 0.75 }, 1);
  expect(Math.min(...brightness)).toBeGreaterThanOrEqual(0.4 - 1e-6);
  expect(Math.min(...brightness)).toBeLessThan(0.402);
  expect(Math.max(...brightness)).toBeLessThanOrEqual(0.6 + 1e-6);
  expect(Math.min(...contrast)).toBeGreaterThanOrEqual(0.8 - 1e-6);
  expect(Math.max(...contrast)).toBeLessThanOrEqual(1.25 + 1e-6);
  expect(Math.max(...contrast)).toBeGreaterThan(1.24);
  expect(mean([...brightness].map((value) => (value === 0.5 ? 1 : 0)))).toBeCloseTo(0.25, 1);
  expect(mean([...contrast].map((value) => (value === 1 ? 1 : 0)))).toBeCloseTo(0.25, 1);
});
