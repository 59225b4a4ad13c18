// Pooling and its gradients as standard ONNX.

import {
  averagePoolGradOp,
  averagePoolOp,
  globalAveragePoolOp,
  maxPoolGradOp,
  maxPoolOp,
  type PoolAttributes,
} from "../../ops/pool.ts";
import { nchw } from "../../ops/shape.ts";
import { float32 } from "../../tensor.ts";
import { rule } from "../context.ts";

const attributesOf = ({ kernel, stride, padding }: PoolAttributes) => ({
  kernel_shape: kernel,
  strides: stride,
  pads: padding,
});

export const poolRules = [
  rule(maxPoolOp, ({ inputs: [x], outputs: [y], attributes }, context) => {
    context.setPlain(y!, context.g.op("MaxPool", [context.plain(x!)], attributesOf(attributes)));
  }),
  rule(maxPoolGradOp, ({ inputs: [x, , dy], outputs: [dx], attributes }, context) => {
    const { g } = context;
    // Indices count through the whole tensor; where windows overlap, a position may win several times.
    const [, indices] = g.node("MaxPool", [context.plain(x!)], attributesOf(attributes), { outputs: 2 });
    const shape = g.op("Shape", [context.plain(x!)]);
    const size = g.op("ReduceProd", [shape], { keepdims: 1 });
    const flat = (name: string) => context.reshape(name, -1);
    const zeros = g.op("ConstantOfShape", [size]);
    const sums = g.op("ScatterElements", [zeros, flat(indices!), flat(context.plain(dy!))], { reduction: "add" });
    context.setPlain(dx!, g.op("Reshape", [sums, shape]));
  }),
  rule(averagePoolOp, ({ inputs: [x], outputs: [y], attributes }, context) => {
    context.setPlain(
      y!,
      context.g.op("AveragePool", [context.plain(x!)], { ...attributesOf(attributes), count_include_pad: 1 }),
    );
  }),
  rule(averagePoolGradOp, ({ inputs: [dy, x], outputs: [dx], attributes }, context) => {
    const { g } = context;
    const { c, h, w } = nchw(x!, "averagePoolGrad");
    const { kernel, stride, padding } = attributes;
    const area = kernel[0] * kernel[1];
    const share = g.constant(float32(new Float32Array(c * area).fill(1 / area), [c, 1, ...kernel]));
    const reached = [0, 1].map(
      (axis) =>
        stride[axis]! * ((dy!.shape[axis + 2] as number) - 1) + kernel[axis]! - padding[axis]! - padding[axis + 2]!,
    );
    const name = g.op("ConvTranspose", [context.plain(dy!), share], {
      ...attributesOf(attributes),
      group: c,
      output_padding: [h - reached[0]!, w - reached[1]!],
    });
    context.setPlain(dx!, name);
  }),
  rule(globalAveragePoolOp, ({ inputs: [x], outputs: [y] }, context) => {
    context.setPlain(y!, context.g.op("GlobalAveragePool", [context.plain(x!)]));
  }),
];
