// Shape rules that several ops share: broadcasting, fixed dimensions, normalised axes.

import { GradError } from "../errors.ts";
import type { Dim } from "../onnx/graph.ts";
import type { Shape, Value } from "./graph.ts";

export const showShape = (shape: Shape) => `[${shape.join(", ")}]`;

/** The dimension as a number; throws where it is free. */
export function fixed(dim: Dim | undefined, op: string, what: string): number {
  if (typeof dim !== "number")
    throw new GradError("SHAPE_MISMATCH", `${op}: expected a fixed size for ${what} but it is free (${dim})`);
  return dim;
}

export function fixedShape(value: Value, op: string): number[] {
  return value.shape.map((dim, axis) => fixed(dim, op, `axis ${axis}`));
}

/** [N, C, H, W] with everything but N fixed. */
export function nchw(value: Value, op: string): { n: Dim; c: number; h: number; w: number } {
  const [n, c, h, w] = value.shape;
  if (value.shape.length !== 4 || n === undefined) {
    throw new GradError(
      "SHAPE_MISMATCH",
      `${op}: expected a value [N, C, H, W] but received ${showShape(value.shape)}`,
    );
  }
  return { n, c: fixed(c, op, "C"), h: fixed(h, op, "H"), w: fixed(w, op, "W") };
}

/** NumPy's broadcasting rule. A free dimension goes with itself and with 1. */
export function broadcast(a: Shape, b: Shape, op: string): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new GradError(
        "SHAPE_MISMATCH",
        `${op}: expected shapes that broadcast but received ${showShape(a)} and ${showShape(b)}`,
      );
    }
    return x === 1 ? y : x;
  });
}

export const sameShape = (a: Shape, b: Shape) => a.length === b.length && a.every((dim, axis) => dim === b[axis]);

export function normalizeAxis(axis: number, rank: number, op: string): number {
  if (axis < -rank || axis >= rank)
    throw new GradError("BAD_ATTRIBUTE", `${op}: expected an axis in [${-rank}, ${rank - 1}] but received ${axis}`);
  return axis < 0 ? axis + rank : axis;
}
