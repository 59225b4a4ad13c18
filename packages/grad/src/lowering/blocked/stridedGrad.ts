// The data gradient of a dense convolution with a stride, by the blocked kernels, without multiplying zeros.

import { NCHWC_DOMAIN } from "../../onnx/graph.ts";
import type { ConvAttributes } from "../../ops/conv.ts";
import type { Node } from "../../ops/graph.ts";
import { fixedShape } from "../../ops/shape.ts";
import type { Lowering } from "../context.ts";
import { type FilterLayout, filterShape } from "../layout.ts";

type Sizes = [number, number, number, number];

/** What a remainder of positions modulo the stride reads: for each step of dy, counted from `first`, the tap, or undefined. */
interface Side {
  /** dy's first step for position 0 (and remainder 0); not above 0. */
  readonly first: number;
  readonly taps: readonly (readonly (number | undefined)[])[];
}

/**
 * Position p = s·u + a of dx gets dy[u + (a + padding - i) / s] by those taps i for which that is a whole number.
 * All remainders share one range of steps.
 */
function sideOf(kernel: number, stride: number, padding: number): Side {
  const steps = Array.from({ length: stride }, (_, a) =>
    Array.from({ length: kernel }, (_, tap) => ({ tap, step: (a + padding - tap) / stride })).filter(({ step }) =>
      Number.isInteger(step),
    ),
  );
  const all = steps.flat().map(({ step }) => step);
  const [first, last] = [Math.min(0, ...all), Math.max(...all)];
  const range = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  return { first, taps: steps.map((some) => range.map((at) => some.find(({ step }) => step === at)?.tap)) };
}

/**
 * One convolution over dy with the remainders as groups of output channels, [N, sh·sw·C, U, V], whose rows are then put where they
 * belong. Zeros between the rows and columns of dy would cost sh·sw times the work; here the taps that a remainder lacks do (16 for
 * 9 of a 3x3 kernel at stride 2).
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
  const [vertical, horizontal] = [sideOf(kh, stride[0], padding[0]), sideOf(kw, stride[1], padding[1])];
  const kernel = [vertical.taps[0]!.length, horizontal.taps[0]!.length] as const;
  const remainders = stride[0] * stride[1];

  const count = kb * cb * kh * kw;
  const withZero = g.op("Pad", [rows(count), g.ints(0, 0, 1, 0)]);
  const key = `strided filter ${[kb, cb, kh, kw, ...stride, padding[0], padding[1]]}`;
  const filter = context.gatherRows(withZero, key, () => {
    const index: number[] = [];
    for (const rowTaps of vertical.taps)
      for (const columnTaps of horizontal.taps)
        for (let ci = 0; ci < cb; ci++)
          for (let ki = 0; ki < kb; ki++)
            for (const i of rowTaps)
              for (const j of columnTaps)
                index.push(i === undefined || j === undefined ? count : ((ki * cb + ci) * kh + i) * kw + j);
    return Int32Array.from(index);
  });
  const [u, v] = [Math.ceil(h / stride[0]), Math.ceil(w / stride[1])];
  const pads = [
    -vertical.first,
    -horizontal.first,
    Math.max(0, u - oh + vertical.first + kernel[0] - 1),
    Math.max(0, v - ow + horizontal.first + kernel[1] - 1),
  ] as const;
  const result = g.op(
    "Conv",
    [context.blocked(dy!), context.reshape(filter, remainders * cb * block, kb * block, ...kernel)],
    { pads, kernel_shape: kernel, group: 1 },
    { domain: NCHWC_DOMAIN },
  );
  const [rowsMade, columnsMade] = [oh + pads[0] + pads[2] - kernel[0] + 1, ow + pads[1] + pads[3] - kernel[1] + 1];
  const made = context.reshape(result, n * remainders * cb * rowsMade * columnsMade, block);
  const placed = context.gatherRows(made, `strided ${[n, cb, h, w, rowsMade, columnsMade, ...stride]}`, () => {
    const index = new Int32Array(n * cb * h * w);
    let at = 0;
    for (let sample = 0; sample < n; sample++)
      for (let ci = 0; ci < cb; ci++)
        for (let y = 0; y < h; y++)
          for (let z = 0; z < w; z++) {
            const remainder = (y % stride[0]) * stride[1] + (z % stride[1]);
            const plane = (sample * remainders + remainder) * cb + ci;
            index[at++] = (plane * rowsMade + Math.floor(y / stride[0])) * columnsMade + Math.floor(z / stride[1]);
          }
    return index;
  });
  return context.reshape(placed, n, context.padded(c), h, w);
}
