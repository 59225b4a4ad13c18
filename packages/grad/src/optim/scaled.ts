// x · scale + offset + sum, the one thing that optimisers do over and over: as ordinary ops, or in one pass of the blocked kernels.

import { NCHWC_DOMAIN, type OnnxGraph } from "../onnx/graph.ts";
import { float32 } from "../tensor.ts";

/** `scale` and `offset` are scalars, `x` and `sum` tensors of one shape. */
export type Scaled = (
  x: string,
  scale: string,
  more: { readonly offset?: string | undefined; readonly sum?: string | undefined },
) => string;

export const scaledByOps =
  (g: OnnxGraph): Scaled =>
  (x, scale, { offset, sum }) =>
    [offset, sum].reduce<string>(
      (result, term) => (term === undefined ? result : g.op("Add", [result, term])),
      g.op("Mul", [x, scale]),
    );

/**
 * A depthwise 1x1 convolution of [1, block, rows, columns], whose memory is a vector's. `sum` is overwritten where nothing else reads it
 * later: where it cannot be, as the result is an output of the model, it is copied first, on one core.
 */
export const scaledByKernel =
  (g: OnnxGraph, block: number): Scaled =>
  (x, scale, { offset, sum }) => {
    const spread = (name: string, ...shape: number[]) => g.op("Expand", [name, g.ints(...shape)]);
    const bias = offset === undefined ? g.constant(float32(new Float32Array(block))) : spread(offset, block);
    return g.op(
      "Conv",
      [x, spread(scale, block, 1, 1, 1), bias, ...(sum === undefined ? [] : [sum])],
      { group: block, kernel_shape: [1, 1] },
      { domain: NCHWC_DOMAIN },
    );
  };
