// Lowers nodes of a graph into an ONNX graph for a target.

import type { OnnxGraph } from "../onnx/graph.ts";
import type { Graph, Value } from "../ops/graph.ts";
import { BLOCKED_RULES } from "./blocked/index.ts";
import { Lowering, type RuleTable, type Target } from "./context.ts";
import { PLAIN_RULES } from "./plain/index.ts";

/**
 * Emits every node that `wanted` depends on. Inputs, parameters and buffers must have been bound in `bind` (setPlain or
 * setFilter); constants are bound where they are read.
 */
export function lower(
  graph: Graph,
  wanted: readonly Value[],
  target: Target,
  onnx: OnnxGraph,
  bind: (context: Lowering) => void,
): Lowering {
  const needed = new Set<Value>(wanted);
  const nodes = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    nodes.push(node);
    for (const input of node.inputs) needed.add(input);
  }
  nodes.reverse();
  const context = new Lowering(nodes, target, onnx, new Set(wanted));
  bind(context);
  const tables: RuleTable[] = target.kind === "blocked" ? [BLOCKED_RULES, PLAIN_RULES] : [PLAIN_RULES];
  context.run(nodes, tables);
  return context;
}
