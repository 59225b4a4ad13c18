// Element-wise sums, products and reductions of blocked activations: the memory is the same whatever the layout is called.

import { NCHWC_DOMAIN } from "../../onnx/graph.ts";
import { addOp, mulOp } from "../../ops/elementwise.ts";
import type { OpDefinition } from "../../ops/graph.ts";
import { globalAveragePoolOp } from "../../ops/pool.ts";
import { reduceSumOp } from "../../ops/reduce.ts";
import { expandLikeOp } from "../../ops/reshape.ts";
import { sameShape } from "../../ops/shape.ts";
import { rule } from "../context.ts";

const sameInBlocks = (op: OpDefinition<Record<string, never>>, opType: string) =>
  rule(op, ({ inputs: [a, b], outputs: [y] }, context) => {
    if (!(context.isBlocked(a!) || context.isBlocked(b!)) || a!.shape.length !== 4 || !sameShape(a!.shape, b!.shape))
      return false;
    context.setBlocked(y!, context.g.op(opType, [context.blocked(a!), context.blocked(b!)]));
    return true;
  });

export const basicRules = [
  sameInBlocks(addOp, "Add"),
  sameInBlocks(mulOp, "Mul"),
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
  rule(expandLikeOp, ({ inputs: [x, like], outputs: [y] }, context) => {
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
