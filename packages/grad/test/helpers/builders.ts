// The cases of ../fixtures/ops.py as graphs: one entry per op, chains by title.

import { gelu, hardSigmoid, hardSwish, relu, relu6, sigmoid, silu } from "../../src/ops/activation.ts";
import { type ConvOptions, conv2d } from "../../src/ops/conv.ts";
import { dropout, stochasticDepth } from "../../src/ops/dropout.ts";
import { add, div, mul, neg, scale, sub } from "../../src/ops/elementwise.ts";
import { scaleChannels } from "../../src/ops/excite.ts";
import type { Value } from "../../src/ops/graph.ts";
import { layerNorm, layerNorm2d } from "../../src/ops/layerNorm.ts";
import { crossEntropy, logSoftmax, softCrossEntropy } from "../../src/ops/loss.ts";
import { gemm, linear } from "../../src/ops/matmul.ts";
import {
  type BatchNormParameters,
  batchNorm,
  batchNorm1d,
  batchNormEval,
  convBatchNormFolded,
  scaleFilter,
} from "../../src/ops/norm.ts";
import {
  averagePool,
  globalAveragePool,
  globalMaxPool,
  type MaxPoolOptions,
  maxPool,
  type PoolOptions,
  spatialMean,
} from "../../src/ops/pool.ts";
import { reduceMean, reduceSum } from "../../src/ops/reduce.ts";
import { concat, expandLike, flatten, reshape, slice, transpose } from "../../src/ops/reshape.ts";
import { exp, log, sqrt } from "../../src/ops/unary.ts";

/** The case's inputs by name, and its attributes. */
export type Named = Readonly<Record<string, Value>>;
type Build = (v: Named, attributes: Readonly<Record<string, unknown>>) => Value;

/** A case's attributes as the op's options; ops.py writes exactly these. */
const as = <T>(attributes: unknown) => attributes as T;

/** Running statistics are only moved by training-mode BatchNorm, never read. */
function training(gamma: Value, beta: Value, name = ""): BatchNormParameters {
  const { graph, shape } = gamma;
  const channels = shape as number[];
  return {
    gamma,
    beta,
    runningMean: graph.buffer(`${name}running_mean${graph.buffers.length}`, channels),
    runningVariance: graph.buffer(`${name}running_var${graph.buffers.length}`, channels),
  };
}

const fixedStatistics = (v: Named): BatchNormParameters => ({
  gamma: v.gamma!,
  beta: v.beta!,
  runningMean: v.mean!,
  runningVariance: v.variance!,
});

const binary =
  (op: (a: Value, b: Value) => Value): Build =>
  (v, { twice }) =>
    op(v.a!, twice ? v.a! : v.b!);

const unary =
  (op: (x: Value) => Value): Build =>
  (v) =>
    op(v.x!);

type Kernel = { kernel: readonly [number, number] } & PoolOptions;
type Axes = { axes: number[]; keepDims: boolean };

export const BUILDERS: Readonly<Record<string, Build>> = {
  conv2d: (v, a) => conv2d(v.x!, v.w!, v.b, as<ConvOptions>(a)),
  batchNorm: (v, a) => batchNorm(v.x!, training(v.gamma!, v.beta!), as<{ eps?: number }>(a)),
  batchNorm1d: (v) => batchNorm1d(v.x!, training(v.gamma!, v.beta!)),
  batchNormEval: (v) => batchNormEval(v.x!, fixedStatistics(v)),
  convBatchNormFolded: (v, a) => convBatchNormFolded(v.x!, v.w!, fixedStatistics(v), as<ConvOptions>(a)),
  relu: unary(relu),
  relu6: unary(relu6),
  hardSwish: unary(hardSwish),
  hardSigmoid: unary(hardSigmoid),
  sigmoid: unary(sigmoid),
  silu: unary(silu),
  gelu: unary(gelu),
  layerNorm: (v) => layerNorm(v.x!, { gamma: v.gamma!, beta: v.beta! }),
  layerNorm2d: (v, a) => layerNorm2d(v.x!, { gamma: v.gamma!, beta: v.beta! }, a),
  scaleChannels: (v) => scaleChannels(v.x!, v.s!),
  stochasticDepth: (v, a) => stochasticDepth(v.x!, a.p as number, "mask"),
  maxPool: (v, a) => maxPool(v.x!, as<Kernel>(a).kernel, as<Kernel & MaxPoolOptions>(a)),
  averagePool: (v, a) => averagePool(v.x!, as<Kernel>(a).kernel, as<Kernel>(a)),
  globalAveragePool: unary(globalAveragePool),
  globalMaxPool: unary(globalMaxPool),
  spatialMean: unary(spatialMean),
  gemm: (v, a) => gemm(v.a!, v.b!, a.transA === true, a.transB === true),
  linear: (v) => linear(v.x!, v.w!, v.b),
  add: binary(add),
  sub: binary(sub),
  mul: binary(mul),
  div: binary(div),
  scale: (v, a) => scale(v.x!, a.factor as number),
  neg: unary(neg),
  sqrt: unary(sqrt),
  exp: unary(exp),
  log: unary(log),
  reduceSum: (v, a) => reduceSum(v.x!, as<Axes>(a).axes, as<Axes>(a).keepDims),
  reduceMean: (v, a) => reduceMean(v.x!, as<Axes>(a).axes, as<Axes>(a).keepDims),
  reshape: (v, a) => reshape(v.x!, a.shape as number[]),
  flatten: unary(flatten),
  transpose: (v, a) => transpose(v.x!, a.permutation as number[]),
  slice: (v, a) => slice(v.x!, a.axis as number, a.start as number, a.end as number),
  concat: (v, a) => concat(Object.values(v), a.axis as number),
  expandLike: (v) => expandLike(v.x!, v.like!),
  dropout: (v, a) => dropout(v.x!, a.p as number, "mask"),
  logSoftmax: unary(logSoftmax),
  crossEntropy: (v, a) => crossEntropy(v.logits!, v.targets!, a),
  softCrossEntropy: (v, a) => softCrossEntropy(v.logits!, v.targets!, a),
};

const SAME3 = { padding: 1 } as const;
const HALVES = { padding: [0, 0, 1, 1], stride: 2 } as const;

/** conv 3x3, BatchNorm. */
const block = (v: Named) => batchNorm(conv2d(v.x!, v.w!, undefined, SAME3), training(v.gamma!, v.beta!));

/** Convolution and BatchNorm number i. */
const numbered = (v: Named, i: number, x: Value, options: ConvOptions = {}) =>
  batchNorm(conv2d(x, v[`w${i}`]!, undefined, options), training(v[`g${i}`]!, v[`b${i}`]!));

type Activation = (x: Value) => Value;

/** Convolution, norm, activation, squeeze and excite, projection. */
const excited = (squeeze: Activation, gate: Activation, activation: Activation) => (v: Named) => {
  const y = activation(batchNorm(conv2d(v.x!, v.w!), training(v.gamma!, v.beta!)));
  const s = gate(conv2d(squeeze(conv2d(globalAveragePool(y), v.w2!, v.b2)), v.w3!, v.b3));
  return conv2d(scaleChannels(y, s), v.w4!);
};

/** Linear layers as 1x1 convolutions, the layer scale folded into the second. */
function convnext(v: Named): Value {
  const channels = v.x!.shape[1] as number;
  const kernel = (w: Value) => reshape(w, [...(w.shape as number[]), 1, 1]);
  let y = conv2d(v.x!, v.w!, v.b, { padding: 3, groups: channels });
  y = layerNorm2d(y, { gamma: v.gamma!, beta: v.beta! });
  y = gelu(conv2d(y, kernel(v.w2!), v.b2));
  const scale = reshape(v.scale!, [channels]);
  return add(conv2d(y, scaleFilter(kernel(v.w3!), scale), mul(v.b3!, scale)), v.x!);
}

export const CHAINS: Readonly<Record<string, (v: Named) => Value>> = {
  "conv, norm, relu6": (v) => relu6(block(v)),
  "conv, norm, residual, relu": (v) => relu(add(block(v), v.x!)),
  "conv, norm, residual": (v) => add(block(v), v.x!),
  "conv, norm, hardSwish": (v) => hardSwish(block(v)),
  "conv, norm twice the same": (v) => {
    const y = block(v);
    return add(y, y);
  },
  "two norms summed, relu": (v) => {
    const y = batchNorm(conv2d(v.x!, v.w!, undefined, { padding: 1, stride: 2 }), training(v.gamma!, v.beta!));
    const z = batchNorm(conv2d(v.x!, v.w2!, undefined, { stride: 2 }), training(v.gamma2!, v.beta2!));
    return relu(add(y, z));
  },
  "conv with bias, relu6": (v) => relu6(scale(conv2d(v.x!, v.w!, v.b, SAME3), 3)),
  "conv with bias, relu": (v) => relu(conv2d(v.x!, v.w!, v.b, SAME3)),
  "conv read raw and through relu": (v) => {
    const y = conv2d(v.x!, v.w!);
    return concat([flatten(relu(y)), flatten(y)], 1);
  },
  "two convs of one input": (v) => {
    const y = relu(v.x!);
    const sums = reduceSum(conv2d(y, v.w!, undefined, SAME3), [2, 3]);
    return mul(sums, spatialMean(conv2d(y, v.w2!)));
  },
  "two convs of one weight": (v) => {
    const y = conv2d(v.x!, v.w!, undefined, SAME3);
    return conv2d(y, v.w!, undefined, { padding: 2, dilation: 2 });
  },
  "a weight that is convolved with and decayed in the loss": (v) => {
    const w = v.w!;
    return add(reduceSum(conv2d(v.x!, w), [0, 2, 3]), reduceSum(mul(w, w), [0, 1, 2, 3]));
  },
  "a value read by a conv and by a sigmoid": (v) => {
    const y = conv2d(v.x!, v.w!);
    return add(reduceSum(sigmoid(y), [2, 3]), reduceSum(conv2d(y, v.w2!), [2, 3]));
  },
  "inverted residual": (v) => {
    const y = relu6(numbered(v, 1, v.x!));
    const z = relu6(numbered(v, 2, y, { padding: 1, groups: 40 }));
    return add(numbered(v, 3, z), v.x!);
  },
  "stem and depthwise, TensorFlow's SAME": (v) => {
    const y = relu6(numbered(v, 1, v.x!, HALVES));
    const z = relu6(numbered(v, 2, y, { ...HALVES, groups: 24 }));
    return numbered(v, 3, z);
  },
  "conv, norm, relu, maxPool, mean, linear, crossEntropy": (v) => {
    const y = maxPool(relu(block(v)), 3, { stride: 2, padding: 1 });
    return crossEntropy(linear(spatialMean(y), v.w2!, v.b2), v.targets!, { labelSmoothing: 0.1 });
  },
  "squeeze and excite": (v) => {
    const y = relu(conv2d(v.x!, v.w!));
    return mul(y, hardSigmoid(conv2d(globalAveragePool(y), v.w2!, v.b2)));
  },
  "32 channels squeezed to 16, hardSwish and hardSigmoid": excited(relu, hardSigmoid, hardSwish),
  "24 channels squeezed to 6, hardSwish and hardSigmoid": excited(relu, hardSigmoid, hardSwish),
  "32 channels squeezed to 16, silu and sigmoid": excited(silu, sigmoid, silu),
  "24 channels squeezed to 6, silu and sigmoid": excited(silu, sigmoid, silu),
  "ConvNeXt block, 16 channels": convnext,
  "ConvNeXt block, 24 channels": convnext,
  "branches concatenated, then a conv": (v) => {
    const branches = [relu(conv2d(v.x!, v.w!, undefined, SAME3)), relu(conv2d(v.x!, v.w2!))];
    return conv2d(concat(branches, 1), v.w3!);
  },
  "branches concatenated, pooled and not": (v) => {
    const y = concat([relu(conv2d(v.x!, v.w!, undefined, SAME3)), relu(conv2d(v.x!, v.w2!))], 1);
    return add(conv2d(maxPool(y, 3, { stride: 1, padding: 1 }), v.w3!), conv2d(y, v.w4!));
  },
  "flat image, conv, relu, two maxPools": (v) => {
    const y = maxPool(relu(conv2d(v.x!, v.w!, v.b)), 3, { stride: 1, padding: 1 });
    return maxPool(y, 2, { ceilMode: true });
  },
  "depthwise conv below 0, maxPool": (v) =>
    maxPool(conv2d(v.x!, v.w!, undefined, { groups: 16 }), 3, { stride: 1, padding: 1 }),
  "max and average pooling concatenated, norm": (v) => {
    const y = conv2d(v.x!, v.w!);
    const both = flatten(concat([globalMaxPool(y), globalAveragePool(y)], 1));
    return batchNorm1d(both, training(v.gamma!, v.beta!));
  },
  "conv less its channel means": (v) => {
    const y = conv2d(v.x!, v.w!);
    return sub(y, reduceMean(y, [0, 2, 3], true));
  },
  "folded conv, relu6": (v) => relu6(convBatchNormFolded(v.x!, v.w!, fixedStatistics(v), SAME3)),
};
