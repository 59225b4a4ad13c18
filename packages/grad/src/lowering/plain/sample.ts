// Data preparation as standard ONNX.

import { ELEM_TYPE } from "../../onnx/graph.ts";
import { castOp, clampOp, gatherRowsOp, gridSampleOp } from "../../ops/sample.ts";
import { rule } from "../context.ts";

export const sampleRules = [
  rule(castOp, ({ inputs: [x], outputs: [y], attributes: { dtype } }, context) => {
    context.setPlain(y!, context.g.op("Cast", [context.plain(x!)], { to: ELEM_TYPE[dtype] }));
  }),
  rule(clampOp, ({ inputs: [x], outputs: [y], attributes: { min, max } }, context) => {
    const { g } = context;
    context.setPlain(y!, g.op("Clip", [context.plain(x!), g.scalar(min), g.scalar(max)]));
  }),
  rule(gatherRowsOp, ({ inputs: [x, index], outputs: [y] }, context) => {
    context.setPlain(y!, context.g.op("Gather", [context.plain(x!), context.plain(index!)], { axis: 0 }));
  }),
  rule(gridSampleOp, ({ inputs: [x, grid], outputs: [y] }, context) => {
    const attributes = { mode: "linear", padding_mode: "reflection", align_corners: 1 };
    context.setPlain(y!, context.g.op("GridSample", [context.plain(x!), context.plain(grid!)], attributes));
  }),
];
