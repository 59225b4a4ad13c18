// What floor 1 says before anything runs: shapes, free dimensions, missing gradients, and the sentences of its errors.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gradients } from "../../src/autodiff.ts";
import { GradError, type GradErrorCode } from "../../src/errors.ts";
import { relu } from "../../src/ops/activation.ts";
import { conv2d, conv2dInputGradOp } from "../../src/ops/conv.ts";
import { dropout, stochasticDepth } from "../../src/ops/dropout.ts";
import { add, mul } from "../../src/ops/elementwise.ts";
import { scaleChannels } from "../../src/ops/excite.ts";
import { apply, Graph, type Shape } from "../../src/ops/graph.ts";
import { layerNorm2d } from "../../src/ops/layerNorm.ts";
import { crossEntropy, softCrossEntropy } from "../../src/ops/loss.ts";
import { gemm, linear } from "../../src/ops/matmul.ts";
import { batchNorm } from "../../src/ops/norm.ts";
import { averagePool, globalAveragePool, maxPool, spatialMean } from "../../src/ops/pool.ts";
import { reduceMean, reduceSum } from "../../src/ops/reduce.ts";
import { concat, flatten, reshape, slice, transpose } from "../../src/ops/reshape.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { buildTrainProgram } from "../../src/train/program.ts";

/** Inputs of these shapes in one graph. */
function inputs(...shapes: Shape[]) {
  const graph = new Graph();
  return shapes.map((shape, index) => graph.input(`x${index}`, "float32", shape)) as [
    ReturnType<Graph["input"]>,
    ReturnType<Graph["input"]>,
    ReturnType<Graph["input"]>,
  ];
}

function errorOf(build: () => unknown): [GradErrorCode, string] {
  try {
    build();
  } catch (error) {
    if (error instanceof GradError) return [error.code, error.message];
    throw error;
  }
  throw new Error("expected a GradError but nothing was thrown");
}

describe("shapes", () => {
  test("a free batch size goes through a network", () => {
    const [x, stem, depthwise] = inputs(["N", 3, 9, 8], [16, 3, 3, 3], [16, 1, 3, 3]);
    const y = relu(conv2d(x, stem, undefined, { stride: 2, padding: 1 }));
    expect(y.shape).toEqual(["N", 16, 5, 4]);
    const z = conv2d(y, depthwise, undefined, { groups: 16, padding: [0, 0, 1, 1], stride: 2 });
    expect(z.shape).toEqual(["N", 16, 2, 2]);
    expect(maxPool(y, 3, { stride: 2, padding: 1 }).shape).toEqual(["N", 16, 3, 2]);
    expect(averagePool(y, [3, 2], { stride: 1 }).shape).toEqual(["N", 16, 3, 3]);
    expect(concat([globalAveragePool(z), globalAveragePool(y)], 1).shape).toEqual(["N", 32, 1, 1]);
    expect(flatten(z).shape).toEqual(["N", 64]);
    expect(linear(spatialMean(z), x.graph.parameter("head", [5, 16])).shape).toEqual(["N", 5]);
  });

  test("a convolution has as many places as the kernel fits, counted one by one", () => {
    const size = fc.integer({ min: 1, max: 12 });
    const small = fc.integer({ min: 0, max: 3 });
    const step = fc.integer({ min: 1, max: 3 });
    fc.assert(
      fc.property(
        size,
        fc.integer({ min: 1, max: 5 }),
        step,
        step,
        small,
        small,
        (h, k, stride, dilation, before, after) => {
          const reach = dilation * (k - 1);
          let places = 0;
          for (let at = -before; at + reach < h + after; at += stride) places += 1;
          const [x, w] = inputs([1, 1, h, h], [1, 1, k, k]);
          const build = () =>
            conv2d(x, w, undefined, { stride, dilation, padding: [before, before, after, after] }).shape;
          if (places === 0) expect(errorOf(build)[0]).toBe("SHAPE_MISMATCH");
          else expect(build()).toEqual([1, 1, places, places]);
        },
      ),
    );
  });
});

describe("errors say what was expected and what came", () => {
  const cases: [string, GradErrorCode, string, () => unknown][] = [
    [
      "conv2d, weight",
      "SHAPE_MISMATCH",
      "conv2d: expected a weight [K, 16/1, kh, kw] with K divisible by 1 but received [8, 3, 3, 3]",
      () => conv2d(...(inputs([1, 16, 5, 5], [8, 3, 3, 3]).slice(0, 2) as [never, never])),
    ],
    [
      "conv2d, groups",
      "SHAPE_MISMATCH",
      "conv2d: expected a weight [K, 16/3, kh, kw] with K divisible by 3 but received [9, 5, 3, 3]",
      () => {
        const [x, w] = inputs([1, 16, 5, 5], [9, 5, 3, 3]);
        conv2d(x, w, undefined, { groups: 3 });
      },
    ],
    [
      "conv2d, bias",
      "SHAPE_MISMATCH",
      "conv2d: expected a bias [8] but received [4]",
      () => {
        const [x, w, b] = inputs([1, 3, 5, 5], [8, 3, 3, 3], [4]);
        conv2d(x, w, b);
      },
    ],
    [
      "conv2d, too small",
      "SHAPE_MISMATCH",
      "conv2d: expected an input of at least the kernel's size 3x3 but received 2x5 with padding [0,0,0,0]",
      () => {
        const [x, w] = inputs([1, 3, 2, 5], [8, 3, 3, 3]);
        conv2d(x, w);
      },
    ],
    [
      "conv2d, rank",
      "SHAPE_MISMATCH",
      "conv2d: expected a value [N, C, H, W] but received [3, 5]",
      () => {
        const [x, w] = inputs([3, 5], [8, 3, 3, 3]);
        conv2d(x, w);
      },
    ],
    [
      "conv2d, free height",
      "SHAPE_MISMATCH",
      "conv2d: expected a fixed size for H but it is free (H)",
      () => {
        const [x, w] = inputs(["N", 3, "H", 5], [8, 3, 3, 3]);
        conv2d(x, w);
      },
    ],
    [
      "maxPool",
      "SHAPE_MISMATCH",
      "maxPool: expected an input of at least the kernel's size 3x3 but received 2x2",
      () => maxPool(inputs([1, 3, 2, 2])[0], 3),
    ],
    [
      "add",
      "SHAPE_MISMATCH",
      "add: expected shapes that broadcast but received [2, 3] and [2]",
      () => {
        const [a, b] = inputs([2, 3], [2]);
        add(a, b);
      },
    ],
    [
      "add, free against fixed",
      "SHAPE_MISMATCH",
      "add: expected shapes that broadcast but received [N, 3] and [2, 3]",
      () => {
        const [a, b] = inputs(["N", 3], [2, 3]);
        add(a, b);
      },
    ],
    [
      "gemm",
      "SHAPE_MISMATCH",
      "gemm: expected equal inner sizes but received [2, 3] and [4, 5]ᵀ",
      () => {
        const [a, b] = inputs([2, 3], [4, 5]);
        gemm(a, b, false, true);
      },
    ],
    [
      "gemm, rank",
      "SHAPE_MISMATCH",
      "gemm: expected two matrices but received [2, 3, 4] and [4, 5]",
      () => {
        const [a, b] = inputs([2, 3, 4], [4, 5]);
        gemm(a, b);
      },
    ],
    [
      "reshape",
      "SHAPE_MISMATCH",
      "reshape: expected a shape with as many elements as [2, 3] but received [5]",
      () => reshape(inputs([2, 3])[0], [5]),
    ],
    [
      "transpose",
      "SHAPE_MISMATCH",
      "transpose: expected a permutation of 2 axes but received [0,0]",
      () => transpose(inputs([2, 3])[0], [0, 0]),
    ],
    [
      "concat",
      "SHAPE_MISMATCH",
      "concat: expected shapes equal but for axis 1 but received [2, 3] and [3, 3]",
      () => concat(inputs([2, 3], [3, 3]).slice(0, 2), 1),
    ],
    [
      "concat of nothing",
      "BAD_ATTRIBUTE",
      "concat: expected at least one input but received none",
      () => concat([], 0),
    ],
    [
      "slice",
      "BAD_ATTRIBUTE",
      "slice: expected 0 <= start < end <= 3 but received 2 and 4",
      () => slice(inputs([2, 3])[0], -1, 2, 4),
    ],
    [
      "reduceSum",
      "BAD_ATTRIBUTE",
      "reduceSum: expected an axis in [-2, 1] but received 2",
      () => reduceSum(inputs([2, 3])[0], [2]),
    ],
    [
      "reduceMean over a free axis",
      "SHAPE_MISMATCH",
      "reduceMean: expected a fixed size for axis 0 but it is free (N)",
      () => reduceMean(inputs(["N", 3])[0], [0]),
    ],
    [
      "batchNorm of one value",
      "SHAPE_MISMATCH",
      "batchNorm: expected more than one value per channel in training mode",
      () => {
        const [x, gamma, beta] = inputs([1, 4, 1, 1], [4], [4]);
        batchNorm(x, { gamma, beta, runningMean: beta, runningVariance: beta });
      },
    ],
    [
      "batchNorm, gamma",
      "SHAPE_MISMATCH",
      "batchNorm: expected gamma and beta [4] but received [3]",
      () => {
        const [x, gamma, beta] = inputs([2, 4, 1, 1], [3], [4]);
        batchNorm(x, { gamma, beta, runningMean: beta, runningVariance: beta });
      },
    ],
    [
      "batchNorm, free batch",
      "SHAPE_MISMATCH",
      "batchNorm: expected a fixed size for N but it is free (N)",
      () => {
        const [x, gamma, beta] = inputs(["N", 4, 2, 2], [4], [4]);
        batchNorm(x, { gamma, beta, runningMean: beta, runningVariance: beta });
      },
    ],
    [
      "softCrossEntropy",
      "SHAPE_MISMATCH",
      "softCrossEntropy: expected targets [4, 3] but received [4, 2]",
      () => {
        const [logits, targets] = inputs([4, 3], [4, 2]);
        softCrossEntropy(logits, targets);
      },
    ],
    [
      "crossEntropy, smoothing",
      "BAD_ATTRIBUTE",
      "crossEntropy: expected labelSmoothing in [0, 1] but received 1.5",
      () => {
        const [logits, targets] = inputs([4, 3], [4, 3]);
        crossEntropy(logits, targets, { labelSmoothing: 1.5 });
      },
    ],
    [
      "crossEntropy, class weights",
      "SHAPE_MISMATCH",
      "crossEntropy: expected 3 class weights but received 2",
      () => {
        const [logits, targets] = inputs([4, 3], [4, 3]);
        crossEntropy(logits, targets, { classWeights: [1, 2] });
      },
    ],
    [
      "dropout",
      "BAD_ATTRIBUTE",
      "dropout: expected p in [0, 1) but received 1",
      () => dropout(inputs([2, 3])[0], 1, "mask"),
    ],
    [
      "stochasticDepth",
      "BAD_ATTRIBUTE",
      "stochasticDepth: expected p in [0, 1) but received 1",
      () => stochasticDepth(inputs([2, 3])[0], 1, "mask"),
    ],
    [
      "layerNorm2d, beta",
      "SHAPE_MISMATCH",
      "layerNorm: expected gamma and beta [4] but received [3]",
      () => {
        const [x, gamma, beta] = inputs([2, 4, 3, 3], [4], [3]);
        layerNorm2d(x, { gamma, beta });
      },
    ],
    [
      "scaleChannels",
      "SHAPE_MISMATCH",
      "scaleChannels: expected factors [N, 4, 1, 1] but received [N, 4, 3, 1]",
      () => {
        const [x, s] = inputs(["N", 4, 3, 3], ["N", 4, 3, 1]);
        scaleChannels(x, s);
      },
    ],
    [
      "two graphs",
      "BAD_ATTRIBUTE",
      "add: expected inputs of one graph but received one of another",
      () => add(inputs([2])[0], inputs([2])[0]),
    ],
  ];
  test.each(cases)("%s", (_, code, message, build) => {
    expect(errorOf(build)).toEqual([code, message]);
  });
});

describe("gradients", () => {
  test("through an op without a rule: one clear error that names it", () => {
    const graph = new Graph();
    const w = graph.parameter("w", [16, 16, 3, 3]);
    const [x, dy] = [graph.input("x", "float32", [1, 16, 5, 5]), graph.input("dy", "float32", [1, 16, 5, 5])];
    const attributes = { stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1], groups: 1 } as const;
    const loss = reduceSum(apply(conv2dInputGradOp, [dy, w, x], attributes), [0, 1, 2, 3]);
    expect(errorOf(() => gradients(loss, [w]))).toEqual([
      "MISSING_GRADIENT",
      "conv2dInputGrad has no gradient rule, but a parameter's gradient passes through it",
    ]);
  });

  test("an op without a rule beside the way is no trouble", () => {
    const graph = new Graph();
    const w = graph.parameter("w", [3]);
    const blind = { name: "blind", infer: () => [{ dtype: "float32", shape: [3] } as const] };
    const y = apply(blind, [graph.input("x", "float32", [3])], {});
    expect(gradients(reduceSum(mul(w, y), [0]), [w])).toHaveLength(1);
  });

  test("of a parameter that the loss does not know: named", () => {
    const graph = new Graph();
    const w = graph.parameter("w", [3]);
    const unused = graph.parameter("head.bias", [2]);
    const loss = reduceSum(w, [0]);
    const expected: [GradErrorCode, string] = ["MISSING_GRADIENT", "the loss does not depend on parameter `head.bias`"];
    expect(errorOf(() => gradients(loss, [w, unused]))).toEqual(expected);
    expect(errorOf(() => buildTrainProgram(graph, { loss, optimizer: sgd(), target: { kind: "plain" } }))).toEqual(
      expected,
    );
  });

  test("of what is no scalar", () => {
    const graph = new Graph();
    const w = graph.parameter("w", [3]);
    expect(errorOf(() => gradients(w, [w]))).toEqual([
      "SHAPE_MISMATCH",
      "gradients: expected a scalar loss but received [3]",
    ]);
  });

  test("of nothing: a program without parameters", () => {
    const [x] = inputs([3]);
    const loss = reduceSum(x, [0]);
    expect(errorOf(() => buildTrainProgram(x.graph, { loss, optimizer: sgd(), target: { kind: "plain" } }))).toEqual([
      "BAD_ATTRIBUTE",
      "buildTrainProgram: expected at least one trainable parameter but found none",
    ]);
  });
});
