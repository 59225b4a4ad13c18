// Matrix products: gemm with optional transposes, and the linear layer on top of it.

import { expectShape } from "../errors.ts";
import { add } from "./elementwise.ts";
import { apply, type OpDefinition, type Value } from "./graph.ts";
import { showShape } from "./shape.ts";

export interface GemmAttributes {
  readonly transA: boolean;
  readonly transB: boolean;
}

/** op(A) · op(B) for matrices; the rows of A may be free where A is not transposed. */
export const gemmOp: OpDefinition<GemmAttributes> = {
  name: "gemm",
  infer: ([a, b], { transA, transB }) => {
    expectShape(
      a!.shape.length === 2 && b!.shape.length === 2,
      "gemm",
      () => `expected two matrices but received ${showShape(a!.shape)} and ${showShape(b!.shape)}`,
    );
    const [m, k] = transA ? [a!.shape[1]!, a!.shape[0]!] : [a!.shape[0]!, a!.shape[1]!];
    const [k2, n] = transB ? [b!.shape[1]!, b!.shape[0]!] : [b!.shape[0]!, b!.shape[1]!];
    expectShape(
      k === k2,
      "gemm",
      () =>
        `expected equal inner sizes but received ${showShape(a!.shape)}${transA ? "ᵀ" : ""} and ${showShape(b!.shape)}${transB ? "ᵀ" : ""}`,
    );
    return [{ dtype: a!.dtype, shape: [m, n] }];
  },
  gradient: ({ inputs: [a, b], grads: [dy], needs, attributes: { transA, transB } }) => [
    !needs[0] ? undefined : transA ? gemm(b!, dy!, transB, true) : gemm(dy!, b!, false, !transB),
    !needs[1] ? undefined : transB ? gemm(dy!, a!, true, transA) : gemm(a!, dy!, !transA, false),
  ],
};

export const gemm = (a: Value, b: Value, transA = false, transB = false) => apply(gemmOp, [a, b], { transA, transB });

/** x [N, in] · weightᵀ + bias, with torch's weight layout [out, in]. */
export function linear(x: Value, weight: Value, bias?: Value): Value {
  const y = gemm(x, weight, false, true);
  return bias === undefined ? y : add(y, bias);
}
