// Weights between plain order and the stored orders of layout.ts, as ONNX nodes.

import type { OnnxGraph } from "../onnx/graph.ts";
import { type FilterLayout, filterShape, filterSizes, roundUp } from "./layout.ts";

/** Plain [K, C, kh, kw] or [K, C] to the stored order. */
export function plainToFilter(g: OnnxGraph, name: string, plain: readonly number[], layout: FilterLayout): string {
  const [k, c, kh, kw] = filterSizes(plain);
  const { block } = layout;
  const kp = roundUp(k, block);
  const cp = layout.kind === "dense" ? roundUp(c, block) : c;
  const open = plain.length === 4 ? name : g.op("Reshape", [name, g.ints(k, c, kh, kw)]);
  const whole = kp === k && cp === c ? open : g.op("Pad", [open, g.ints(0, 0, 0, 0, kp - k, cp - c, 0, 0)]);
  const split =
    layout.kind === "dense" ? [kp / block, block, cp / block, block, kh, kw] : [kp / block, block, cp, kh, kw];
  const perm = layout.kind === "dense" ? [0, 2, 4, 5, 3, 1] : [0, 2, 3, 4, 1];
  const moved = g.op("Transpose", [g.op("Reshape", [whole, g.ints(...split)])], { perm });
  return layout.kind === "depthwise" ? g.op("Reshape", [moved, g.ints(...filterShape(plain, layout))]) : moved;
}

/** The stored order to plain [K, C, kh, kw] or [K, C]. */
export function filterToPlain(g: OnnxGraph, name: string, plain: readonly number[], layout: FilterLayout): string {
  const [k, c, kh, kw] = filterSizes(plain);
  const { block } = layout;
  const kp = roundUp(k, block);
  const cp = layout.kind === "dense" ? roundUp(c, block) : c;
  const source = layout.kind === "depthwise" ? g.op("Reshape", [name, g.ints(kp / block, 1, kh, kw, block)]) : name;
  const perm = layout.kind === "dense" ? [0, 5, 1, 4, 2, 3] : [0, 4, 1, 2, 3];
  const whole = g.op("Reshape", [g.op("Transpose", [source], { perm }), g.ints(kp, cp, kh, kw)]);
  const cut = kp === k && cp === c ? whole : g.op("Slice", [whole, g.ints(0, 0), g.ints(k, c), g.ints(0, 1)]);
  return plain.length === 4 ? cut : g.op("Reshape", [cut, g.ints(...plain)]);
}
