// Concatenation and slices of blocked channels: whole blocks, as they lie.

import { concatOp, sliceOp } from "../../ops/reshape.ts";
import { rule } from "../context.ts";

export const channelRules = [
  rule(concatOp, ({ inputs, outputs: [y], attributes: { axis } }, context) => {
    // What pads a part's channels may only come last.
    const fits = inputs.slice(0, -1).every((input) => context.fillsBlocks(input));
    if (axis !== 1 || y!.shape.length !== 4 || !fits || !inputs.some((input) => context.isBlocked(input))) return false;
    const parts = inputs.map((input) => context.blocked(input));
    context.setBlocked(y!, context.g.op("Concat", parts, { axis }));
    return true;
  }),
  rule(sliceOp, ({ inputs: [x], outputs: [y], attributes: { axis, start, end } }, context) => {
    if (axis !== 1 || x!.shape.length !== 4 || !context.isBlocked(x!)) return false;
    // A slice that ends inside a block would take the other channels along where zeros belong.
    const wholeBlocks = start % context.block === 0 && (end === x!.shape[1] || context.fillsBlocks(y!));
    if (!wholeBlocks) return false;
    const { g } = context;
    const to = start + context.padded(end - start);
    context.setBlocked(y!, g.op("Slice", [context.blocked(x!), g.ints(start), g.ints(to), g.ints(axis)]));
    return true;
  }),
];
