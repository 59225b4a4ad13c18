// The data gradient of a dense convolution with a stride, by the blocked kernels, without multiplying zeros.

import { NCHWC_DOMAIN } from "../../onnx/graph.ts";
import type { ConvAttributes } from "../../ops/conv.ts";
import type { Node } from "../../ops/graph.ts";
import { fixedShape } from "../../ops/shape.ts";
import type { Lowering } from "../context.ts";
import { type FilterLayout, filterShape } from "../layout.ts";

type Sizes = [number, number, number, number];

/** The remainders of positions modulo the stride that read the same steps of dy: their tap at each step, counted from `first`. */
interface Side {
  readonly first: number;
  readonly remainders: readonly { readonly remainder: number; readonly taps: readonly number[] }[];
}

/** Padding in front of dy and behind it, so that a side's result has `count` steps, and where position 0 lies in it. */
function extent({ first, remainders }: Side, steps: number, count: number) {
  const before = Math.max(0, -first);
  return { before, after: count - steps - before + remainders[0]!.taps.length - 1, offset: before + first };
}

/** Steps that the results of all sides have: what positions there are, and whatever dy's steps lead to. */
function countOf(sides: readonly Side[], steps: number, positions: number): number {
  const each = sides.map((side) => Math.max(positions + extent(side, steps, 0).offset, -extent(side, steps, 0).after));
  return Math.max(...each);
}

/** Position p = s·u + a of dx gets dy[u + (a + padding - i) / s] by those taps i for which that is a whole number. */
function sidesOf(kernel: number, stride: number, padding: number): Side[] {
  const sides = new Map<string, { first: number; remainders: { remainder: number; taps: number[] }[] }>();
  for (let remainder = 0; remainder < stride; remainder++) {
    const taps = Array.from({ length: kernel }, (_, i) => kernel - 1 - i).filter(
      (tap) => (remainder + padding - tap) % stride === 0,
    );
    if (taps.length === 0) continue;
    const first = (remainder + padding - taps[0]!) / stride;
    const key = `${first} ${taps.length}`;
    const side = sides.get(key) ?? { first, remainders: [] };
    side.remainders.push({ remainder, taps });
    sides.set(key, side);
  }
  return [...sides.values()];
}

/**
 * A convolution over dy for all remainders that read the same of it, as groups of output channels, [N, groups·C, U, V]; the rows of all
 * are then put where they belong. Zeros between the rows and columns of dy would cost sh·sw times the work. What no tap reaches (a 1x1
 * kernel's) is zero.
 */
export function stridedInputGrad(
  { inputs: [dy, weight, x], attributes: { stride, padding } }: Node<ConvAttributes>,
  rows: (count: number) => string,
  layout: FilterLayout,
  context: Lowering,
): string {
  const { g, block } = context;
  const [n, c, h, w] = fixedShape(x!, "conv2dInputGrad") as Sizes;
  const [, , oh, ow] = fixedShape(dy!, "conv2dInputGrad") as Sizes;
  const [kb, cb, kh, kw] = filterShape(fixedShape(weight!, "conv2dInputGrad"), layout) as Sizes;
  const sides = [sidesOf(kh, stride[0], padding[0]), sidesOf(kw, stride[1], padding[1])] as const;
  const u = countOf(sides[0], oh, Math.ceil(h / stride[0]));
  const v = countOf(sides[1], ow, Math.ceil(w / stride[1]));
  const swapped = rows(kb * cb * kh * kw);

  /** By remainders, row's · stride + column's: their group of channels, and where position 0 lies in its picture. */
  const placeOf = new Map<number, { group: number; top: number; left: number }>();
  const parts: string[] = [];
  for (const vertical of sides[0])
    for (const horizontal of sides[1]) {
      const kernel = [vertical, horizontal].map((side) => side.remainders[0]!.taps.length) as [number, number];
      const groups = vertical.remainders.flatMap((row) =>
        horizontal.remainders.map((column) => ({
          row,
          column,
          remainder: row.remainder * stride[1] + column.remainder,
        })),
      );
      const [rowSpan, columnSpan] = [extent(vertical, oh, u), extent(horizontal, ow, v)];
      for (const { remainder } of groups)
        placeOf.set(remainder, { group: placeOf.size, top: rowSpan.offset, left: columnSpan.offset });
      const key = `strided filter ${[kb, cb, kh, kw, ...stride, padding[0], padding[1], vertical.first, horizontal.first]}`;
      const filter = context.gatherRows(swapped, `${key} ${kernel}`, () => {
        const index: number[] = [];
        for (const { row, column } of groups)
          for (let ci = 0; ci < cb; ci++)
            for (let ki = 0; ki < kb; ki++)
              for (const i of row.taps) for (const j of column.taps) index.push(((ki * cb + ci) * kh + i) * kw + j);
        return Int32Array.from(index);
      });
      const pads = [rowSpan.before, columnSpan.before, rowSpan.after, columnSpan.after];
      const shape = [groups.length * cb * block, kb * block, ...kernel];
      const attributes = { pads, kernel_shape: kernel, group: 1 };
      const image = context.blocked(dy!);
      parts.push(g.op("Conv", [image, context.reshape(filter, ...shape)], attributes, { domain: NCHWC_DOMAIN }));
    }
  const result = parts.length === 1 ? parts[0]! : g.op("Concat", parts, { axis: 1 });
  const made = context.reshape(result, n * placeOf.size * cb * u * v, block);
  const isWhole = placeOf.size === stride[0] * stride[1];
  const open = isWhole ? made : g.op("Pad", [made, g.ints(0, 0, 1, 0)]);
  const placed = context.gatherRows(
    open,
    `strided ${[n, cb, h, w, u, v, ...stride]} ${JSON.stringify([...placeOf])}`,
    () => {
      const index = new Int32Array(n * cb * h * w);
      let at = 0;
      for (let sample = 0; sample < n; sample++)
        for (let ci = 0; ci < cb; ci++)
          for (let y = 0; y < h; y++)
            for (let z = 0; z < w; z++) {
              const place = placeOf.get((y % stride[0]) * stride[1] + (z % stride[1]));
              if (place === undefined) index[at++] = n * placeOf.size * cb * u * v;
              else {
                const row = Math.floor(y / stride[0]) + place.top;
                const plane = (sample * placeOf.size + place.group) * cb + ci;
                index[at++] = (plane * u + row) * v + Math.floor(z / stride[1]) + place.left;
              }
            }
      return index;
    },
  );
  return context.reshape(placed, n, context.padded(c), h, w);
}
