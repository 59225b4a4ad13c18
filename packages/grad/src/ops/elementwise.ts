// Arithmetic with NumPy broadcasting: add, sub, mul, div, and the sums that undo broadcasting in their gradients.

import { float32 } from "../tensor.ts";
import { apply, type OpDefinition, type Shape, type Value } from "./graph.ts";
import { reduceSum } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { broadcast, fixed, sameShape } from "./shape.ts";

type None = Record<string, never>;

/** Sums `grad` over the axes along which a value of `shape` was broadcast. */
export function unbroadcast(grad: Value, shape: Shape): Value {
  if (sameShape(grad.shape, shape)) return grad;
  const lead = grad.shape.length - shape.length;
  const axes = grad.shape.flatMap((dim, axis) =>
    axis < lead || (shape[axis - lead] === 1 && dim !== 1) ? [axis] : [],
  );
  const summed = reduceSum(grad, axes, true);
  if (lead === 0) return summed;
  return reshape(
    summed,
    shape.map((dim) => fixed(dim, "unbroadcast", "a broadcast operand")),
  );
}

type Binary = OpDefinition<None>;

function binary(name: string, gradient: Binary["gradient"]): Binary {
  return {
    name,
    infer: ([a, b]) => [{ dtype: a!.dtype, shape: broadcast(a!.shape, b!.shape, name) }],
    ...(gradient && { gradient }),
  };
}

const back = (value: Value | undefined, like: Value) => value && unbroadcast(value, like.shape);

export const addOp = binary("add", ({ inputs: [a, b], grads: [dy] }) => [back(dy, a!), back(dy, b!)]);

export const subOp = binary("sub", ({ inputs: [a, b], grads: [dy], needs }) => [
  back(dy, a!),
  needs[1] ? back(neg(dy!), b!) : undefined,
]);

export const mulOp = binary("mul", ({ inputs: [a, b], grads: [dy], needs }) => [
  needs[0] ? back(mul(dy!, b!), a!) : undefined,
  needs[1] ? back(mul(dy!, a!), b!) : undefined,
]);

export const divOp = binary("div", ({ inputs: [a, b], outputs: [y], grads: [dy], needs }) => [
  needs[0] ? back(div(dy!, b!), a!) : undefined,
  needs[1] ? back(neg(div(mul(dy!, y!), b!)), b!) : undefined,
]);

export const add = (a: Value, b: Value) => apply(addOp, [a, b], {});
export const sub = (a: Value, b: Value) => apply(subOp, [a, b], {});
export const mul = (a: Value, b: Value) => apply(mulOp, [a, b], {});
export const div = (a: Value, b: Value) => apply(divOp, [a, b], {});

/** A float32 constant scalar in the graph of `like`. */
export const scalarLike = (like: Value, value: number) => like.graph.constant(float32([value], []));
export const scale = (a: Value, factor: number) => mul(a, scalarLike(a, factor));
export const neg = (a: Value) => scale(a, -1);
