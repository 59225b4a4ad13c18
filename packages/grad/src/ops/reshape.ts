// Ops that move values without computing: reshape, flatten, transpose, concat, slice, expand.

import { expectShape, GradError } from "../errors.ts";
import type { Dim } from "../onnx/graph.ts";
import { unbroadcast } from "./elementwise.ts";
import { apply, type OpDefinition, type Shape, type Value } from "./graph.ts";
import { fixed, normalizeAxis, sameShape, showShape } from "./shape.ts";

export interface ReshapeAttributes {
  readonly shape: Shape;
}

/** Product of the fixed dimensions and the free ones, sorted: equal for shapes that hold equally many elements. */
function volume(shape: Shape): string {
  const free = shape.filter((dim) => typeof dim === "string").sort();
  return `${shape.reduce<number>((product, dim) => product * (typeof dim === "number" ? dim : 1), 1)}${free.join()}`;
}

export const reshapeOp: OpDefinition<ReshapeAttributes> = {
  name: "reshape",
  infer: ([x], { shape }) => {
    expectShape(
      volume(x!.shape) === volume(shape) && shape.filter((dim) => typeof dim === "string").length <= 1,
      "reshape",
      () => `expected a shape with as many elements as ${showShape(x!.shape)} but received ${showShape(shape)}`,
    );
    return [{ dtype: x!.dtype, shape }];
  },
  gradient: ({ inputs: [x], grads: [dy] }) => [reshape(dy!, x!.shape)],
};

export const reshape = (x: Value, shape: Shape) => (sameShape(x.shape, shape) ? x : apply(reshapeOp, [x], { shape }));

/** [N, a, b, ...] to [N, a·b·...]. */
export function flatten(x: Value): Value {
  const [n, ...rest] = x.shape;
  return reshape(x, [
    n as Dim,
    rest.reduce<number>((product, dim) => product * fixed(dim, "flatten", "a dimension behind N"), 1),
  ]);
}

export interface TransposeAttributes {
  readonly permutation: readonly number[];
}

export const transposeOp: OpDefinition<TransposeAttributes> = {
  name: "transpose",
  infer: ([x], { permutation }) => {
    expectShape(
      [...permutation].sort((a, b) => a - b).join() === x!.shape.map((_, axis) => axis).join(),
      "transpose",
      () => `expected a permutation of ${x!.shape.length} axes but received [${permutation}]`,
    );
    return [{ dtype: x!.dtype, shape: permutation.map((axis) => x!.shape[axis] as Dim) }];
  },
  gradient: ({ grads: [dy], attributes: { permutation } }) => [
    transpose(
      dy!,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ],
};

export const transpose = (x: Value, permutation: readonly number[]) => apply(transposeOp, [x], { permutation });

export interface AxisAttributes {
  readonly axis: number;
}

export const concatOp: OpDefinition<AxisAttributes> = {
  name: "concat",
  infer: (inputs, { axis }) => {
    const [first] = inputs;
    const total = inputs.reduce((sum, input) => {
      const fits =
        input.shape.length === first!.shape.length &&
        input.shape.every((dim, i) => i === axis || dim === first!.shape[i]);
      expectShape(
        fits,
        "concat",
        () =>
          `expected shapes equal but for axis ${axis} but received ${inputs.map((v) => showShape(v.shape)).join(" and ")}`,
      );
      return sum + fixed(input.shape[axis], "concat", `axis ${axis}`);
    }, 0);
    return [{ dtype: first!.dtype, shape: first!.shape.map((dim, i) => (i === axis ? total : dim)) }];
  },
  gradient: ({ inputs, grads: [dy], attributes: { axis }, needs }) => {
    let start = 0;
    return inputs.map((input, index) => {
      const end = start + fixed(input.shape[axis], "concat", `axis ${axis}`);
      const part = needs[index] ? slice(dy!, axis, start, end) : undefined;
      start = end;
      return part;
    });
  },
};

export function concat(values: readonly Value[], axis: number): Value {
  const [first] = values;
  return apply(concatOp, values, {
    axis: first === undefined ? axis : normalizeAxis(axis, first.shape.length, "concat"),
  });
}

export interface SliceAttributes extends AxisAttributes {
  readonly start: number;
  readonly end: number;
}

export const sliceOp: OpDefinition<SliceAttributes> = {
  name: "slice",
  infer: ([x], { axis, start, end }) => {
    const size = fixed(x!.shape[axis], "slice", `axis ${axis}`);
    if (start < 0 || end > size || start >= end) {
      throw new GradError(
        "BAD_ATTRIBUTE",
        `slice: expected 0 <= start < end <= ${size} but received ${start} and ${end}`,
      );
    }
    return [{ dtype: x!.dtype, shape: x!.shape.map((dim, i) => (i === axis ? end - start : dim)) }];
  },
  gradient: ({ inputs: [x], grads: [dy], attributes }) => {
    const size = x!.shape[attributes.axis] as number;
    return [apply(padOp, [dy!], { axis: attributes.axis, before: attributes.start, after: size - attributes.end })];
  },
};

export const slice = (x: Value, axis: number, start: number, end: number) =>
  apply(sliceOp, [x], { axis: normalizeAxis(axis, x.shape.length, "slice"), start, end });

export interface PadAttributes extends AxisAttributes {
  readonly before: number;
  readonly after: number;
}

/** Zeros before and after along one axis. */
export const padOp: OpDefinition<PadAttributes> = {
  name: "pad",
  infer: ([x], { axis, before, after }) => {
    const size = fixed(x!.shape[axis], "pad", `axis ${axis}`);
    return [{ dtype: x!.dtype, shape: x!.shape.map((dim, i) => (i === axis ? size + before + after : dim)) }];
  },
  gradient: ({ inputs: [x], grads: [dy], attributes: { axis, before } }) => [
    slice(dy!, axis, before, before + (x!.shape[axis] as number)),
  ],
};

/** Broadcasts `x` to the shape of `like` (whose values do not matter). */
export const expandLikeOp: OpDefinition<Record<string, never>> = {
  name: "expandLike",
  infer: ([x, like]) => [{ dtype: x!.dtype, shape: like!.shape }],
  gradient: ({ inputs: [x], grads: [dy] }) => [unbroadcast(dy!, x!.shape), undefined],
};

export const expandLike = (x: Value, like: Value) =>
  sameShape(x.shape, like.shape) ? x : apply(expandLikeOp, [x, like], {});
