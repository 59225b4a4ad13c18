// a[c]·x + b[c], a sum and an activation in one pass over blocked memory: a depthwise 1x1 convolution.

import { type Attributes, NCHWC_DOMAIN } from "../../onnx/graph.ts";
import type { Value } from "../../ops/graph.ts";
import { float32 } from "../../tensor.ts";
import type { Lowering } from "../context.ts";

/** Elements of a value from which joining its rows pays. */
const JOIN_ROWS_FROM = 1 << 19;

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
  // Rows joined to one where there is much to do: the kernel has a cost per row, and a Reshape one per node.
  const joins = (typeof n === "number" ? n : 1) * c * (h as number) * (w as number) >= JOIN_ROWS_FROM;
  const flat = (name: string) => (joins ? context.reshape(name, batch, c, 1, (h as number) * (w as number)) : name);
  const name = g.op(
    "Conv",
    [flat(x), context.reshape(a, c, 1, 1, 1), b, ...(sum === undefined ? [] : [flat(sum)])],
    { group: c, kernel_shape: [1, 1], ...activation },
    { domain: NCHWC_DOMAIN },
  );
  return joins ? context.nominal(name, like) : name;
}

/** The same with one a and one b for all channels: arithmetic that ONNX Runtime would do in two or three passes. */
export function perElement(
  context: Lowering,
  like: Value,
  x: string,
  a: number,
  b: number,
  activation: Attributes = {},
  sum?: string,
): string {
  const channels = context.padded(like.shape[1] as number);
  const vector = (value: number) => context.g.constant(float32(new Float32Array(channels).fill(value)));
  return perChannel(context, like, x, vector(a), vector(b), activation, sum);
}
