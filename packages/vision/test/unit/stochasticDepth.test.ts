// Stochastic depth: each residual branch's probability as torchvision has it, one draw for each picture, and only in blocks that train.

import { Graph, type TensorData, zeros } from "@ballsight/grad";
import { describe, expect, test } from "vitest";
import type { Architecture } from "../../src/models/architecture.ts";
import { ModelBuilder } from "../../src/models/builder.ts";
import { convnextTiny } from "../../src/models/convnext.ts";
import { efficientnetB0 } from "../../src/models/efficientnet.ts";

/** `stochastic_depth.p` of torchvision 0.14.1's modules; of EfficientNet those with `use_res_connect`. */
const EFFICIENTNET_B0 = {
  "features.2.1": 0.025,
  "features.3.1": 0.05,
  "features.4.1": 0.075,
  "features.4.2": 0.0875,
  "features.5.1": 0.1125,
  "features.5.2": 0.125,
  "features.6.1": 0.15,
  "features.6.2": 0.1625,
  "features.6.3": 0.175,
};
const CONVNEXT_TINY = {
  "features.1.1": 0.005882,
  "features.1.2": 0.011765,
  "features.3.0": 0.017647,
  "features.3.1": 0.023529,
  "features.3.2": 0.029412,
  "features.5.0": 0.035294,
  "features.5.1": 0.041176,
  "features.5.2": 0.047059,
  "features.5.3": 0.052941,
  "features.5.4": 0.058824,
  "features.5.5": 0.064706,
  "features.5.6": 0.070588,
  "features.5.7": 0.076471,
  "features.5.8": 0.082353,
  "features.7.0": 0.088235,
  "features.7.1": 0.094118,
  "features.7.2": 0.1,
};

/** Makes up every tensor that it is asked for. */
class Hollow extends ModelBuilder {
  override tensor(_: string, shape: readonly number[]): TensorData {
    return zeros("float32", shape);
  }
}

function masks(architecture: Architecture, drops?: (prefix: string) => boolean) {
  const graph = new Graph();
  const options = { state: new Map(), policy: () => 0, statistics: () => "batch" } as const;
  const builder = new Hollow(graph, { ...options, ...(drops && { drops }) });
  architecture.body(builder, graph.input("x", "float32", [4, 3, 64, 64]), "symmetric");
  return graph.randomMasks;
}

describe.each([
  ["efficientnet_b0", efficientnetB0, EFFICIENTNET_B0],
  ["convnext_tiny", convnextTiny, CONVNEXT_TINY],
] as const)("%s", (_, architecture, expected) => {
  test("drops as torchvision does, picture by picture", () => {
    const found = masks(architecture, () => true);
    const probabilities = [...found].map(([name, { p }]) => [name.replace(/\.mask$/, ""), Number(p.toFixed(6))]);
    expect(Object.fromEntries(probabilities)).toEqual(expected);
    expect([...found.values()].map(({ value }) => value.shape)).toEqual(Object.keys(expected).map(() => [4, 1, 1, 1]));
  });

  test("drops only where asked", () => {
    expect(masks(architecture).size).toBe(0);
    expect([...masks(architecture, (prefix) => prefix.startsWith("features.5")).keys()]).toEqual(
      Object.keys(expected).flatMap((name) => (name.startsWith("features.5") ? [`${name}.mask`] : [])),
    );
  });
});
