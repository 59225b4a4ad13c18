// Convolution by the blocked kernels, with the activation behind it in the same pass.

import { type Attributes, float, NCHWC_DOMAIN } from "../../onnx/graph.ts";
import { type ConvAttributes, conv2dOp } from "../../ops/conv.ts";
import type { Node, Value } from "../../ops/graph.ts";
import { fixedShape } from "../../ops/shape.ts";
import { type FilterPart, type Lowering, rule } from "../context.ts";
import type { FilterLayout } from "../layout.ts";
import { padNarrow } from "./narrow.ts";

/** The order in which a convolution's weight is stored for the blocked kernels; undefined where they do not take it (grouped, not depthwise). */
export function filterLayoutOf(weight: Value, groups: number, block: number): FilterLayout | undefined {
  const [k, c] = fixedShape(weight, "conv2d") as [number, number];
  if (groups === 1) return { kind: c < block ? "stem" : "dense", block };
  return c === 1 && k === groups ? { kind: "depthwise", block } : undefined;
}

/** A stored weight, or each of the parts in which it is kept, in the shape [K, C/groups, kh, kw] that the kernel is told. */
function nominalFilters(context: Lowering, weight: Value, layout: FilterLayout): FilterPart[] {
  const [k, c, kh, kw] = fixedShape(weight, "conv2d") as [number, number, number, number];
  const whole = () => [{ name: context.filter(weight, layout), blocks: context.padded(k) / layout.block }];
  const channels = layout.kind === "dense" ? context.padded(c) : c;
  return (context.filterParts(weight) ?? whole()).map(({ name, blocks }) => ({
    name: context.reshape(name, blocks * layout.block, channels, kh, kw),
    blocks,
  }));
}

/** Attributes of a fused activation, by the op behind. */
export const FUSED: Readonly<Record<string, Attributes>> = {
  relu: { activation: "Relu" },
  relu6: { activation: "Clip", activation_params: float([0, 6]) },
};

/** Those that do not keep zeros, for values without padding. */
const GATES: Readonly<Record<string, Attributes>> = {
  sigmoid: { activation: "Sigmoid" },
  hardSigmoid: { activation: "HardSigmoid", activation_params: float([1 / 6, 0.5]) },
};

/** A tensor cut along an axis, or itself where that makes one piece. */
export function splitBy({ g }: Lowering, name: string, sizes: readonly number[], axis: number): string[] {
  return sizes.length === 1 ? [name] : g.node("Split", [name, g.ints(...sizes)], { axis }, { outputs: sizes.length });
}

export const convRules = [
  rule(conv2dOp, (node: Node<ConvAttributes>, context) => {
    const {
      inputs: [x, weight, bias],
      outputs: [y],
      attributes,
    } = node;
    const layout = filterLayoutOf(weight!, attributes.groups, context.block);
    if (layout === undefined) return false;
    const { stride, padding, dilation, groups } = attributes;
    const fused = context.fillsBlocks(y!) ? { ...FUSED, ...GATES } : FUSED;
    const next = context.soleConsumer(y!, ...Object.keys(fused));
    const whole = layout.kind === "stem" ? context.plain(x!) : context.blocked(x!);
    const { image, pads } =
      layout.kind === "dense" && x!.shape.every((dim) => typeof dim === "number")
        ? padNarrow(context, whole, x!.shape as [number, number, number, number], padding)
        : { image: whole, pads: padding };
    const filters = nominalFilters(context, weight!, layout);
    const sizes = filters.map(({ blocks }) => blocks * context.block);
    const biases = bias && splitBy(context, context.vector(bias), sizes, 0);
    const parts = filters.map(({ name }, part) =>
      context.g.op(
        "Conv",
        [image, name, ...(biases === undefined ? [] : [biases[part]!])],
        {
          strides: stride,
          pads,
          dilations: dilation,
          group: groups === 1 ? 1 : context.padded(groups),
          kernel_shape: fixedShape(weight!, "conv2d").slice(2),
          ...(next && fused[next.op.name]),
        },
        { domain: NCHWC_DOMAIN },
      ),
    );
    const name = parts.length === 1 ? parts[0]! : context.g.op("Concat", parts, { axis: 1 });
    if (next !== undefined) context.fuse(next);
    context.setBlocked(next === undefined ? y! : next.outputs[0]!, name);
    return true;
  }),
];
