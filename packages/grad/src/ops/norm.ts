// BatchNorm (Ioffe & Szegedy 2015): in training mode an op of its own; with fixed statistics, arithmetic or a convolution's weights.

import { expectShape, GradError } from "../errors.ts";
import { type ConvOptions, conv2d } from "./conv.ts";
import { add, div, mul, scalarLike, sub } from "./elementwise.ts";
import { apply, type OpDefinition, type Value } from "./graph.ts";
import { reshape } from "./reshape.ts";
import { fixed, nchw, showShape } from "./shape.ts";
import { sqrt } from "./unary.ts";

export interface NormAttributes {
  readonly eps: number;
}

/** (x, gamma, beta) to (y, mean, variance): statistics over N, H, W of this batch, variance biased. */
export const batchNormOp: OpDefinition<NormAttributes> = {
  name: "batchNorm",
  infer: ([x, gamma, beta]) => {
    const { n, c, h, w } = nchw(x!, "batchNorm");
    for (const vector of [gamma!, beta!]) {
      expectShape(
        vector.shape.length === 1 && vector.shape[0] === c,
        "batchNorm",
        () => `expected gamma and beta [${c}] but received ${showShape(vector.shape)}`,
      );
    }
    if (fixed(n, "batchNorm", "N") * h * w < 2) {
      throw new GradError("SHAPE_MISMATCH", "batchNorm: expected more than one value per channel in training mode");
    }
    const vector = { dtype: x!.dtype, shape: [c] };
    return [{ dtype: x!.dtype, shape: x!.shape }, vector, vector];
  },
  gradient: ({ inputs: [x, gamma], outputs: [, mean, variance], grads: [dy], attributes }) =>
    x!.graph.apply(batchNormGradOp, [x!, dy!, gamma!, mean!, variance!], attributes),
};

/** (x, dy, gamma, mean, variance) to (dx, dgamma, dbeta). */
export const batchNormGradOp: OpDefinition<NormAttributes> = {
  name: "batchNormGrad",
  infer: ([x, , gamma]) => [x!, gamma!, gamma!].map(({ dtype, shape }) => ({ dtype, shape })),
};

export interface BatchNormParameters {
  readonly gamma: Value;
  readonly beta: Value;
  readonly runningMean: Value;
  readonly runningVariance: Value;
}

export interface BatchNormOptions {
  readonly eps?: number;
  /** Weight of the new batch in the running statistics. */
  readonly momentum?: number;
}

/** Normalises x [N, C, H, W] by this batch's statistics and moves the running ones towards them (variance unbiased, as torch). */
export function batchNorm(x: Value, parameters: BatchNormParameters, options: BatchNormOptions = {}): Value {
  const { eps = 1e-5, momentum = 0.1 } = options;
  const [y, mean, variance] = x.graph.apply(batchNormOp, [x, parameters.gamma, parameters.beta], { eps });
  const { n, h, w } = nchw(x, "batchNorm");
  const count = fixed(n, "batchNorm", "N") * h * w;
  x.graph.track(parameters.runningMean, mean!, { momentum, factor: 1 });
  x.graph.track(parameters.runningVariance, variance!, { momentum, factor: count / (count - 1) });
  return y!;
}

/** gamma / sqrt(variance + eps) and beta - mean times that, both [C]. */
function affine(
  { gamma, beta, runningMean, runningVariance }: BatchNormParameters,
  eps: number,
): { a: Value; b: Value } {
  const a = div(gamma, sqrt(add(runningVariance, scalarLike(gamma, eps))));
  return { a, b: sub(beta, mul(runningMean, a)) };
}

/** Normalises by the running statistics (evaluation mode); gamma and beta may train. */
export function batchNormEval(x: Value, parameters: BatchNormParameters, options: BatchNormOptions = {}): Value {
  const { a, b } = affine(parameters, options.eps ?? 1e-5);
  const c = fixed(a.shape[0], "batchNormEval", "C");
  return add(mul(x, reshape(a, [1, c, 1, 1])), reshape(b, [1, c, 1, 1]));
}

/** A convolution and the evaluation-mode BatchNorm behind it as one convolution; weight, gamma and beta may train. */
export function convBatchNormFolded(
  x: Value,
  weight: Value,
  parameters: BatchNormParameters,
  conv: ConvOptions,
  options: BatchNormOptions = {},
): Value {
  const { a, b } = affine(parameters, options.eps ?? 1e-5);
  return conv2d(x, scaleFilter(weight, a), b, conv);
}

/** weight [K, ...] times factor [K] per output channel: an op of its own, so that a lowering can do it in the weight's stored order. */
export const scaleFilterOp: OpDefinition<Record<string, never>> = {
  name: "scaleFilter",
  infer: ([weight, factor]) => {
    expectShape(
      factor!.shape.length === 1 && factor!.shape[0] === weight!.shape[0],
      "scaleFilter",
      () => `expected a factor [${weight!.shape[0]}] but received ${showShape(factor!.shape)}`,
    );
    return [{ dtype: weight!.dtype, shape: weight!.shape }];
  },
  gradient: ({ inputs: [weight, factor], grads: [dy], needs }) => [
    needs[0] ? scaleFilter(dy!, factor!) : undefined,
    needs[1] ? apply(filterDotOp, [dy!, weight!], {}) : undefined,
  ],
};

/** Two weights [K, ...] to the [K] inner products of their filters. */
export const filterDotOp: OpDefinition<Record<string, never>> = {
  name: "filterDot",
  infer: ([weight]) => [{ dtype: weight!.dtype, shape: [weight!.shape[0]!] }],
};

export const scaleFilter = (weight: Value, factor: Value) => apply(scaleFilterOp, [weight, factor], {});

/** BatchNorm of features [N, C] in training mode (fastai's head has two), as one of [N, C, 1, 1]. */
export function batchNorm1d(x: Value, parameters: BatchNormParameters, options: BatchNormOptions = {}): Value {
  const [n, c] = x.shape;
  return reshape(batchNorm(reshape(x, [n!, c!, 1, 1]), parameters, options), [n!, c!]);
}
