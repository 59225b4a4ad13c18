// Products with weights where they lie, in their stored order.

import { filterDotOp, scaleFilterOp } from "../../ops/norm.ts";
import { fixedShape } from "../../ops/shape.ts";
import { rule } from "../context.ts";
import { filterShape } from "../layout.ts";

export const filterRules = [
  rule(scaleFilterOp, ({ inputs: [weight, factor], outputs: [y] }, context) => {
    const layout = context.filterLayout(weight!);
    if (layout === undefined) return false;
    const stored = filterShape(fixedShape(weight!, "scaleFilter"), layout);
    const row = stored.map((size, axis) => (axis === 0 || axis === stored.length - 1 ? size : 1));
    const name = context.g.op("Mul", [
      context.filter(weight!, layout),
      context.reshape(context.vector(factor!), ...row),
    ]);
    context.setFilter(y!, name, layout);
    return true;
  }),
  rule(filterDotOp, ({ inputs: [a, b], outputs: [y] }, context) => {
    const layout = context.filterLayout(b!);
    if (layout === undefined) return false;
    const { g } = context;
    const shape = fixedShape(b!, "filterDot");
    const stored = filterShape(shape, layout);
    const product = g.op("Mul", [context.filter(a!, layout), context.filter(b!, layout)]);
    const inner = stored.map((_, axis) => axis).slice(1, -1);
    const sums = context.reshape(
      g.op("ReduceSum", [product, g.ints(...inner)], { keepdims: 0 }),
      context.padded(shape[0]!),
    );
    context.setPlain(y!, context.cutVector(sums, shape[0]!));
    return true;
  }),
];
