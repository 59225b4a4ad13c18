// Decides in what order each parameter is stored between steps, before anything is lowered.

import { type ConvAttributes, conv2dOp } from "../ops/conv.ts";
import type { Graph, Value } from "../ops/graph.ts";
import { scaleFilterOp } from "../ops/norm.ts";
import { reshapeOp } from "../ops/reshape.ts";
import { sameShape } from "../ops/shape.ts";
import { filterLayoutOf } from "./blocked/conv.ts";
import type { Target } from "./context.ts";
import type { FilterLayout } from "./layout.ts";

/** The stored order of the weights that convolutions read, directly or scaled; all other parameters stay plain. */
export function planParameters(graph: Graph, target: Target): ReadonlyMap<Value, FilterLayout> {
  const plan = new Map<Value, FilterLayout>();
  if (target.kind === "plain") return plan;
  for (const node of graph.nodes) {
    if (node.op.name !== conv2dOp.name) continue;
    const weight = node.inputs[1] as Value;
    const layout = filterLayoutOf(weight, (node.attributes as ConvAttributes).groups, target.block);
    const root = storedAs(weight);
    if (layout !== undefined && root.source.kind === "parameter") plan.set(root, layout);
  }
  return plan;
}

/** What a weight is made of in its own order: scaled per filter, or a linear layer's [K, C] taken as [K, C, 1, 1]. */
function storedAs(weight: Value): Value {
  if (weight.source.kind !== "op") return weight;
  const { op, inputs } = weight.source.node;
  const [root] = inputs as [Value];
  const [k, c, ...taps] = weight.shape;
  const isMatrix = op.name === reshapeOp.name && sameShape(root.shape, [k!, c!]) && taps.every((size) => size === 1);
  return isMatrix || op.name === scaleFilterOp.name ? storedAs(root) : weight;
}
