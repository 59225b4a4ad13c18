// ONNX files: what is written comes back when read, and what is no model is refused.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { float, NCHWC_DOMAIN, OnnxGraph } from "../../src/onnx/graph.ts";
import { ModelProtoSchema } from "../../src/onnx/onnx_pb.ts";
import { readModel } from "../../src/onnx/read.ts";
import { readSignature } from "../../src/onnx/signature.ts";
import { float32, int64, type TensorData } from "../../src/tensor.ts";

const NO_MODEL = "expected an ONNX model but the bytes do not parse as one";

function sample(metadata: Record<string, string> = {}) {
  const g = new OnnxGraph("sample");
  const x = g.input("x", "float32", ["N", 3, "H", 4]);
  g.input("image", "uint8", [1, 2]);
  const weight = g.constant(float32([1.5, -2, 3e-38], [3, 1, 1]), "weight");
  g.output(g.constant(int64([2 ** 40, -1]), "big"), "int64", [2]);
  const scaled = g.op("Mul", [x, weight]);
  const [a] = g.node("Clip", [scaled, g.scalar(0), ""], { axis: 1, name: "é", list: [1, 2], slope: float([0.5]) });
  const b = g.op("ReorderInput", [a!], {}, { domain: NCHWC_DOMAIN });
  g.output(b, "float32", ["N", 3, "H", 4], "y");
  return g.toModel(metadata);
}

describe("a model", () => {
  test("comes back with inputs, outputs, metadata, nodes and constants", () => {
    const model = readModel(sample({ "ballsight.labels": '["Fußball"]', empty: "" }));
    expect(model.inputs).toEqual([
      { name: "x", dtype: "float32", dims: ["N", 3, "H", 4] },
      { name: "image", dtype: "uint8", dims: [1, 2] },
    ]);
    expect(model.outputs).toEqual([
      { name: "big", dtype: "int64", dims: [2] },
      { name: "y", dtype: "float32", dims: ["N", 3, "H", 4] },
    ]);
    expect(model.metadata).toEqual({ "ballsight.labels": '["Fußball"]', empty: "" });
    expect(model.nodes()).toEqual([
      { opType: "Mul", domain: "" },
      { opType: "Clip", domain: "" },
      { opType: "ReorderInput", domain: NCHWC_DOMAIN },
    ]);
    expect(model.constantNames().slice(0, 2)).toEqual(["weight", "big"]);
    expect(model.constant("weight")).toEqual(float32([1.5, -2, 3e-38], [3, 1, 1]));
    expect(model.constant("big")).toEqual({ dtype: "int64", dims: [2], data: BigInt64Array.of(2n ** 40n, -1n) });
    expect(model.constant("none")).toBeUndefined();
  });

  test("names an output without a copy, where a node makes it and it is no other output", () => {
    const g = new OnnxGraph();
    const x = g.input("x", "float32", [2]);
    const twice = g.op("Add", [x, x]);
    g.output(twice, "float32", [2], "twice");
    g.output(g.op("Mul", [twice, x]), "float32", [2], "squares");
    g.output(twice, "float32", [2], "again");
    g.output(x, "float32", [2], "same");
    const { graph } = fromBinary(ModelProtoSchema, g.toModel());
    expect(graph!.node.map(({ opType, input, output }) => [opType, ...input, ...output])).toEqual([
      ["Add", "x", "x", "twice"],
      ["Mul", "twice", "x", "squares"],
      ["Identity", "twice", "again"],
      ["Identity", "x", "same"],
    ]);
  });

  test("leaves out what no output depends on", () => {
    const g = new OnnxGraph();
    const x = g.input("x", "float32", [2]);
    g.op("Mul", [g.op("Add", [x, g.constant(float32([1, 2]), "unread")]), x]);
    const [, second] = g.node("Split", [x, g.constant(int64([1, 1]), "sizes")], { axis: 0 }, { outputs: 2 });
    g.output(second!, "float32", [1], "last");
    const model = readModel(g.toModel());
    expect(model.nodes().map(({ opType }) => opType)).toEqual(["Split"]);
    expect(model.constantNames()).toEqual(["sizes"]);
  });

  test("refuses to declare an output by the name that it lost to another", () => {
    const g = new OnnxGraph();
    const x = g.input("x", "float32", [2]);
    const twice = g.op("Add", [x, x]);
    g.output(twice, "float32", [2], "twice");
    expect(() => g.output(twice, "float32", [2])).toThrow("is an output as `twice` already");
  });

  test("gives copies of its constants", () => {
    const model = readModel(sample());
    const first = model.constant("weight")!.data as Float32Array;
    first.fill(7);
    expect((model.constant("weight") as TensorData<"float32">).data[0]).toBe(1.5);
  });

  test("carries attributes by their ONNX types, the opsets of its domains and one copy of equal constants", () => {
    const { graph, opsetImport, irVersion } = fromBinary(ModelProtoSchema, sample());
    const clip = graph!.node[1]!;
    const types = Object.fromEntries(clip.attribute.map(({ name, type }) => [name, type]));
    // AttributeProto.AttributeType: INT 2, STRING 3, FLOATS 6, INTS 7.
    expect(types).toEqual({ axis: 2, name: 3, list: 7, slope: 6 });
    expect(clip.input).toEqual([graph!.node[0]!.output[0], expect.any(String), ""]);
    expect(opsetImport.map(({ domain, version }) => [domain, version])).toEqual([
      ["", 20n],
      [NCHWC_DOMAIN, 1n],
    ]);
    expect(irVersion).toBe(10n);
    const g = new OnnxGraph();
    expect(g.scalar(2)).toBe(g.scalar(2));
    expect(g.scalar(2)).not.toBe(g.ints(2));
  });

  test("its signature, read off the wire, is what the protobuf library writes", () => {
    const dimension = fc.oneof(
      fc.record({ case: fc.constant("dimValue" as const), value: fc.bigInt(-1n, 2n ** 40n) }),
      fc.record({ case: fc.constant("dimParam" as const), value: fc.string({ unit: "grapheme" }) }),
      fc.constant({ case: undefined }),
    );
    const info = fc.record({
      name: fc.string({ unit: "grapheme" }),
      docString: fc.string(),
      dims: fc.option(fc.array(dimension, { maxLength: 5 })),
    });
    const entry = fc.record({ key: fc.string({ unit: "grapheme", minLength: 1 }), value: fc.string() });
    fc.assert(
      fc.property(fc.array(info), fc.array(info), fc.array(entry), (input, output, metadataProps) => {
        const values = (all: typeof input) =>
          all.map(({ name, docString, dims }) => ({
            name,
            docString,
            ...(dims !== null && {
              type: {
                value: {
                  case: "tensorType" as const,
                  value: { elemType: 7, shape: { dim: dims.map((value) => ({ value })) } },
                },
              },
            }),
          }));
        const graph = { name: "g", input: values(input), output: values(output) };
        const bytes = toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, graph, metadataProps }));
        const wanted = (all: typeof input) =>
          all.map(({ name, dims }) => ({
            name,
            dtype: dims === null ? undefined : "int64",
            dims: (dims ?? []).map((dim) =>
              dim.case === undefined ? "?" : dim.case === "dimValue" ? Number(dim.value) : dim.value,
            ),
          }));
        expect(readSignature(bytes)).toEqual({
          inputs: wanted(input),
          outputs: wanted(output),
          metadata: Object.fromEntries(metadataProps.map(({ key, value }) => [key, value])),
        });
      }),
    );
  });

  test("is read where it lies inside a larger buffer", () => {
    const bytes = sample();
    const larger = new Uint8Array(bytes.length + 5);
    larger.set(bytes, 3);
    expect(readModel(larger.subarray(3, 3 + bytes.length)).constant("weight")?.data).toEqual(
      Float32Array.of(1.5, -2, 3e-38),
    );
  });
});

describe("what is no model is refused", () => {
  const text = "<!doctype html><title>Not found</title>";
  test.each([
    ["zero bytes", new Uint8Array(0)],
    ["a web page", Uint8Array.from(text, (character) => character.charCodeAt(0))],
    ["the start of a JPEG", Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70)],
    ["a truncated model", sample().subarray(0, 100)],
    ["a model without a graph", toBinary(ModelProtoSchema, create(ModelProtoSchema, { producerName: "nobody" }))],
  ])("%s", (_, bytes) => {
    expect(() => readModel(bytes)).toThrow(NO_MODEL);
    expect(() => readSignature(bytes)).toThrow(NO_MODEL);
  });
});
