// AdamW as fastai has it: beta2 0.99, eps 1e-5, bias correction with the current momentum although momentum moves (notes of fastai's `adam_step`).

import { decayed, type Optimizer } from "./optimizer.ts";

export interface AdamWOptions {
  readonly beta2?: number;
  readonly eps?: number;
}

/**
 * p ← p·(1 - lr·wd) - lr/(1 - μᵗ) · m / (√(v/(1 - β₂ᵗ)) + eps), with m ← μ·m + (1 - μ)·g and v ← β₂·v + (1 - β₂)·g².
 *
 * Written with few passes over the parameters: scalars are combined first.
 */
export function adamw({ beta2 = 0.99, eps = 1e-5 }: AdamWOptions = {}): Optimizer {
  return {
    name: "adamw",
    state: ["exp_avg", "exp_avg_sq"],
    update: (g, inputs) => {
      const { gradient, state, lr, momentum, step } = inputs;
      const [m, v] = state as [string, string];
      const one = g.scalar(1);
      const rest = g.op("Sub", [one, momentum]);
      const newM = g.op("Add", [g.op("Mul", [m, momentum]), g.op("Mul", [gradient, rest])]);
      const squares = g.op("Mul", [g.op("Mul", [gradient, g.scalar(1 - beta2)]), gradient]);
      const newV = g.op("Add", [g.op("Mul", [v, g.scalar(beta2)]), squares]);
      // lr/(1-μᵗ) · m / (√v·c + eps) = (rate/c) · m / (√v + eps/c), c = 1/√(1-β₂ᵗ)
      const c = g.op("Sqrt", [g.op("Sub", [one, g.op("Pow", [g.scalar(beta2), step])])]);
      const rate = g.op("Mul", [g.op("Div", [lr, g.op("Sub", [one, g.op("Pow", [momentum, step])])]), c]);
      const denominator = g.op("Add", [g.op("Sqrt", [newV]), g.op("Mul", [g.scalar(eps), c])]);
      const change = g.op("Div", [g.op("Mul", [newM, rate]), denominator]);
      return { parameter: g.op("Sub", [decayed(g, inputs), change]), state: [newM, newV] };
    },
  };
}
