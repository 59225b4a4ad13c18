// Decides in what order each parameter is stored between steps, before anything is lowered.

import { type ConvAttributes, conv2dOp } from "../ops/conv.ts";
import type { Graph, Value } from "../ops/graph.ts";
import { scaleFilterOp } from "../ops/norm.ts";
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
    const root =
      weight.source.kind === "op" && weight.source.node.op.name === scaleFilterOp.name
        ? weight.source.node.inputs[0]!
        : weight;
    if (layout !== undefined && root.source.kind === "parameter") plan.set(root, layout);
  }
  return plan;
}
