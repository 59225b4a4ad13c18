// AdamW as fastai has it: beta2 0.99, eps 1e-5, bias correction with the current momentum although momentum moves (notes of fastai's `adam_step`).

import { decayed, type Optimizer } from "./optimizer.ts";

export interface AdamWOptions {
  readonly beta2?: number;
  readonly eps?: number;
}

/** Taken for a rate of 0, and below any that moves a parameter; its inverse times a second moment's root is still a float32. */
const LEAST_RATE = 1e-30;

/**
 * p ← p·(1 - lr·wd) - lr/(1 - μᵗ) · m / (√(v/(1 - β₂ᵗ)) + eps), with m ← μ·m + (1 - μ)·g and v ← β₂·v + (1 - β₂)·g².
 *
 * Written with few passes over the parameters: scalars are combined first, and m ← (1 - μ)·(m·μ/(1 - μ) + g), likewise v.
 */
export function adamw({ beta2 = 0.99, eps = 1e-5 }: AdamWOptions = {}): Optimizer {
  return {
    name: "adamw",
    state: ["exp_avg", "exp_avg_sq"],
    update: (g, inputs) => {
      const { gradient, state, lr, momentum, step, scaled } = inputs;
      const [m, v] = state as [string, string];
      const one = g.scalar(1);
      const rest = g.op("Sub", [one, momentum]);
      const squares = scaled(v, g.scalar(beta2 / (1 - beta2)), { sum: g.op("Mul", [gradient, gradient]) });
      const newV = g.op("Mul", [squares, g.scalar(1 - beta2)]);
      const newM = g.op("Mul", [scaled(m, g.op("Div", [momentum, rest]), { sum: gradient }), rest]);
      // lr/(1-μᵗ) · m / (√v/c + eps) = m / (√v/r + eps·c/r), c = √(1-β₂ᵗ), r = c·lr/(1-μᵗ)
      const c = g.op("Sqrt", [g.op("Sub", [one, g.op("Pow", [g.scalar(beta2), step])])]);
      const rate = g.op("Mul", [g.op("Div", [lr, g.op("Sub", [one, g.op("Pow", [momentum, step])])]), c]);
      const inverse = g.op("Reciprocal", [g.op("Max", [rate, g.scalar(LEAST_RATE)])]);
      const offset = g.op("Mul", [inverse, g.op("Mul", [c, g.scalar(eps)])]);
      const change = g.op("Div", [newM, scaled(g.op("Sqrt", [newV]), inverse, { offset })]);
      return { parameter: g.op("Sub", [decayed(g, inputs), change]), state: [newM, newV] };
    },
  };
}
