// The registry: names, glob listing, default weights, and near matches for what is unknown.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { editDistance, listModels, resolveModel } from "../../src/registry.ts";

const names = (pattern?: string) => listModels(pattern).map(({ name }) => name);

test("names are unique and made of architecture and weights", () => {
  expect(new Set(names()).size).toBe(names().length);
  for (const { name, architecture, weights } of listModels()) expect(name).toBe(`${architecture}.${weights}`);
});

test("every architecture of torchvision that is offered has weights", () => {
  const offered =
    "resnet18 resnet34 resnet50 googlenet vgg16 vgg16_bn mobilenet_v2 mobilenet_v3_small mobilenet_v3_large efficientnet_b0 convnext_tiny";
  for (const architecture of offered.split(" ")) {
    expect(resolveModel(architecture).architecture).toBe(architecture);
    expect(names(`${architecture}.tv_in1k`)).toEqual([`${architecture}.tv_in1k`]);
  }
});

test("lists by glob; a dot is a dot", () => {
  expect(names("mobilenet_v2*")).toEqual([
    "mobilenet_v2.tf_in1k",
    "mobilenet_v2.tv2_in1k",
    "mobilenet_v2.tv_in1k",
    "mobilenet_v2.sports_balls",
  ]);
  expect(names("mobilenet_v2.t?_in1k")).toEqual(["mobilenet_v2.tf_in1k", "mobilenet_v2.tv_in1k"]);
  expect(names("*.tv2_*")).toEqual(["mobilenet_v2.tv2_in1k", "mobilenet_v3_large.tv2_in1k", "resnet50.tv2_in1k"]);
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

test("torchvision's: ImageNet's mean and deviation, symmetric padding, an address that ends in the hash", () => {
  const published = listModels("*.tv*");
  expect(published).toHaveLength(14);
  for (const entry of published) {
    expect(entry).toMatchObject({ padding: "symmetric", classes: 1000, inputSize: 224 });
    expect([entry.mean, entry.std]).toEqual([
      [0.485, 0.456, 0.406],
      [0.229, 0.224, 0.225],
    ]);
    expect(entry.sha256).toMatch(/^[0-9a-f]{8}$/);
    expect(entry.url).toBe(`https://download.pytorch.org/models/${entry.file}`);
    expect(entry.file.endsWith(`-${entry.sha256}.pth`)).toBe(true);
  }
  expect(resolveModel("resnet34.tv_in1k").license).toBe("BSD-3-Clause");
  // Ported from timm, whose licence goes with it.
  expect(resolveModel("efficientnet_b0").license).toBe("Apache-2.0");
});

// From the transforms of torchvision's weights enums: the short side before a centre crop of 224.
test.each([
  ["resnet34.tv_in1k", "resnet34-b627a593.pth", 256, "bilinear"],
  ["resnet50", "resnet50-11ad3fa6.pth", 232, "bilinear"],
  ["resnet50.tv_in1k", "resnet50-0676ba61.pth", 256, "bilinear"],
  ["mobilenet_v2.tv2_in1k", "mobilenet_v2-7ebf99e0.pth", 232, "bilinear"],
  ["mobilenet_v2.tv_in1k", "mobilenet_v2-b0353104.pth", 256, "bilinear"],
  ["mobilenet_v3_large", "mobilenet_v3_large-5c1a4163.pth", 232, "bilinear"],
  ["vgg16_bn", "vgg16_bn-6c64b313.pth", 256, "bilinear"],
  ["efficientnet_b0", "efficientnet_b0_rwightman-7f5810bc.pth", 256, "bicubic"],
  ["convnext_tiny", "convnext_tiny-983f1562.pth", 236, "bilinear"],
] as const)("%s is evaluated as torchvision does", (name, file, resize, interpolation) => {
  const entry = resolveModel(name);
  expect([entry.file, entry.interpolation]).toEqual([file, interpolation]);
  expect(entry.inputSize / entry.cropPct).toBeCloseTo(resize, 9);
});

test("docs/weights.md lists exactly these, with file, hash, licence and evaluation", () => {
  const docs = readFileSync(new URL("../../../../docs/weights.md", import.meta.url), "utf8");
  const rows = [...docs.matchAll(/^\| `(\w+\.\w+)` \| (.*) \|$/gm)].map(([, name, rest]) => [
    name,
    ...rest!.split("|"),
  ]);
  expect(rows.map(([name]) => name)).toEqual(names());
  for (const [name, file, , hash, license, evaluated] of rows.map((row) => row.map((cell) => cell?.trim()))) {
    const entry = resolveModel(name!);
    if (entry.url !== undefined) expect(file).toBe(entry.file);
    expect([hash, license]).toEqual([(entry.sha256 ?? "").slice(0, 8), entry.license]);
    const filter = entry.interpolation === "bicubic" ? ", bicubic" : "";
    expect(evaluated).toBe(`${Math.round(entry.inputSize / entry.cropPct)} → ${entry.inputSize}${filter}`);
  }
});

describe("an unknown name", () => {
  test.each([
    ["mobilnet_v2", "did you mean mobilenet_v2?"],
    ["MobileNet_V2.tf_in1k", "did you mean mobilenet_v2.tf_in1k or mobilenet_v2.tv_in1k or mobilenet_v2.tv2_in1k?"],
    ["mobilenet_v2.tv", "did you mean mobilenet_v2 or mobilenet_v2.tv_in1k or mobilenet_v2.tf_in1k?"],
    ["alexnet", "there are mobilenet_v2, mobilenet_v3_small, mobilenet_v3_large, resnet18, "],
    ["", "there are mobilenet_v2, mobilenet_v3_small, mobilenet_v3_large, resnet18, "],
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
