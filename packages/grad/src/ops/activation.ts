// Activations. Each gradient op takes whichever of input and output is cheaper to keep.

import { apply, type OpDefinition, type Value } from "./graph.ts";

type None = Record<string, never>;

/** Values and dy in, dx out, all of one shape. */
const gradientOp = (name: string): OpDefinition<None> => ({
  name,
  infer: ([value]) => [{ dtype: value!.dtype, shape: value!.shape }],
});

export const reluGradOp = gradientOp("reluGrad");
export const relu6GradOp = gradientOp("relu6Grad");
export const hardSwishGradOp = gradientOp("hardSwishGrad");
export const hardSigmoidGradOp = gradientOp("hardSigmoidGrad");
export const sigmoidGradOp = gradientOp("sigmoidGrad");
export const siluGradOp = gradientOp("siluGrad");
export const geluGradOp = gradientOp("geluGrad");

function activation(name: string, gradient: OpDefinition<None>["gradient"]): OpDefinition<None> {
  return { ...gradientOp(name), ...(gradient && { gradient }) };
}

/** max(x, 0); torch's gradient at 0 is 0. */
export const reluOp = activation("relu", ({ outputs: [y], grads: [dy] }) => [apply(reluGradOp, [y!, dy!], {})]);
/** min(max(x, 0), 6); torch's gradient at 0 and 6 is 0, so the output tells all. */
export const relu6Op = activation("relu6", ({ outputs: [y], grads: [dy] }) => [apply(relu6GradOp, [y!, dy!], {})]);
/** x to (y = x · relu6(x + 3) / 6, its second factor): Howard et al. 2019, MobileNetV3. A lowering that has no use for the factor leaves it out. */
export const hardSwishOp: OpDefinition<None> = {
  name: "hardSwish",
  infer: ([x]) => [x!, x!].map(({ dtype, shape }) => ({ dtype, shape })),
  gradient: ({ inputs: [x], outputs: [, gate], grads: [dy] }) => [apply(hardSwishGradOp, [x!, gate!, dy!], {})],
};
/** relu6(x + 3) / 6. */
export const hardSigmoidOp = activation("hardSigmoid", ({ outputs: [y], grads: [dy] }) => [
  apply(hardSigmoidGradOp, [y!, dy!], {}),
]);
export const sigmoidOp = activation("sigmoid", ({ outputs: [y], grads: [dy] }) => [
  apply(sigmoidGradOp, [y!, dy!], {}),
]);
/** x · sigmoid(x) (Hendrycks & Gimpel 2016; torch's SiLU, also called swish). */
export const siluOp = activation("silu", ({ inputs: [x], outputs: [y], grads: [dy] }) => [
  apply(siluGradOp, [x!, y!, dy!], {}),
]);
/** x · Φ(x) with the normal distribution's Φ (Hendrycks & Gimpel 2016), exact: not the approximation by tanh. */
export const geluOp = activation("gelu", ({ inputs: [x], grads: [dy] }) => [apply(geluGradOp, [x!, dy!], {})]);

export const relu = (x: Value) => apply(reluOp, [x], {});
export const relu6 = (x: Value) => apply(relu6Op, [x], {});
export const hardSwish = (x: Value) => apply(hardSwishOp, [x], {});
export const hardSigmoid = (x: Value) => apply(hardSigmoidOp, [x], {});
export const sigmoid = (x: Value) => apply(sigmoidOp, [x], {});
export const silu = (x: Value) => apply(siluOp, [x], {});
export const gelu = (x: Value) => apply(geluOp, [x], {});
