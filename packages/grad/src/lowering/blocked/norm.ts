// BatchNorm in training mode over blocked memory: two reductions and one pass forward, two reductions and two passes back.

import { NCHWC_DOMAIN, type OnnxGraph } from "../../onnx/graph.ts";
import type { Value } from "../../ops/graph.ts";
import { batchNormGradOp, batchNormOp } from "../../ops/norm.ts";
import { fixedShape, sameShape } from "../../ops/shape.ts";
import { float32 } from "../../tensor.ts";
import { type Lowering, rule } from "../context.ts";
import { batchNormGradient } from "../plain/norm.ts";
import { FUSED } from "./conv.ts";
import { spatialDots } from "./excite.ts";
import { perChannel } from "./perChannel.ts";

const BLOCKED = { domain: NCHWC_DOMAIN };
type Sizes = [number, number, number, number];

/** Mean over N, H, W per padded channel. */
function channelMeans(context: Lowering, name: string): string {
  const { g } = context;
  return g.op("ReduceMean", [g.op("GlobalAveragePool", [name], {}, BLOCKED), g.ints(0, 2, 3)], { keepdims: 0 });
}

/** Sum of a·b over N, H, W per padded channel. */
function channelDots(context: Lowering, value: Value, a: string, b: string): string {
  const { g } = context;
  const [n, channels] = fixedShape(value, "batchNorm") as Sizes;
  const dots = context.reshape(spatialDots(context, value, a, b), n, context.padded(channels));
  return g.op("ReduceSum", [dots, g.ints(0)], { keepdims: 0 });
}

const times = (g: OnnxGraph, a: string, b: string) => g.op("Mul", [a, b]);

export const normRules = [
  rule(batchNormOp, ({ inputs: [x, gamma, beta], outputs: [y, mean, variance], attributes: { eps } }, context) => {
    if (!context.isBlocked(x!)) return false;
    const { g } = context;
    const [n, c, h, w] = fixedShape(x!, "batchNorm") as Sizes;
    const share = g.scalar(1 / (n * h * w));
    const image = context.blocked(x!);
    const m = channelMeans(context, image);
    const squares = times(g, channelDots(context, x!, image, image), share);
    // E[x²] - E[x]² can come out a little below zero for a channel that hardly varies.
    const v = g.op("Relu", [g.op("Sub", [squares, times(g, m, m)])]);
    context.setPlain(mean!, context.cutVector(m, c));
    context.setPlain(variance!, context.cutVector(v, c));

    const a = g.op("Div", [context.vector(gamma!), g.op("Sqrt", [g.op("Add", [v, g.scalar(eps)])])]);
    const b = g.op("Sub", [context.vector(beta!), times(g, m, a)]);
    // What follows in the same pass: a residual sum whose other side is there already, then an activation.
    const sum = context.soleConsumer(y!, "add");
    const other = sum?.inputs.find((input) => input !== y);
    const joins =
      sum !== undefined && other !== undefined && context.isBlocked(other) && sameShape(other.shape, y!.shape);
    let result = y!;
    if (joins) {
      context.fuse(sum);
      result = sum.outputs[0]!;
    }
    const next = context.soleConsumer(result, "relu", "relu6");
    if (next !== undefined) {
      context.fuse(next);
      result = next.outputs[0]!;
    }
    const activation = next === undefined ? {} : (FUSED[next.op.name] ?? {});
    context.setBlocked(
      result,
      perChannel(context, x!, image, a, b, activation, joins ? context.blocked(other) : undefined),
    );
    return true;
  }),
  rule(
    batchNormGradOp,
    ({ inputs: [x, dy, gamma, mean, variance], outputs: [dx, dgamma, dbeta], attributes: { eps } }, context) => {
      if (!context.isBlocked(x!)) return false;
      const { g } = context;
      const [n, c, h, w] = fixedShape(x!, "batchNormGrad") as Sizes;
      const image = context.blocked(x!);
      const grad = context.blocked(dy!);
      const sum = times(g, channelMeans(context, grad), g.scalar(n * h * w));
      const gradient = batchNormGradient(g, {
        sum,
        dot: channelDots(context, x!, image, grad),
        gamma: context.vector(gamma!),
        mean: context.vector(mean!),
        variance: context.vector(variance!),
        eps,
        count: n * h * w,
      });
      context.setPlain(dgamma!, context.cutVector(gradient.dgamma, c));
      context.setPlain(dbeta!, context.cutVector(sum, c));
      const shifted = perChannel(context, x!, image, gradient.c1, gradient.c0);
      const none = g.constant(float32(new Float32Array(context.padded(c))));
      context.setBlocked(dx!, perChannel(context, x!, grad, gradient.a, none, {}, shifted));
      return true;
    },
  ),
];
