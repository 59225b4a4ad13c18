// LayerNorm (Ba, Kiros & Hinton 2016): over the last axis, or over the channels of a map as ConvNeXt has it.

import { expectShape } from "../errors.ts";
import type { OpDefinition, Value } from "./graph.ts";
import { fixed, nchw, showShape } from "./shape.ts";

export interface LayerNormAttributes {
  readonly eps: number;
  /** The axis that is normalised: 1 of [N, C, H, W], or the last. */
  readonly axis: number;
}

/** (x, gamma, beta) to (y, mean, 1 / sqrt(variance + eps)), the last two of x's shape with 1 for the normalised axis; variance biased. */
export const layerNormOp: OpDefinition<LayerNormAttributes> = {
  name: "layerNorm",
  infer: ([x, gamma, beta], { axis }) => {
    const size = fixed(x!.shape[axis], "layerNorm", "the normalised axis");
    for (const vector of [gamma!, beta!]) {
      expectShape(
        vector.shape.length === 1 && vector.shape[0] === size,
        "layerNorm",
        () => `expected gamma and beta [${size}] but received ${showShape(vector.shape)}`,
      );
    }
    const row = { dtype: x!.dtype, shape: x!.shape.map((dim, i) => (i === axis ? 1 : dim)) };
    return [{ dtype: x!.dtype, shape: x!.shape }, row, row];
  },
  gradient: ({ inputs: [x, gamma], outputs: [, mean, scale], grads: [dy], attributes }) =>
    x!.graph.apply(layerNormGradOp, [x!, dy!, gamma!, mean!, scale!], attributes),
};

/** (x, dy, gamma, mean, 1 / sqrt(variance + eps)) to (dx, dgamma, dbeta). */
export const layerNormGradOp: OpDefinition<LayerNormAttributes> = {
  name: "layerNormGrad",
  infer: ([x, , gamma]) => [x!, gamma!, gamma!].map(({ dtype, shape }) => ({ dtype, shape })),
};

export interface LayerNormParameters {
  readonly gamma: Value;
  readonly beta: Value;
}

interface LayerNormOptions {
  readonly eps?: number;
}

/** Normalises x [..., C] over its last axis. */
export const layerNorm = (x: Value, parameters: LayerNormParameters, { eps = 1e-5 }: LayerNormOptions = {}) =>
  normalized(x, parameters, { eps, axis: x.shape.length - 1 });

/** Normalises the channels of each pixel of x [N, C, H, W] (torchvision's LayerNorm2d). */
export function layerNorm2d(x: Value, parameters: LayerNormParameters, { eps = 1e-5 }: LayerNormOptions = {}): Value {
  nchw(x, "layerNorm2d");
  return normalized(x, parameters, { eps, axis: 1 });
}

const normalized = (x: Value, { gamma, beta }: LayerNormParameters, attributes: LayerNormAttributes) =>
  x.graph.apply(layerNormOp, [x, gamma, beta], attributes)[0] as Value;
