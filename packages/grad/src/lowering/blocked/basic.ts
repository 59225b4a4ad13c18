// Element-wise sums, products and reductions of blocked activations: the memory is the same whatever the layout is called.

import { type Dim, NCHWC_DOMAIN } from "../../onnx/graph.ts";
import { addOp, mulOp } from "../../ops/elementwise.ts";
import type { Node, Value } from "../../ops/graph.ts";
import { globalAveragePoolOp } from "../../ops/pool.ts";
import { reduceSumOp } from "../../ops/reduce.ts";
import { expandLikeOp, reshapeOp } from "../../ops/reshape.ts";
import { sameShape } from "../../ops/shape.ts";
import { type Lowering, rule } from "../context.ts";
import { excitedSum } from "./excite.ts";

const inBlocks = (a: Value, b: Value, context: Lowering) =>
  (context.isBlocked(a) || context.isBlocked(b)) && a.shape.length === 4 && sameShape(a.shape, b.shape);

/** A blocked map times a scalar, or times a number for each picture, [N, 1, 1, 1]. */
function scaledMap(x: Value, factor: Value, context: Lowering): string | undefined {
  const { g } = context;
  if (!context.isBlocked(x) || x.shape.length !== 4) return undefined;
  if (factor.shape.length === 0) return g.op("Mul", [context.blocked(x), context.plain(factor)]);
  const [n, c, h, w] = x.shape as [Dim, number, number, number];
  if (!sameShape(factor.shape, [n, 1, 1, 1])) return undefined;
  const rows = context.reshape(context.blocked(x), -1, context.padded(c) * h * w);
  return context.nominal(g.op("Mul", [rows, context.reshape(context.plain(factor), -1, 1)]), x);
}

export const basicRules = [
  rule(addOp, ({ inputs, outputs: [y] }, context) => {
    const [a, b] = inputs;
    const excited = excitedSum(inputs, context);
    if (excited === undefined && !inBlocks(a!, b!, context)) return false;
    context.setBlocked(y!, excited ?? context.g.op("Add", [context.blocked(a!), context.blocked(b!)]));
    return true;
  }),
  rule(mulOp, ({ inputs: [a, b], outputs: [y] }, context) => {
    const name = inBlocks(a!, b!, context)
      ? context.g.op("Mul", [context.blocked(a!), context.blocked(b!)])
      : (scaledMap(a!, b!, context) ?? scaledMap(b!, a!, context));
    if (name === undefined) return false;
    context.setBlocked(y!, name);
    return true;
  }),
  rule(reshapeOp, ({ inputs: [x], outputs: [y] }, context) => {
    const layout = context.filterLayout(x!);
    // A linear layer's weight [K, C] as that of a 1x1 convolution, and its gradient back.
    if (layout === undefined || !sameShape([...x!.shape, 1, 1].slice(0, 4), [...y!.shape, 1, 1].slice(0, 4)))
      return false;
    context.setFilter(y!, context.filter(x!, layout), layout);
    return true;
  }),
  rule(globalAveragePoolOp, ({ inputs: [x], outputs: [y] }, context) => {
    if (!context.isBlocked(x!)) return false;
    const name = context.g.op("GlobalAveragePool", [context.blocked(x!)], {}, { domain: NCHWC_DOMAIN });
    context.setBlocked(y!, name);
    return true;
  }),
  rule(reduceSumOp, ({ inputs: [x], outputs: [y], attributes: { axes, keepDims } }, context) => {
    if (!context.isBlocked(x!) || axes.join() !== "0,2,3" || keepDims) return false;
    const { g } = context;
    const [, c, h, w] = x!.shape as [unknown, number, number, number];
    const means = g.op("GlobalAveragePool", [context.blocked(x!)], {}, { domain: NCHWC_DOMAIN });
    const sums = g.op("ReduceSum", [context.reshape(means, -1, context.padded(c)), g.ints(0)], { keepdims: 0 });
    context.setPlain(y!, context.cutVector(g.op("Mul", [sums, g.scalar(h * w)]), c));
    return true;
  }),
  rule(expandLikeOp, (node, context) => {
    const {
      inputs: [x, like],
      outputs: [y],
    } = node;
    if (context.soleConsumer(y!, addOp.name)?.inputs.some((input) => context.deferred(input))) {
      context.defer(node as Node);
      return true;
    }
    const [, c, h, w] = like!.shape as [unknown, number, number, number];
    if (
      !context.isBlocked(like!) ||
      x!.shape.length !== 4 ||
      x!.shape[0] !== like!.shape[0] ||
      x!.shape[1] !== c ||
      x!.shape[2] !== 1 ||
      x!.shape[3] !== 1
    )
      return false;
    const { g, block } = context;
    const blocks = context.padded(c) / block;
    const open = context.reshape(context.blocked(x!), -1, blocks, 1, 1, block);
    const whole = g.op("Expand", [open, g.ints(1, blocks, h, w, block)]);
    context.setBlocked(y!, context.nominal(whole, y!));
    return true;
  }),
];
