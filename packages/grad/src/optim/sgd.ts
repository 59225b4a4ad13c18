// SGD with momentum in torch's form (no dampening): b ← μ·b + g, p ← p - lr·b, with decoupled weight decay.

import { decayed, type Optimizer } from "./optimizer.ts";

export function sgd(): Optimizer {
  return {
    name: "sgd",
    state: ["momentum_buffer"],
    update: (g, inputs) => {
      const { gradient, state, lr, momentum } = inputs;
      const buffer = g.op("Add", [g.op("Mul", [state[0]!, momentum]), gradient]);
      const parameter = g.op("Sub", [decayed(g, inputs), g.op("Mul", [buffer, lr])]);
      return { parameter, state: [buffer] };
    },
  };
}
