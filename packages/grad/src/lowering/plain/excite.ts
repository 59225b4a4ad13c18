// Squeeze-and-excitation's product as standard ONNX.

import { scaleChannelsOp, spatialDotOp } from "../../ops/excite.ts";
import { rule } from "../context.ts";

export const exciteRules = [
  rule(scaleChannelsOp, ({ inputs: [x, s], outputs: [y] }, context) => {
    context.setPlain(y!, context.g.op("Mul", [context.plain(x!), context.plain(s!)]));
  }),
  rule(spatialDotOp, ({ inputs: [a, b], outputs: [y] }, context) => {
    const { g } = context;
    const product = g.op("Mul", [context.plain(a!), context.plain(b!)]);
    context.setPlain(y!, g.op("ReduceSum", [product, g.ints(2, 3)], { keepdims: 1 }));
  }),
];
