// Unary functions: sqrt, exp, log.

import { div, mul, scale } from "./elementwise.ts";
import { apply, type OpDefinition, type Value } from "./graph.ts";

type None = Record<string, never>;

function unary(name: string, gradient: OpDefinition<None>["gradient"]): OpDefinition<None> {
  return { name, infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape }], ...(gradient && { gradient }) };
}

export const sqrtOp = unary("sqrt", ({ outputs: [y], grads: [dy] }) => [div(scale(dy!, 0.5), y!)]);
export const expOp = unary("exp", ({ outputs: [y], grads: [dy] }) => [mul(dy!, y!)]);
export const logOp = unary("log", ({ inputs: [x], grads: [dy] }) => [div(dy!, x!)]);

export const sqrt = (x: Value) => apply(sqrtOp, [x], {});
export const exp = (x: Value) => apply(expOp, [x], {});
export const log = (x: Value) => apply(logOp, [x], {});
