// The gradient of a convolution with respect to its image, by the blocked kernels.

import { NCHWC_DOMAIN } from "../../onnx/graph.ts";
import { conv2dInputGradOp } from "../../ops/conv.ts";
import type { Value } from "../../ops/graph.ts";
import { fixedShape } from "../../ops/shape.ts";
import { type Lowering, rule } from "../context.ts";
import { inputGradPadding } from "../geometry.ts";
import { filterShape } from "../layout.ts";
import { filterLayoutOf, splitBy } from "./conv.ts";
import { padNarrow } from "./narrow.ts";
import { stridedInputGrad } from "./stridedGrad.ts";

const BLOCKED = { domain: NCHWC_DOMAIN };
type Sizes = [number, number, number, number];

export const inputGradRules = [
  rule(conv2dInputGradOp, (node, context) => {
    const {
      inputs: [dy, weight],
      outputs: [dx],
      attributes,
    } = node;
    const layout = filterLayoutOf(weight!, attributes.groups, context.block);
    if (layout === undefined || layout.kind === "stem") return false;
    const { g, block } = context;
    const [, , kh, kw] = fixedShape(weight!, "conv2dInputGrad") as Sizes;
    const isStrided = attributes.stride.some((size) => size > 1);
    if (layout.kind === "dense" && isStrided && attributes.dilation.every((size) => size === 1)) {
      const rows = (count: number) => swappedBlocks(context, context.filter(weight!, layout), count);
      context.setBlocked(dx!, stridedInputGrad(node, rows, layout, context));
      return true;
    }
    const inserted = zeroInserted(context, dy!, attributes.stride, inputGradPadding(node));
    const attributesOf = (pads: readonly number[], group: number) => ({
      pads,
      dilations: attributes.dilation,
      group,
      kernel_shape: [kh, kw],
    });
    if (layout.kind === "depthwise") {
      const channels = context.padded(attributes.groups);
      const stored = context.reshape(context.filter(weight!, layout), channels / block, kh * kw, block);
      const filter = context.reshape(reversed(context, stored, 1, kh * kw), channels, 1, kh, kw);
      context.setBlocked(dx!, g.op("Conv", [inserted.image, filter], attributesOf(inserted.pads, channels), BLOCKED));
      return true;
    }
    const { image, pads } =
      !isStrided && inserted.isWhole
        ? padNarrow(context, inserted.image, fixedShape(dy!, "conv2dInputGrad") as Sizes, inserted.pads)
        : inserted;
    const shape = filterShape(fixedShape(weight!, "conv2dInputGrad"), layout);
    // A filter in parts: each adds what its output channels say to what those before it have said.
    const parts = context.filterParts(weight!) ?? [{ name: context.filter(weight!, layout), blocks: shape[0]! }];
    const images = splitBy(
      context,
      image,
      parts.map(({ blocks }) => blocks * block),
      1,
    );
    let name = "";
    for (const [index, part] of parts.entries()) {
      const inputs = [images[index]!, mirrored(context, part.name, [part.blocks, ...shape.slice(1)])];
      if (index > 0) inputs.push("", name);
      name = g.op("Conv", inputs, attributesOf(pads, 1), BLOCKED);
    }
    context.setBlocked(dx!, name);
    return true;
  }),
];

/**
 * A dense filter's [K/B, C/B, kh, kw, Bc, Bk] blocks with input and output channels swapped, as rows of B·B numbers. Seen as pictures
 * of B columns and B channels they are what ReorderOutput transposes; Transpose needs ten times as long.
 */
function swappedBlocks(context: Lowering, stored: string, count: number): string {
  const { block } = context;
  const blocks = context.reshape(stored, count, block, 1, block);
  const swapped = context.g.op("ReorderOutput", [blocks], { channels: block }, BLOCKED);
  return context.reshape(swapped, count, block * block);
}

/** The filter of the data gradient at stride 1: channels swapped, taps reversed; the nominal [C, K, kh, kw]. */
function mirrored(context: Lowering, stored: string, shape: readonly number[]): string {
  const [kb, cb, kh, kw] = shape as Sizes;
  const taps = kh * kw;
  const count = kb * cb * taps;
  const moved = context.gatherRows(swappedBlocks(context, stored, count), `mirrored ${[kb, cb, taps]}`, () =>
    Int32Array.from({ length: count }, (_, index) => {
      const [tap, k, c] = [index % taps, Math.floor(index / taps) % kb, Math.floor(index / (taps * kb))];
      return (k * cb + c) * taps + (taps - 1 - tap);
    }),
  );
  return context.reshape(moved, cb * context.block, kb * context.block, kh, kw);
}

function reversed({ g }: Lowering, name: string, axis: number, size: number): string {
  return size === 1
    ? name
    : g.op("Gather", [name, g.ints(...Array.from({ length: size }, (_, i) => size - 1 - i))], { axis });
}

/** dy with stride-1 zeros behind every row and column, cut where the padding is negative. */
function zeroInserted(
  context: Lowering,
  dy: Value,
  stride: readonly [number, number],
  padding: Sizes,
): { image: string; pads: number[]; isWhole: boolean } {
  const { g, block } = context;
  const [n, k, h, w] = dy.shape as Sizes;
  const kp = context.padded(k);
  const batch = typeof n === "number" ? n : -1;
  let image = context.blocked(dy);
  const [sh, sw] = stride;
  if (sh > 1 || sw > 1) {
    const open = context.reshape(image, batch, kp / block, h, 1, w, 1, block);
    const padded = g.op("Pad", [open, g.ints(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, sh - 1, 0, sw - 1, 0)]);
    image = context.reshape(padded, batch, kp, h * sh, w * sw);
  }
  if (padding.some((pad) => pad < 0)) {
    const [top, left, bottom, right] = padding.map((pad) => Math.max(-pad, 0)) as Sizes;
    const rows = [top, h * sh - bottom] as const;
    const columns = [left, w * sw - right] as const;
    const open = context.reshape(image, batch, kp / block, h * sh, w * sw, block);
    const cut = g.op("Slice", [open, g.ints(rows[0], columns[0]), g.ints(rows[1], columns[1]), g.ints(2, 3)]);
    image = context.reshape(cut, batch, kp, rows[1] - rows[0], columns[1] - columns[0]);
  }
  return { image, pads: padding.map((pad) => Math.max(pad, 0)), isWhole: padding.every((pad) => pad >= 0) };
}
