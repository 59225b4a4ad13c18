// Activations. Each gradient op takes whichever of input and output is cheaper to keep.

import { mul, scalarLike, sub } from "./elementwise.ts";
import { apply, type OpDefinition, type Value } from "./graph.ts";

type None = Record<string, never>;

/** Value and dy in, dx out, all of one shape. */
const gradientOp = (name: string): OpDefinition<None> => ({
  name,
  infer: ([value]) => [{ dtype: value!.dtype, shape: value!.shape }],
});

export const reluGradOp = gradientOp("reluGrad");
export const relu6GradOp = gradientOp("relu6Grad");
export const hardSwishGradOp = gradientOp("hardSwishGrad");
export const hardSigmoidGradOp = gradientOp("hardSigmoidGrad");

function activation(name: string, gradient: OpDefinition<None>["gradient"]): OpDefinition<None> {
  return { ...gradientOp(name), ...(gradient && { gradient }) };
}

/** max(x, 0); torch's gradient at 0 is 0. */
export const reluOp = activation("relu", ({ outputs: [y], grads: [dy] }) => [apply(reluGradOp, [y!, dy!], {})]);
/** min(max(x, 0), 6); torch's gradient at 0 and 6 is 0, so the output tells all. */
export const relu6Op = activation("relu6", ({ outputs: [y], grads: [dy] }) => [apply(relu6GradOp, [y!, dy!], {})]);
/** x · relu6(x + 3) / 6 (Howard et al. 2019, MobileNetV3). */
export const hardSwishOp = activation("hardSwish", ({ inputs: [x], grads: [dy] }) => [
  apply(hardSwishGradOp, [x!, dy!], {}),
]);
/** relu6(x + 3) / 6. */
export const hardSigmoidOp = activation("hardSigmoid", ({ outputs: [y], grads: [dy] }) => [
  apply(hardSigmoidGradOp, [y!, dy!], {}),
]);
export const sigmoidOp = activation("sigmoid", ({ outputs: [y], grads: [dy] }) => [
  mul(dy!, mul(y!, sub(scalarLike(y!, 1), y!))),
]);

export const relu = (x: Value) => apply(reluOp, [x], {});
export const relu6 = (x: Value) => apply(relu6Op, [x], {});
export const hardSwish = (x: Value) => apply(hardSwishOp, [x], {});
export const hardSigmoid = (x: Value) => apply(hardSigmoidOp, [x], {});
export const sigmoid = (x: Value) => apply(sigmoidOp, [x], {});
