// Activations of blocked values. Only those with f(0) = 0: what pads the channels must stay zero.

import { float } from "../../onnx/graph.ts";
import { hardSwishOp, relu6GradOp, relu6Op, reluGradOp, reluOp } from "../../ops/activation.ts";
import { float32 } from "../../tensor.ts";
import { rule } from "../context.ts";
import { below, positive } from "../plain/activation.ts";
import { perChannel } from "./perChannel.ts";

export const activationRules = [
  rule(reluOp, ({ inputs: [x], outputs: [y] }, context) => {
    if (!context.isBlocked(x!)) return false;
    context.setBlocked(y!, context.g.op("Relu", [context.blocked(x!)]));
    return true;
  }),
  rule(relu6Op, ({ inputs: [x], outputs: [y] }, context) => {
    if (!context.isBlocked(x!)) return false;
    context.setBlocked(y!, context.g.op("Clip", [context.blocked(x!), context.g.scalar(0), context.g.scalar(6)]));
    return true;
  }),
  rule(hardSwishOp, ({ inputs: [x], outputs: [y] }, context) => {
    if (!context.isBlocked(x!)) return false;
    context.setBlocked(y!, context.g.op("HardSwish", [context.blocked(x!)]));
    return true;
  }),
  rule(reluGradOp, ({ inputs: [y, dy], outputs: [dx] }, context) => {
    if (!context.isBlocked(y!)) return false;
    context.setBlocked(dx!, context.g.op("Mul", [context.blocked(dy!), positive(context.g, context.blocked(y!))]));
    return true;
  }),
  rule(relu6GradOp, ({ inputs: [y, dy], outputs: [dx] }, context) => {
    if (!context.isBlocked(y!) || y!.shape.length !== 4) return false;
    const { g } = context;
    // 0 < y < 6 is |y - 3| < 3; the absolute value is a LeakyRelu of slope -1, which the kernel takes as its activation.
    const c = context.padded(y!.shape[1] as number);
    const one = g.constant(float32(new Float32Array(c).fill(1)));
    const minusThree = g.constant(float32(new Float32Array(c).fill(-3)));
    const distance = perChannel(context, y!, context.blocked(y!), one, minusThree, {
      activation: "LeakyRelu",
      activation_params: float([-1]),
    });
    context.setBlocked(dx!, g.op("Mul", [context.blocked(dy!), below(g, distance, 3)]));
    return true;
  }),
];
