// Pooling: max with overlap, average, and global average. Ties of max go to the first position in row-major order, as torch's do.

import { expectShape } from "../errors.ts";
import { outputSize } from "./conv.ts";
import { scale } from "./elementwise.ts";
import { apply, type OpDefinition, type Value } from "./graph.ts";
import { reduceMean } from "./reduce.ts";
import { expandLike } from "./reshape.ts";
import { nchw } from "./shape.ts";

export interface PoolAttributes {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  /** Top, left, bottom, right. Max pooling pads with -inf; average pooling counts the zeros (torch's count_include_pad). */
  readonly padding: readonly [number, number, number, number];
}

function inferPool(name: string) {
  return ([x]: readonly Value[], { kernel, stride, padding }: PoolAttributes) => {
    const { n, c, h, w } = nchw(x!, name);
    const oh = outputSize(h, kernel[0], stride[0], padding[0], padding[2]);
    const ow = outputSize(w, kernel[1], stride[1], padding[1], padding[3]);
    expectShape(
      oh > 0 && ow > 0,
      name,
      () => `expected an input of at least the kernel's size ${kernel[0]}x${kernel[1]} but received ${h}x${w}`,
    );
    return [{ dtype: x!.dtype, shape: [n, c, oh, ow] }];
  };
}

export const maxPoolOp: OpDefinition<PoolAttributes> = {
  name: "maxPool",
  infer: inferPool("maxPool"),
  gradient: ({ inputs: [x], outputs: [y], grads: [dy], attributes }) => [
    apply(maxPoolGradOp, [x!, y!, dy!], attributes),
  ],
};

/** (x, y, dy) to dx. */
export const maxPoolGradOp: OpDefinition<PoolAttributes> = {
  name: "maxPoolGrad",
  infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape }],
};

export const averagePoolOp: OpDefinition<PoolAttributes> = {
  name: "averagePool",
  infer: inferPool("averagePool"),
  gradient: ({ inputs: [x], grads: [dy], attributes }) => [apply(averagePoolGradOp, [dy!, x!], attributes)],
};

/** (dy, x) to dx; of x only the shape is used. */
export const averagePoolGradOp: OpDefinition<PoolAttributes> = {
  name: "averagePoolGrad",
  infer: ([, x]) => [{ dtype: x!.dtype, shape: x!.shape }],
};

/** [N, C, H, W] to [N, C, 1, 1]. */
export const globalAveragePoolOp: OpDefinition<Record<string, never>> = {
  name: "globalAveragePool",
  infer: ([x]) => {
    const { n, c } = nchw(x!, "globalAveragePool");
    return [{ dtype: x!.dtype, shape: [n, c, 1, 1] }];
  },
  gradient: ({ inputs: [x], grads: [dy] }) => {
    const { h, w } = nchw(x!, "globalAveragePool");
    return [expandLike(scale(dy!, 1 / (h * w)), x!)];
  },
};

export interface PoolOptions {
  readonly stride?: number | readonly [number, number];
  readonly padding?: number | readonly [number, number] | readonly [number, number, number, number];
}

export interface MaxPoolOptions extends PoolOptions {
  /** As torch's ceil_mode: a last window that lies partly behind the padding counts too, if it starts before. */
  readonly ceilMode?: boolean;
}

function attributes(kernel: number | readonly [number, number], options: PoolOptions): PoolAttributes {
  const pair = (value: number | readonly [number, number]) =>
    typeof value === "number" ? ([value, value] as const) : value;
  const size = pair(kernel);
  const padding = options.padding ?? 0;
  const [top, left, bottom, right] = typeof padding === "number" ? [padding, padding, padding, padding] : padding;
  return { kernel: size, stride: pair(options.stride ?? size), padding: [top, left, bottom ?? top, right ?? left] };
}

/** The stride is the kernel's size unless given, as in torch. */
export function maxPool(x: Value, kernel: number | readonly [number, number], options: MaxPoolOptions = {}): Value {
  const floor = attributes(kernel, options);
  return apply(maxPoolOp, [x], options.ceilMode ? reachLastWindow(x, floor) : floor);
}

/** More padding at bottom and right, enough for the windows that torch's ceil_mode adds; the padding is -inf, so it wins nothing. */
function reachLastWindow(x: Value, { kernel, stride, padding }: PoolAttributes): PoolAttributes {
  const { h, w } = nchw(x, "maxPool");
  const [bottom, right] = [h, w].map((size, axis) => {
    const [before, after] = [padding[axis]!, padding[axis + 2]!];
    const last = Math.ceil((size + before + after - kernel[axis]!) / stride[axis]!);
    const starts = last * stride[axis]! < size + before ? last : last - 1;
    return Math.max(after, starts * stride[axis]! + kernel[axis]! - size - before);
  }) as [number, number];
  return { kernel, stride, padding: [padding[0], padding[1], bottom, right] };
}

export const averagePool = (x: Value, kernel: number | readonly [number, number], options: PoolOptions = {}) =>
  apply(averagePoolOp, [x], attributes(kernel, options));
export const globalAveragePool = (x: Value) => apply(globalAveragePoolOp, [x], {});

/** [N, C, H, W] to [N, C, 1, 1] by the largest value. */
export function globalMaxPool(x: Value): Value {
  const { h, w } = nchw(x, "globalMaxPool");
  return maxPool(x, [h, w]);
}

/** Mean over H and W as [N, C]. */
export const spatialMean = (x: Value) => reduceMean(x, [2, 3]);
