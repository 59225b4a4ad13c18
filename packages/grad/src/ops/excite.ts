// The product of squeeze-and-excitation (Hu et al. 2018): every channel of every picture times a number, and the sums that its gradient needs.

import { expectShape } from "../errors.ts";
import { apply, type OpDefinition, type Value } from "./graph.ts";
import { nchw, sameShape, showShape } from "./shape.ts";

type None = Record<string, never>;

/** (x [N, C, H, W], s [N, C, 1, 1]) to x · s: an op of its own, since its gradients have kernels that the general product's have not. */
export const scaleChannelsOp: OpDefinition<None> = {
  name: "scaleChannels",
  infer: ([x, s]) => {
    const { n, c } = nchw(x!, "scaleChannels");
    expectShape(
      sameShape(s!.shape, [n, c, 1, 1]),
      "scaleChannels",
      () => `expected factors ${showShape([n, c, 1, 1])} but received ${showShape(s!.shape)}`,
    );
    return [{ dtype: x!.dtype, shape: x!.shape }];
  },
  gradient: ({ inputs: [x, s], grads: [dy], needs }) => [
    needs[0] ? scaleChannels(dy!, s!) : undefined,
    needs[1] ? apply(spatialDotOp, [dy!, x!], {}) : undefined,
  ],
};

/** Two maps [N, C, H, W] to the sums of their product over H and W, [N, C, 1, 1]. */
export const spatialDotOp: OpDefinition<None> = {
  name: "spatialDot",
  infer: ([a]) => {
    const { n, c } = nchw(a!, "spatialDot");
    return [{ dtype: a!.dtype, shape: [n, c, 1, 1] }];
  },
};

export const scaleChannels = (x: Value, s: Value) => apply(scaleChannelsOp, [x, s], {});
