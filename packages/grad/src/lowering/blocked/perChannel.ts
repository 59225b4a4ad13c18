// a[c]·x + b[c], a sum and an activation in one pass over blocked memory: a depthwise 1x1 convolution.

import { type Attributes, NCHWC_DOMAIN } from "../../onnx/graph.ts";
import type { Value } from "../../ops/graph.ts";
import type { Lowering } from "../context.ts";

/** `like` gives the shape; `x` and `sum` are names of blocked tensors, `a` and `b` of vectors over the padded channels. */
export function perChannel(
  context: Lowering,
  like: Value,
  x: string,
  a: string,
  b: string,
  activation: Attributes = {},
  sum?: string,
): string {
  const { g } = context;
  const [n, channels, h, w] = like.shape;
  const c = context.padded(channels as number);
  const batch = typeof n === "number" ? n : -1;
  // Rows joined to one: the kernel has a cost per row.
  const flat = (name: string) => context.reshape(name, batch, c, 1, (h as number) * (w as number));
  const name = g.op(
    "Conv",
    [flat(x), context.reshape(a, c, 1, 1, 1), b, ...(sum === undefined ? [] : [flat(sum)])],
    { group: c, kernel_shape: [1, 1], ...activation },
    { domain: NCHWC_DOMAIN },
  );
  return context.nominal(name, like);
}
