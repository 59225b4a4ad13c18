// Fresh parameters: the names and shapes that a body asks for while it is built, filled as torchvision fills them.

import { float32, Graph, type State, sizeOf, type TensorData, type Value } from "@ballsight/grad";
import type { Generator } from "../random/generator.ts";
import { FROZEN, ModelBuilder } from "./builder.ts";

/**
 * Builds the body once over a state that makes up each tensor when it is first asked for: weights of convolutions and linear layers
 * normal with deviation `std`, by default √(2 / fan-out) (He et al. 2015, mode fan_out); biases 0; norms 1 and 0; statistics 0 and 1;
 * layer scales 1e-6.
 */
export function initialBody(
  build: (builder: ModelBuilder, x: Value) => Value,
  size: number,
  random: Generator,
  std?: number,
): Map<string, TensorData> {
  const made = new Map<string, TensorData>();
  const builder = new (class extends ModelBuilder {
    override tensor(name: string, shape: readonly number[]): TensorData {
      const known = made.get(name);
      if (known !== undefined) return known;
      const tensor = fresh(name, shape, random, std);
      made.set(name, tensor);
      return tensor;
    }
  })(new Graph(), { state: made satisfies State, ...FROZEN });
  build(builder, builder.graph.input("x", "float32", [1, 3, size, size]));
  return made;
}

function fresh(name: string, shape: readonly number[], random: Generator, std?: number): TensorData {
  const count = sizeOf(shape);
  if (name.endsWith(".weight") && shape.length > 1) {
    // One input per filter is a depthwise convolution, in which an input meets `shape[0] / groups` = 1 filter.
    const fanOut = shape.length === 4 && shape[1] === 1 ? count / shape[0]! : count / shape[1]!;
    const deviation = std ?? Math.sqrt(2 / fanOut);
    return float32(
      Float32Array.from({ length: count }, () => random.normal() * deviation),
      shape,
    );
  }
  return float32(new Float32Array(count).fill(constantOf(name)), shape);
}

function constantOf(name: string): number {
  if (name.endsWith("layer_scale")) return 1e-6;
  return name.endsWith(".weight") || name.endsWith(".running_var") ? 1 : 0;
}
