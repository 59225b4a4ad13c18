// Fresh parameters: the names and shapes that a body asks for while it is built, filled as torchvision fills them.

import { float32, Graph, type State, type TensorData, type Value } from "@ballsight/grad";
import type { Generator } from "../random/generator.ts";
import { FROZEN, ModelBuilder } from "./builder.ts";

/**
 * Builds the body once over a state that makes up each tensor when it is first asked for: convolutions normal with std
 * √(2 / fan-out) (He et al. 2015, mode fan_out), norms 1 and 0, statistics 0 and 1.
 */
export function initialBody(
  build: (builder: ModelBuilder, x: Value) => Value,
  size: number,
  random: Generator,
): Map<string, TensorData> {
  const made = new Map<string, TensorData>();
  const builder = new (class extends ModelBuilder {
    override tensor(name: string, shape: readonly number[]): TensorData {
      const known = made.get(name);
      if (known !== undefined) return known;
      const tensor = fresh(name, shape, random);
      made.set(name, tensor);
      return tensor;
    }
  })(new Graph(), { state: made satisfies State, ...FROZEN });
  build(builder, builder.graph.input("x", "float32", [1, 3, size, size]));
  return made;
}

function fresh(name: string, shape: readonly number[], random: Generator): TensorData {
  const count = shape.reduce((product, dim) => product * dim, 1);
  if (shape.length === 4) {
    const [k, , kh, kw] = shape as [number, number, number, number];
    const groups = shape[1] === 1 ? k : 1;
    const std = Math.sqrt(2 / ((k * kh * kw) / groups));
    return float32(
      Float32Array.from({ length: count }, () => random.normal() * std),
      shape,
    );
  }
  const one = name.endsWith(".weight") || name.endsWith(".running_var");
  return float32(new Float32Array(count).fill(one ? 1 : 0), shape);
}
