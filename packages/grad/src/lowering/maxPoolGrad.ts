// The gradient of max pooling, without the indices that WebGPU's MaxPool cannot give: rows first, then columns. The first maximum of a
// window in row-major order is the first of the rows that reach it, and in that row the first of the columns.

import type { OnnxGraph } from "../onnx/graph.ts";
import { reluGradOp, reluOp } from "../ops/activation.ts";
import { addOp } from "../ops/elementwise.ts";
import type { Value } from "../ops/graph.ts";
import { maxPoolGradOp, maxPoolOp, type PoolAttributes } from "../ops/pool.ts";
import { concatOp, sliceOp } from "../ops/reshape.ts";
import { nchw } from "../ops/shape.ts";
import type { Lowering } from "./context.ts";

/** Pooling along one axis: window q covers the positions stride·q - before + tap, 0 <= tap < kernel. */
export interface Line {
  readonly axis: 2 | 3;
  readonly size: number;
  readonly windows: number;
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  /** Size of the other axis. */
  readonly across: number;
}

/** How far the windows reach behind the end; negative where they leave positions out. */
export const behind = ({ size, windows, kernel, stride, before }: Line) =>
  stride * (windows - 1) + kernel - before - size;

/** The columns of x, then the rows of the columns' maxima. */
export function linesOf(x: Value, y: Value, { kernel, stride, padding }: PoolAttributes): [columns: Line, rows: Line] {
  const from = nchw(x, "maxPoolGrad");
  const to = nchw(y, "maxPoolGrad");
  const line = (axis: 0 | 1) => ({ kernel: kernel[axis], stride: stride[axis], before: padding[axis] });
  return [
    { axis: 3, size: from.w, windows: to.w, across: from.h, ...line(1) },
    { axis: 2, size: from.h, windows: to.h, across: to.w, ...line(0) },
  ];
}

/** The pooling of the columns alone. */
export const columnsOnly = ({ kernel, stride, padding }: PoolAttributes): PoolAttributes => ({
  kernel: [1, kernel[1]],
  stride: [1, stride[1]],
  padding: [0, padding[1], 0, padding[3]],
});

/**
 * What each tap gets of d, the gradient of the windows' maxima: the first tap that holds the maximum takes all, so that nothing is
 * left for those behind it. `isMax` gives 1 where a tap, none of the ones before it being the maximum, is it; else 0.
 */
export function shareOut(g: OnnxGraph, { kernel }: Line, d: string, isMax: (tap: number) => string): string[] {
  const parts: string[] = [];
  let rest = d;
  for (let tap = 0; tap < kernel - 1; tap++) {
    const part = g.op("Mul", [rest, isMax(tap)]);
    parts.push(part);
    rest = g.op("Sub", [rest, part]);
  }
  return [...parts, rest];
}

/** Position stride·j + residue lies under `tap` of window j + shift. */
export interface Reach {
  readonly tap: number;
  readonly shift: number;
}

/** For each residue of a position modulo the stride, the taps that it lies under. */
export function reaches({ kernel, stride, before }: Line): Reach[][] {
  return Array.from({ length: stride }, (_, residue) => {
    const taps = Array.from({ length: kernel }, (_, tap) => ({ tap, shift: (residue + before - tap) / stride }));
    return taps.filter(({ shift }) => Number.isInteger(shift));
  });
}

/** A ReLU in front of the pooling that nothing else reads: its gradient, which is that of x where y is above 0, is one pass less over x. */
export function reluInFront(x: Value, dx: Value, context: Lowering): Value | undefined {
  const next = context.soleConsumer(dx, reluGradOp.name);
  if (next === undefined || next.inputs[0] !== x) return undefined;
  context.fuse(next);
  return next.outputs[0];
}

/** Whether it does not matter what x gets where it is 0: it is put together from what ReLUs let through, and they stop it. */
export const isRectified = (x: Value, dx: Value, context: Lowering) => comesFromReLU(x) && goesToReLU(dx, context);

function comesFromReLU({ source }: Value): boolean {
  if (source.kind !== "op") return false;
  const { op, inputs } = source.node;
  return op.name === reluOp.name || ([concatOp.name, maxPoolOp.name].includes(op.name) && inputs.every(comesFromReLU));
}

function goesToReLU(dx: Value, context: Lowering): boolean {
  const through = [addOp.name, sliceOp.name, maxPoolGradOp.name];
  const consumers = context.consumers(dx);
  return (
    consumers?.every(
      ({ op, outputs }) =>
        op.name === reluGradOp.name || (through.includes(op.name) && goesToReLU(outputs[0]!, context)),
    ) ?? false
  );
}
