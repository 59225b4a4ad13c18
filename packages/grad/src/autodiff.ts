// Reverse-mode differentiation: walks the graph backwards and lets every op's gradient rule add its nodes.

import { GradError } from "./errors.ts";
import { add, scalarLike } from "./ops/elementwise.ts";
import type { Node, Value } from "./ops/graph.ts";
import { showShape } from "./ops/shape.ts";

/**
 * Gradients of a scalar with respect to values, as new values of the same graph. Only what lies between them is
 * differentiated: the walk stops below the lowest wanted value. Throws MISSING_GRADIENT where an op in between has no rule,
 * or where the scalar does not depend on a wanted value.
 */
export function gradients(loss: Value, wanted: readonly Value[]): Value[] {
  const graph = loss.graph;
  if (loss.shape.length !== 0)
    throw new GradError("SHAPE_MISMATCH", `gradients: expected a scalar loss but received ${showShape(loss.shape)}`);

  const reached = new Set<Value>(wanted);
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => reached.has(input))) continue;
    nodes.push(node);
    for (const output of node.outputs) reached.add(output);
  }

  const sums = new Map<Value, Value>([[loss, scalarLike(loss, 1)]]);
  for (const node of nodes.reverse()) {
    const grads = node.outputs.map((output) => sums.get(output));
    if (grads.every((grad) => grad === undefined)) continue;
    const { op, inputs, outputs, attributes } = node;
    if (op.gradient === undefined) {
      throw new GradError(
        "MISSING_GRADIENT",
        `${op.name} has no gradient rule, but a parameter's gradient passes through it`,
      );
    }
    const needs = inputs.map((input) => reached.has(input));
    const rules = op.gradient({ inputs, outputs, grads, needs, attributes });
    for (const [index, input] of inputs.entries()) {
      const part = needs[index] ? rules[index] : undefined;
      if (part === undefined) continue;
      const known = sums.get(input);
      sums.set(input, known === undefined ? part : add(known, part));
    }
  }

  return wanted.map((value) => {
    const sum = sums.get(value);
    if (sum === undefined) {
      const name = value.source.kind === "parameter" ? `parameter \`${value.source.name}\`` : `value ${value.id}`;
      throw new GradError("MISSING_GRADIENT", `the loss does not depend on ${name}`);
    }
    return sum;
  });
}
