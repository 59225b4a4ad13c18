// The architectures' cut, head and parameter groups against fastai's, their sizes against torchvision's.

import { Graph, type TensorData, zeros } from "@ballsight/grad";
import { describe, expect, test } from "vitest";
import { ARCHITECTURES } from "../../src/models/architectures.ts";
import { ModelBuilder } from "../../src/models/builder.ts";
import { HEADS } from "../../src/models/head.ts";
import { Generator } from "../../src/random/generator.ts";

/** Shapes of all tensors that the body asks for, by name. */
function bodyTensors(name: string): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  const builder = new (class extends ModelBuilder {
    override tensor(parameter: string, shape: readonly number[]): TensorData {
      shapes.set(parameter, shape);
      return zeros("float32", shape);
    }
  })(new Graph(), { state: new Map(), policy: () => 0, statistics: () => "batch" });
  ARCHITECTURES[name]!.body(builder, builder.graph.input("x", "float32", [2, 3, 64, 64]), "symmetric");
  return shapes;
}

const isParameter = (name: string) => !/running_(mean|var)$/.test(name);

/**
 * fastai 2.7: input width of the head's first layer (twice the features: maximum and average), number of parameter groups with the head,
 * and what the body's groups hold, as the first and the last child, or for VGG the first and last number in `features`.
 */
const FASTAI: [name: string, concat: number, groups: number, children: [string, string][]][] = [
  [
    "resnet18",
    1024,
    3,
    [
      ["conv1", "layer2"],
      ["layer3", "layer4"],
    ],
  ],
  [
    "resnet34",
    1024,
    3,
    [
      ["conv1", "layer2"],
      ["layer3", "layer4"],
    ],
  ],
  [
    "resnet50",
    4096,
    3,
    [
      ["conv1", "layer2"],
      ["layer3", "layer4"],
    ],
  ],
  [
    "vgg16_bn",
    1024,
    3,
    [
      ["features.0", "features.21"],
      ["features.24", "features.41"],
    ],
  ],
  ["vgg16", 1024, 2, [["features.0", "features.28"]]],
  ["googlenet", 2048, 2, [["conv1", "inception5b"]]],
  ["mobilenet_v3_small", 1152, 2, [["features.0", "features.12"]]],
];

describe("as fastai cuts and splits", () => {
  const present = FASTAI.filter(([name]) => name in ARCHITECTURES);
  test.each(present)("%s", (name, concat, groups, children) => {
    const { features, bodyGroups, groupOf } = ARCHITECTURES[name]!;
    const head = HEADS.fastai.initial(features, 10, new Generator({ seed: 1 }));
    expect(head.get("head.4.weight")!.dims).toEqual([512, concat]);
    expect(head.get("head.8.weight")!.dims).toEqual([10, 512]);
    expect(bodyGroups + 1).toBe(groups);
    const child = (parameter: string) => /^(features\.\d+|[^.]+)/.exec(parameter)![0];
    const names = [...bodyTensors(name).keys()];
    const found = Array.from({ length: bodyGroups }, (_, group) => {
      const inGroup = names.filter((parameter) => groupOf(parameter) === group).map(child);
      return [inGroup[0], inGroup.at(-1)];
    });
    expect(found).toEqual(children);
    const order = names.map(groupOf);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });
});

/** Parameters as torchvision publishes them for 1000 classes, and those of them that its classifier has. */
const COUNTS: [name: string, published: number, classifier: number][] = [
  ["resnet18", 11_689_512, 513_000],
  ["resnet34", 21_797_672, 513_000],
  ["resnet50", 25_557_032, 2_049_000],
  ["vgg16", 138_357_544, 123_642_856],
  ["vgg16_bn", 138_365_992, 123_642_856],
  ["googlenet", 6_624_904, 1_025_000],
  ["mobilenet_v2", 3_504_872, 1_281_000],
  ["mobilenet_v3_small", 2_542_856, 1_615_848],
  ["mobilenet_v3_large", 5_483_032, 2_511_080],
  ["efficientnet_b0", 5_288_548, 1_281_000],
  ["convnext_tiny", 28_589_128, 770_536],
];

test.each(COUNTS.filter(([name]) => name in ARCHITECTURES))("%s has %i parameters", (name, published, classifier) => {
  const sizes = [...bodyTensors(name)]
    .filter(([parameter]) => isParameter(parameter))
    .map(([, shape]) => shape.reduce((product, dim) => product * dim, 1));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(published - classifier);
});

test("every architecture is counted, and found by its own name", () => {
  expect(Object.keys(ARCHITECTURES).filter((name) => COUNTS.every(([counted]) => counted !== name))).toEqual([]);
  for (const [name, architecture] of Object.entries(ARCHITECTURES)) expect(architecture.name).toBe(name);
});
