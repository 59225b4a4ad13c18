// Arithmetic, sums, shapes and matrix products as standard ONNX: one node each, mostly.

import type { Dim } from "../../onnx/graph.ts";
import { addOp, divOp, mulOp, subOp } from "../../ops/elementwise.ts";
import type { OpDefinition, Shape } from "../../ops/graph.ts";
import { logSoftmaxOp } from "../../ops/loss.ts";
import { gemmOp } from "../../ops/matmul.ts";
import { reduceSumOp } from "../../ops/reduce.ts";
import { concatOp, expandLikeOp, padOp, reshapeOp, sliceOp, transposeOp } from "../../ops/reshape.ts";
import { expOp, logOp, sqrtOp } from "../../ops/unary.ts";
import { type Lowering, rule } from "../context.ts";

/** An op that is one ONNX node with the same inputs. */
const same = (op: OpDefinition<Record<string, never>>, opType: string) =>
  rule(op, ({ inputs, outputs }, context) => {
    context.setPlain(
      outputs[0]!,
      context.g.op(
        opType,
        inputs.map((input) => context.plain(input)),
      ),
    );
  });

/** A Reshape target; one free dimension becomes -1. */
const target = (context: Lowering, shape: Shape) =>
  context.g.ints(...shape.map((dim: Dim) => (typeof dim === "number" ? dim : -1)));

export const basicRules = [
  same(addOp, "Add"),
  same(subOp, "Sub"),
  same(mulOp, "Mul"),
  same(divOp, "Div"),
  same(sqrtOp, "Sqrt"),
  same(expOp, "Exp"),
  same(logOp, "Log"),
  rule(logSoftmaxOp, ({ inputs: [x], outputs: [y] }, context) => {
    context.setPlain(y!, context.g.op("LogSoftmax", [context.plain(x!)], { axis: -1 }));
  }),
  rule(reduceSumOp, ({ inputs: [x], outputs: [y], attributes: { axes, keepDims } }, context) => {
    const { g } = context;
    const name =
      axes.length === 0
        ? context.plain(x!)
        : g.op("ReduceSum", [context.plain(x!), g.ints(...axes)], { keepdims: keepDims ? 1 : 0 });
    context.setPlain(y!, name);
  }),
  rule(reshapeOp, ({ inputs: [x], outputs: [y], attributes: { shape } }, context) => {
    context.setPlain(y!, context.g.op("Reshape", [context.plain(x!), target(context, shape)]));
  }),
  rule(transposeOp, ({ inputs: [x], outputs: [y], attributes: { permutation } }, context) => {
    context.setPlain(y!, context.g.op("Transpose", [context.plain(x!)], { perm: permutation }));
  }),
  rule(concatOp, ({ inputs, outputs: [y], attributes: { axis } }, context) => {
    context.setPlain(
      y!,
      context.g.op(
        "Concat",
        inputs.map((input) => context.plain(input)),
        { axis },
      ),
    );
  }),
  rule(sliceOp, ({ inputs: [x], outputs: [y], attributes: { axis, start, end } }, context) => {
    const { g } = context;
    context.setPlain(y!, g.op("Slice", [context.plain(x!), g.ints(start), g.ints(end), g.ints(axis)]));
  }),
  rule(padOp, ({ inputs: [x], outputs: [y], attributes: { axis, before, after } }, context) => {
    const { g } = context;
    // All pads instead of the input `axes`: on WebGPU ONNX Runtime 1.30 moves Transposes through Pad and loses the axes.
    const pads = [before, after].flatMap((pad) => x!.shape.map((_, index) => (index === axis ? pad : 0)));
    context.setPlain(y!, g.op("Pad", [context.plain(x!), g.ints(...pads)]));
  }),
  rule(expandLikeOp, ({ inputs: [x, like], outputs: [y] }, context) => {
    const { g } = context;
    const free = y!.shape.some((dim) => typeof dim === "string");
    const shape = free ? g.op("Shape", [context.plain(like!)]) : g.ints(...(y!.shape as number[]));
    context.setPlain(y!, g.op("Expand", [context.plain(x!), shape]));
  }),
  rule(gemmOp, ({ inputs: [a, b], outputs: [y], attributes: { transA, transB } }, context) => {
    const attributes = { transA: transA ? 1 : 0, transB: transB ? 1 : 0 };
    context.setPlain(y!, context.g.op("Gemm", [context.plain(a!), context.plain(b!)], attributes));
  }),
];
