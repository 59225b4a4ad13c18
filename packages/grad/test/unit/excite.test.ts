// What squeeze-and-excitation costs in the blocked layout: no way out of it and back, and no pass for what its pooling's gradient spreads.

import { expect, test } from "vitest";
import { gradients } from "../../src/autodiff.ts";
import { lower } from "../../src/lowering/lower.ts";
import { OnnxGraph } from "../../src/onnx/graph.ts";
import { readModel } from "../../src/onnx/read.ts";
import { hardSigmoid, hardSwish, relu } from "../../src/ops/activation.ts";
import { conv2d } from "../../src/ops/conv.ts";
import { scaleChannels } from "../../src/ops/excite.ts";
import { Graph } from "../../src/ops/graph.ts";
import { globalAveragePool } from "../../src/ops/pool.ts";
import { reduceSum } from "../../src/ops/reduce.ts";

/** Nodes of one type in the gradient of an excited map's sum with respect to the picture. */
function nodesOf(block: number): Map<string, number> {
  const graph = new Graph();
  const input = (name: string, ...shape: number[]) => graph.input(name, "float32", shape);
  const x = input("x", 4, 16, 6, 5);
  const y = hardSwish(conv2d(x, input("w", 32, 16, 1, 1)));
  const squeezed = relu(conv2d(globalAveragePool(y), input("down", 16, 32, 1, 1), input("down bias", 16)));
  const s = hardSigmoid(conv2d(squeezed, input("up", 32, 16, 1, 1), input("up bias", 32)));
  const loss = reduceSum(conv2d(scaleChannels(y, s), input("out", 16, 32, 1, 1)), [0, 1, 2, 3]);
  const [dx] = gradients(loss, [x]) as [typeof x];
  const onnx = new OnnxGraph();
  const context = lower(graph, [dx], { kind: "blocked", block }, onnx, (lowering) => {
    for (const { value, name } of graph.namedInputs())
      lowering.setPlain(value, onnx.input(name, value.dtype, value.shape));
  });
  onnx.output(context.plain(dx), "float32", dx.shape, "dx");
  const counts = new Map<string, number>();
  for (const { opType } of readModel(onnx.toModel()).nodes()) counts.set(opType, (counts.get(opType) ?? 0) + 1);
  return counts;
}

test.each([8, 16])(
  "blocks of %i: in with the picture and with the loss's gradient, and nothing comes back in between",
  (block) => {
    const counts = nodesOf(block);
    expect(counts.get("ReorderInput")).toBe(2);
    // The loss's, not the pooling's.
    expect(counts.get("Expand")).toBe(1);
  },
);
