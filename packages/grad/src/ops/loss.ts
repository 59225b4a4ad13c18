// Log-softmax and cross-entropy with soft targets, label smoothing and class weights; meanings as torch's nn.CrossEntropyLoss.

import { expectShape, GradError } from "../errors.ts";
import { float32 } from "../tensor.ts";
import { add, div, mul, neg, scale, sub } from "./elementwise.ts";
import { apply, type OpDefinition, type Value } from "./graph.ts";
import { reduceMean, reduceSum } from "./reduce.ts";
import { fixed, sameShape, showShape } from "./shape.ts";
import { exp } from "./unary.ts";

/** Over the last axis of [N, K]. */
export const logSoftmaxOp: OpDefinition<Record<string, never>> = {
  name: "logSoftmax",
  infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape }],
  gradient: ({ outputs: [y], grads: [dy] }) => [sub(dy!, mul(exp(y!), reduceSum(dy!, [-1], true)))],
};

export const logSoftmax = (x: Value) => apply(logSoftmaxOp, [x], {});

export interface CrossEntropyOptions {
  /** Share of the target that is spread evenly over all classes. */
  readonly labelSmoothing?: number;
  /** One weight per class. With class indices the mean is weighted by them; with soft targets it is over N, as torch's. */
  readonly classWeights?: readonly number[];
}

/**
 * Mean cross-entropy of logits [N, K] against soft targets: a float32 value [N, K] whose rows sum to 1. A scalar.
 */
export function softCrossEntropy(logits: Value, targets: Value, options: CrossEntropyOptions = {}): Value {
  expectShape(
    sameShape(logits.shape, targets.shape),
    "softCrossEntropy",
    () => `expected targets ${showShape(logits.shape)} but received ${showShape(targets.shape)}`,
  );
  return reduceMean(perSample(logits, targets, options), [0]);
}

/** Mean cross-entropy of logits [N, K] against one-hot targets [N, K] of class indices: differs from soft ones in what class weights divide by. */
export function crossEntropy(logits: Value, oneHot: Value, options: CrossEntropyOptions = {}): Value {
  if (options.classWeights === undefined) return softCrossEntropy(logits, oneHot, options);
  const weights = reduceSum(mul(oneHot, weightRow(logits, options.classWeights)), [1]);
  return div(reduceSum(perSample(logits, oneHot, options), [0]), reduceSum(weights, [0]));
}

function perSample(logits: Value, targets: Value, { labelSmoothing = 0, classWeights }: CrossEntropyOptions): Value {
  const classes = fixed(logits.shape[1], "crossEntropy", "the number of classes");
  if (labelSmoothing < 0 || labelSmoothing > 1) {
    throw new GradError(
      "BAD_ATTRIBUTE",
      `crossEntropy: expected labelSmoothing in [0, 1] but received ${labelSmoothing}`,
    );
  }
  const spread = logits.graph.constant(float32([labelSmoothing / classes], []));
  const smooth = labelSmoothing === 0 ? targets : add(scale(targets, 1 - labelSmoothing), spread);
  const weighted = classWeights === undefined ? smooth : mul(smooth, weightRow(logits, classWeights));
  return neg(reduceSum(mul(weighted, logSoftmax(logits)), [1]));
}

function weightRow(logits: Value, weights: readonly number[]): Value {
  const classes = logits.shape[1];
  expectShape(
    weights.length === classes,
    "crossEntropy",
    () => `expected ${classes} class weights but received ${weights.length}`,
  );
  return logits.graph.constant(float32(weights, [1, weights.length]));
}
