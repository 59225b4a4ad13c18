// Squeeze-and-excitation in the blocked layout. A factor per picture and channel, [N, C, 1, 1], lies in memory as the filters of a depthwise 1x1
// convolution over N·C channels, and a map as its image: the product is one pass, and so is each of its gradients.

import { NCHWC_DOMAIN } from "../../onnx/graph.ts";
import { addOp } from "../../ops/elementwise.ts";
import { scaleChannelsOp, spatialDotOp } from "../../ops/excite.ts";
import type { Node, Value } from "../../ops/graph.ts";
import { expandLikeOp } from "../../ops/reshape.ts";
import { sameShape } from "../../ops/shape.ts";
import { type Lowering, rule } from "../context.ts";

const BLOCKED = { domain: NCHWC_DOMAIN };
type Sizes = [number, number, number, number];

export const exciteRules = [
  rule(scaleChannelsOp, (node, context) => {
    const {
      inputs: [x, s],
      outputs: [y],
    } = node;
    if (!context.isBlocked(x!)) return false;
    if (waitsForExpansion(y!, context)) context.defer(node as Node);
    else context.setBlocked(y!, scaled(context, x!, s!));
    return true;
  }),
  rule(spatialDotOp, ({ inputs: [a, b], outputs: [y] }, context) => {
    if (!(context.isBlocked(a!) || context.isBlocked(b!)) || typeof a!.shape[0] !== "number") return false;
    const dots = spatialDots(context, a!, context.blocked(a!), context.blocked(b!));
    context.setBlocked(y!, context.nominal(dots, y!));
    return true;
  }),
];

/**
 * The gradient of a squeeze-and-excited map is dy·s, through the product, plus what the average pooling spreads over the pixels; the
 * latter is lowered later, so the product waits for it: both are one affine pass.
 */
function waitsForExpansion(product: Value, context: Lowering): boolean {
  const sum = context.soleConsumer(product, addOp.name);
  const other = sum?.inputs.find((input) => input !== product);
  if (other?.source.kind !== "op" || other.source.node.op.name !== expandLikeOp.name) return false;
  const [n, c] = product.shape;
  const [spread] = other.source.node.inputs;
  return (
    typeof n === "number" &&
    other.id > product.id &&
    context.soleConsumer(other, addOp.name) === sum &&
    sameShape(other.shape, product.shape) &&
    sameShape(spread!.shape, [n, c!, 1, 1])
  );
}

/** The sum of a deferred product and a deferred expansion; undefined where there are none. */
export function excitedSum(inputs: readonly Value[], context: Lowering): string | undefined {
  const nodes = inputs.map((input) => context.deferred(input));
  const [x, s] = nodes.find((node) => node?.op.name === scaleChannelsOp.name)?.inputs ?? [];
  const [spread] = nodes.find((node) => node?.op.name === expandLikeOp.name)?.inputs ?? [];
  return x && s && spread && scaled(context, x, s, spread);
}

/** x·s, plus a number per picture and channel where there is one. */
function scaled(context: Lowering, x: Value, s: Value, shift?: Value): string {
  const { g, block } = context;
  const [n, c, h, w] = x.shape as Sizes;
  const channels = context.padded(c);
  if (typeof n !== "number") {
    // The number of groups must be known, so where N is free it is a product with broadcasting.
    const open = context.reshape(context.blocked(x), -1, channels / block, h * w, block);
    const factor = context.reshape(context.blocked(s), -1, channels / block, 1, block);
    return context.nominal(g.op("Mul", [open, factor]), x);
  }
  const rows = n * channels;
  const inputs = [
    context.reshape(context.blocked(x), 1, rows, 1, h * w),
    context.reshape(context.blocked(s), rows, 1, 1, 1),
    ...(shift === undefined ? [] : [context.reshape(context.blocked(shift), rows)]),
  ];
  return context.nominal(g.op("Conv", inputs, { group: rows, kernel_shape: [1, 1] }, BLOCKED), x);
}

/** Σ a·b over H and W per picture and padded channel, as [1, N·C, 1, 1]: b as kernels of the image's size, so that the product is never written. */
export function spatialDots(context: Lowering, like: Value, a: string, b: string): string {
  const [n, c, h, w] = like.shape as Sizes;
  const rows = n * context.padded(c);
  return context.g.op(
    "Conv",
    [context.reshape(a, 1, rows, h, w), context.reshape(b, rows, 1, h, w)],
    { group: rows, kernel_shape: [h, w] },
    BLOCKED,
  );
}
