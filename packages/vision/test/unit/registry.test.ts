// The registry: names, glob listing, default weights, and near matches for what is unknown.

import { describe, expect, test } from "vitest";
import { editDistance, listModels, resolveModel } from "../../src/registry.ts";

const names = (pattern?: string) => listModels(pattern).map(({ name }) => name);

test("names are unique and made of architecture and weights", () => {
  expect(new Set(names()).size).toBe(names().length);
  for (const { name, architecture, weights } of listModels()) expect(name).toBe(`${architecture}.${weights}`);
});

test("lists by glob; a dot is a dot", () => {
  expect(names("mobilenet*")).toEqual(["mobilenet_v2.tf_in1k", "mobilenet_v2.tv_in1k", "mobilenet_v2.sports_balls"]);
  expect(names("*.t?_in1k")).toEqual(["mobilenet_v2.tf_in1k", "mobilenet_v2.tv_in1k"]);
  expect(names("*.tv_*")).toEqual(["mobilenet_v2.tv_in1k"]);
  expect(names("mobilenet_v2?tf")).toEqual([]);
  expect(names("mobilenet.v2*")).toEqual([]);
  expect(names("(")).toEqual([]);
});

test("mobilenet_v2.tf_in1k: Google's weights on [-1, 1] with SAME padding, no address", () => {
  const entry = resolveModel("mobilenet_v2.tf_in1k");
  expect(entry).toMatchObject({ padding: "tf-same", license: "Apache-2.0", inputSize: 224, classes: 1001 });
  expect([entry.mean, entry.std]).toEqual([
    [0.5, 0.5, 0.5],
    [0.5, 0.5, 0.5],
  ]);
  expect(entry.url).toBeUndefined();
  expect(resolveModel("mobilenet_v2")).toBe(entry);
});

test("mobilenet_v2.tv_in1k: torchvision's weights on ImageNet's mean and deviation", () => {
  const entry = resolveModel("mobilenet_v2.tv_in1k");
  expect(entry).toMatchObject({ padding: "symmetric", license: "BSD-3-Clause", classes: 1000 });
  expect([entry.mean, entry.std]).toEqual([
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ]);
  expect(entry.url).toBe("https://download.pytorch.org/models/mobilenet_v2-7ebf99e0.pth");
  expect(entry.url).toContain(entry.sha256!);
});

describe("an unknown name", () => {
  test.each([
    ["mobilnet_v2", "did you mean mobilenet_v2?"],
    ["MobileNet_V2.tf_in1k", "did you mean mobilenet_v2.tf_in1k or mobilenet_v2.tv_in1k?"],
    ["mobilenet_v2.tv", "did you mean mobilenet_v2 or mobilenet_v2.tv_in1k or mobilenet_v2.tf_in1k?"],
    ["alexnet", "there are mobilenet_v2, mobilenet_v2.tf_in1k, mobilenet_v2.tv_in1k"],
    ["", "there are mobilenet_v2, mobilenet_v2.tf_in1k, mobilenet_v2.tv_in1k"],
  ])("%s", (name, advice) => {
    expect(() => resolveModel(name)).toThrow(
      `expected a known architecture for \`arch\` but received \`${name}\`; ${advice}`,
    );
  });
});

test.each([
  ["kitten", "sitting", 3],
  ["flaw", "lawn", 2],
  ["", "abc", 3],
  ["abc", "", 3],
  ["same", "same", 0],
])("edit distance of %s and %s", (a, b, distance) => expect(editDistance(a, b)).toBe(distance));
