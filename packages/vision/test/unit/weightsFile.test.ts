// Weights files of PyTorch, both forms, against what torch reads from them (fixtures/torch_files.py); bad and malicious ones are refused.

import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { Graph, type TensorData } from "@ballsight/grad";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BallsightError } from "../../src/errors.ts";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { readWeights } from "../../src/io/weightsFile.ts";
import { ARCHITECTURES } from "../../src/models/architectures.ts";
import { FROZEN, ModelBuilder } from "../../src/models/builder.ts";

interface Case {
  readonly file: string;
}
interface Fixture {
  readonly good: Readonly<
    Record<string, Case & { readonly tensors: Readonly<Record<string, [string, number[], number[]]>> }>
  >;
  readonly malicious: Readonly<Record<string, Case & { readonly names: string }>>;
  readonly refused: Readonly<Record<string, Case & { readonly names: string }>>;
  readonly wrong: Readonly<Record<string, Case & { readonly reason: string }>>;
  readonly torchvision: {
    readonly names: string[];
    readonly shapes: number[][];
    readonly zip: Case;
    readonly legacy: Case;
  };
}

// JSON of Python: infinity is a word of its own there, and integers beyond 2^53 must stay whole.
const text = readFileSync(new URL("../fixtures/torch_files.json", import.meta.url), "utf8");
const fixture = JSON.parse(text.replaceAll("Infinity", "1e999").replace(/-?\b\d{16,}\b/g, '"$&"')) as Fixture;
const bytesOf = ({ file }: Case): Uint8Array => new Uint8Array(inflateRawSync(Buffer.from(file, "base64")));
const named = <T>(cases: Readonly<Record<string, T>>) => Object.entries(cases) as [name: string, value: T][];

const caught = (bytes: Uint8Array, name = "w.pth"): unknown => {
  try {
    readWeights(bytes, name);
  } catch (error) {
    return error;
  }
  return undefined;
};

describe("what torch saved", () => {
  test.each(named(fixture.good))("%s", (_, { file, tensors }) => {
    const read = readWeights(bytesOf({ file }), "w.pth").tensors;
    expect([...read.keys()]).toEqual(Object.keys(tensors));
    for (const [name, [dtype, dims, values]] of Object.entries(tensors)) {
      const { data, ...tensor } = read.get(name) as TensorData;
      expect({ name, ...tensor }).toEqual({ name, dtype, dims });
      const wanted = dtype === "int64" ? values.map(BigInt) : values;
      expect(Array.from(data as ArrayLike<number | bigint>), name).toEqual(wanted);
    }
  });

  test.each(["zip", "legacy"])("tensors that share a storage do not share memory (%s)", (form) => {
    const { tensors } = readWeights(bytesOf(fixture.good[`views.${form}`]!), "w.pth");
    const [whole, again] = [tensors.get("whole")!, tensors.get("again")!];
    expect(again.data).toEqual(whole.data);
    (whole.data as Float32Array)[0] = 99;
    expect((again.data as Float32Array)[0]).toBe(1 / 8);
    expect((tensors.get("transposed")!.data as Float32Array)[0]).toBe(1 / 8);
  });

  test("bytes at odd offsets of a larger buffer", () => {
    const file = bytesOf(fixture.good["types.legacy"]!);
    const larger = new Uint8Array(file.length + 3);
    larger.set(file, 3);
    expect(readWeights(larger.subarray(3), "w.pth")).toEqual(readWeights(file, "w.pth"));
  });

  test.each(["zip", "legacy"] as const)(
    "torchvision's MobileNetV2: its names and shapes are the architecture's (%s)",
    (form) => {
      const { names, shapes } = fixture.torchvision;
      const state = readWeights(bytesOf(fixture.torchvision[form]), "w.pth").tensors;
      const kept = names
        .map((name, index) => ({ name, index }))
        .filter(({ name }) => !name.endsWith("num_batches_tracked"));
      expect([...state.keys()]).toEqual(kept.map(({ name }) => name));
      for (const { name, index } of kept) {
        const { dtype, dims, data } = state.get(name) as TensorData<"float32">;
        expect([dtype, dims]).toEqual(["float32", shapes[index]]);
        // Values count from the tensor's number up, modulo 251.
        expect(data.every((value, j) => value === ((index + j) % 251) / 256)).toBe(true);
      }
      const graph = new Graph();
      const builder = new ModelBuilder(graph, { state, ...FROZEN });
      ARCHITECTURES.mobilenet_v2!.body(builder, graph.input("x", "float32", [1, 3, 64, 64]), "symmetric");
      const left = [...state.keys()].filter((name) => !builder.used.has(name));
      expect(left).toEqual(["classifier.1.weight", "classifier.1.bias"]);
    },
  );

  test("PyTorch's files are told by their content, whatever their names", () => {
    const file = bytesOf(fixture.good["module.zip"]!);
    expect(readWeights(file, "w.safetensors")).toEqual(readWeights(file, "w.pth"));
  });

  test("safetensors are told by their content, and their names tidied too", () => {
    const one: TensorData = { dtype: "float32", dims: [1], data: Float32Array.of(7) };
    const count: TensorData = { dtype: "int64", dims: [], data: BigInt64Array.of(3n) };
    const file = writeSafetensors(
      [
        ["module.a.weight", one],
        ["module.a.num_batches_tracked", count],
      ],
      { entry: "x" },
    );
    expect(readWeights(file, "w.pth")).toEqual({ tensors: new Map([["a.weight", one]]), metadata: { entry: "x" } });
    // A header of 640 bytes begins like a pickle of protocol 2.
    const long = writeSafetensors([["a", one]], { note: " ".repeat(640 - 8 * 10) });
    expect(readWeights(long, "w").tensors.get("a")).toEqual(one);
    // A prefix that not all have belongs to the names.
    const mixed = writeSafetensors([
      ["module.a", one],
      ["b", one],
    ]);
    expect([...readWeights(mixed, "w").tensors.keys()].sort()).toEqual(["b", "module.a"]);
  });
});

describe("a body that is built of what is no body's", () => {
  const built = (tensors: readonly (readonly [string, TensorData])[]) => () => {
    const { tensors: state } = readWeights(writeSafetensors(tensors), "w");
    const builder = new ModelBuilder(new Graph(), { state, weightsName: "w", ...FROZEN });
    builder.parameter("a.weight", [2], "weight");
    return builder.tensor("b.weight", [2]);
  };
  const one: TensorData = { dtype: "float32", dims: [2], data: Float32Array.of(1, 2) };

  test("float64 is float32 by then, and whole numbers are refused", () => {
    const double: TensorData = { dtype: "float64", dims: [2], data: Float64Array.of(0.1, 2) };
    expect(
      built([
        ["a.weight", double],
        ["b.weight", double],
      ])(),
    ).toEqual({ ...one, data: Float32Array.of(0.1, 2) });
    const long: TensorData = { dtype: "int64", dims: [2], data: BigInt64Array.of(1n, 2n) };
    expect(
      built([
        ["a.weight", one],
        ["b.weight", long],
      ]),
    ).toThrow("`w` but received int64 values in `b.weight`;");
  });

  test("names are shown where not even the first is there", () => {
    const names = ["0.0.weight", "0.1.weight", "0.1.bias", "1.8.bias"].map((name) => [name, one] as const);
    expect(built(names)).toThrow(
      "`a.weight` but received none (the first tensors are `0.0.weight`, `0.1.bias`, `0.1.weight`) from `w`;",
    );
    expect(built([["a.weight", one]])).toThrow("`b.weight` but received none from `w`;");
  });
});

describe("a file that would run something is refused, by the name of what it calls", () => {
  test.each([...named(fixture.malicious), ...named(fixture.refused)])("%s", (_, { file, names }) => {
    const error = caught(bytesOf({ file }));
    expect(error).toMatchObject({ code: "WEIGHTS_UNSAFE" });
    expect((error as Error).message).toContain(`\`w.pth\` but received ${names};`);
  });
});

describe("a file of something else is refused", () => {
  test.each(named(fixture.wrong))("%s", (_, { file, reason }) => {
    expect(caught(bytesOf({ file }))).toMatchObject({
      code: "WEIGHTS_INVALID",
      message: expect.stringContaining(reason),
    });
  });

  test.each([
    ["nothing", "", "0 bytes"],
    ["a web page", "\ufeff\n<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"],
    ["a storage's error", '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "a web page"],
    ["text", "version https://git-lfs.github.com/spec/v1", "another kind of file"],
    ["the start of a zip", "PK\u0003\u0004", "a zip archive that is cut short"],
  ])("%s", (_, content, reason) => {
    for (const name of ["w.pth", "w.safetensors"]) {
      const error = caught(new TextEncoder().encode(content), name);
      expect(error).toMatchObject({ code: "WEIGHTS_INVALID", message: expect.stringContaining(`received ${reason}`) });
    }
  });

  test("cut anywhere: never a result with fewer values", () => {
    for (const name of ["views.zip", "types.legacy"]) {
      const file = bytesOf(fixture.good[name]!);
      for (let length = 0; length < file.length; length += length < 400 ? 1 : 5)
        expect(caught(file.subarray(0, length)), `${name} ${length}`).toMatchObject({ code: "WEIGHTS_INVALID" });
    }
  });
});

describe("bombs", () => {
  const u32 = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >>> 24) & 255];
  const ascii = (value: string) => [...value].map((letter) => letter.charCodeAt(0));
  const unicode = (value: string) => [0x58, ...u32(value.length), ...ascii(value)];
  const HEAD = [...[0x80, 2, 0x8a, 10], ...[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]];
  const PROTOCOL = [0x80, 2, 0x4d, 0xe9, 3, 0x2e];
  const SYSTEM = [0x80, 2, 0x7d, ...unicode("little_endian"), 0x88, 0x73, 0x2e];
  const legacy = (object: number[], keys: number[] = [0x80, 2, 0x5d, 0x2e], values: number[] = []) =>
    Uint8Array.from([...HEAD, ...PROTOCOL, ...SYSTEM, 0x80, 2, ...object, ...keys, ...values]);
  const KEYS = [0x80, 2, 0x5d, ...unicode("0"), 0x61, 0x2e];
  const storage = (count: number, type = "FloatStorage") => [
    ...[0x28, ...unicode("storage"), ...ascii(`ctorch\n${type}\n`), ...unicode("0"), ...unicode("cpu")],
    ...[0x4a, ...u32(count), 0x74, 0x51],
  ];
  const tensor = (count: number, offset: number, dims: number[], strides: number[], type?: string) => [
    ...[...ascii("ctorch._utils\n_rebuild_tensor_v2\n("), ...storage(count, type), 0x4a, ...u32(offset)],
    ...[0x28, ...dims.flatMap((dim) => [0x4a, ...u32(dim)]), 0x74],
    ...[0x28, ...strides.flatMap((stride) => [0x4a, ...u32(stride)]), 0x74, 0x74, 0x52],
  ];
  const dict = (value: number[]) => [0x7d, ...unicode("w"), ...value, 0x73, 0x2e];
  const stored = (count: number) => [...u32(count), 0, 0, 0, 0, ...new Array(4 * count).fill(0)];

  test("the frame of these cases is sound", () => {
    const file = legacy(dict(tensor(4, 1, [3], [1])), KEYS, stored(4));
    expect(readWeights(file, "w").tensors.get("w")).toEqual({ dtype: "float32", dims: [3], data: new Float32Array(3) });
  });

  test.each<[string, number[], string]>([
    ["a tensor behind its storage's end", dict(tensor(4, 2, [3], [1])), "up to value 4 in a storage of 4"],
    ["strides behind the end", dict(tensor(4, 0, [2, 2], [3, 1])), "up to value 4 in a storage of 4"],
    ["one value repeated without end", dict(tensor(4, 0, [1 << 20, 1 << 20], [0, 0])), "times the file's size"],
    [
      "dimensions beyond numbers",
      dict(tensor(4, 0, new Array(60).fill(1 << 30), new Array(60).fill(0))),
      "times the file's",
    ],
    ["a negative dimension", dict(tensor(4, 0, [-1], [1])), "described wrongly"],
    ["a negative offset", dict(tensor(4, -1, [1], [1])), "described wrongly"],
    ["more axes than torch has", dict(tensor(4, 0, new Array(65).fill(1), new Array(65).fill(1))), "described wrongly"],
    ["fewer strides than axes", dict(tensor(4, 0, [1, 1], [1])), "described wrongly"],
    ["a storage that is larger than the file's", dict(tensor(5, 0, [1], [1])), "16 bytes of values in place of 20"],
    ["a text of gigabytes", [0x58, ...u32(0xfffffff0), 0x2e], "a text of 4294967280 bytes"],
    ["a number of megabytes", [0x8b, ...u32(1 << 24), 0x2e], "a number of 16777216 bytes"],
    ["a name that does not end", [0x63, ...new Array(600).fill(0x61)], "a name that does not end"],
    ["a stack that runs empty", [0x2e], "runs empty"],
    ["a mark that was never set", [0x74, 0x2e], "never set"],
    ["a memory that was never stored", [0x68, 9, 0x2e], "never stored"],
    ["a call of a text", [...unicode("x"), 0x29, 0x52, 0x2e], "no function"],
    ["a list in place of a dictionary", [0x5d, 0x4b, 1, 0x4b, 2, 0x73, 0x2e], "no dictionary"],
    ["a state for a text", [...unicode("x"), 0x4e, 0x62, 0x2e], "a state for what has none"],
    ["an operation of objects", [0x6f, 0x2e], "operation 0x6f"],
  ])("%s", (_, object, reason) => {
    const error = caught(legacy(object, KEYS, stored(4)));
    expect(error).toMatchObject({ code: "WEIGHTS_INVALID", message: expect.stringContaining(reason) });
  });

  test.each([
    ["of less than nothing", [0x4a, ...u32(-(2 ** 31))]],
    ["beyond numbers", [0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 0x40]],
  ])("lists that grow by a dimension %s once they are checked", (_, size) => {
    const list = (memo: number) => [0x5d, 0x71, memo, 0x4a, ...u32(1), 0x61];
    const grown = [
      ...[...ascii("ctorch._utils\n_rebuild_tensor_v2\n("), ...storage(4), 0x4a, ...u32(0)],
      ...[...list(1), ...list(2), 0x74, 0x52],
      ...[0x68, 1, ...size, 0x61, 0x30, 0x68, 2, 0x4a, ...u32(1), 0x61, 0x30],
    ];
    const alone = readWeights(legacy(dict(grown), KEYS, stored(4)), "w").tensors;
    expect(alone.get("w")).toEqual({ dtype: "float32", dims: [1], data: new Float32Array(1) });
    // Beside one whose size is less than nothing, 4 MB would pass for a few bytes.
    const both = [0x7d, ...unicode("w"), ...grown, 0x73, ...unicode("x"), ...tensor(4, 0, [1 << 20], [0]), 0x73, 0x2e];
    expect(caught(legacy(both, KEYS, stored(4)))).toMatchObject({
      code: "WEIGHTS_INVALID",
      message: expect.stringContaining("times the file's size"),
    });
  });

  test("halves count as what they are widened to", () => {
    const file = (size: number) =>
      legacy(dict(tensor(4, 0, [size], [0], "HalfStorage")), KEYS, stored(4).slice(0, 8 + 8));
    // Sixteen times the file is four floats for each of its bytes.
    const most = 4 * file(1).length;
    expect(readWeights(file(most), "w").tensors.get("w")?.dims).toEqual([most]);
    expect(caught(file(most + 1))).toMatchObject({ message: expect.stringContaining("times the file's size") });
  });

  test("more operations than a state dict needs, and one long list made into many dictionaries", () => {
    const many = new Array(1_000_100).fill(0x5d);
    expect(caught(legacy(many))).toMatchObject({ message: expect.stringContaining("operations") });
    const list = [0x5d, 0x28, ...new Array(50_000).fill([0x5d, 0x29, 0x86]).flat(), 0x65, 0x71, 1];
    const ordered = [...ascii("ccollections\nOrderedDict\n"), 0x71, 2, 0x30];
    const copies = new Array(100).fill([0x68, 2, 0x68, 1, 0x85, 0x52, 0x30]).flat();
    expect(caught(legacy([...ordered, ...list, ...copies]))).toMatchObject({
      message: expect.stringContaining("dictionaries of more"),
    });
  });

  test("a zip directory that claims four thousand million entries", () => {
    const file = bytesOf(fixture.good["types.zip"]!);
    const view = new DataView(file.buffer);
    const find = (signature: number) => {
      for (let at = file.length - 4; at >= 0; at--) if (view.getUint32(at, true) === signature) return at;
      return expect.fail("no such record");
    };
    // torch writes the zip64 record, which fflate then reads counts from.
    const zip64 = find(0x06064b50);
    view.setUint32(zip64 + 32, 0xffffffff, true);
    const began = performance.now();
    expect(caught(file)).toMatchObject({ code: "WEIGHTS_INVALID" });
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

describe("whatever the bytes are, tensors come out or one of two errors", () => {
  const onlyKnownErrors = (bytes: Uint8Array) => {
    const error = caught(bytes);
    if (error === undefined) return;
    expect(error).toBeInstanceOf(BallsightError);
    expect(["WEIGHTS_INVALID", "WEIGHTS_UNSAFE"]).toContain((error as BallsightError).code);
  };

  test.each([
    "types.zip",
    "views.zip",
    "nested.zip",
    "types.legacy",
    "views.legacy",
    "python_2.legacy",
    "protocol_4.zip",
  ])("%s with bytes changed", (name) => {
    const sound = bytesOf(fixture.good[name]!);
    // Sixteen at once reaches the directory at the end as well as the pickle.
    const change = fc.tuple(
      fc.nat(sound.length - 1),
      fc.oneof(fc.nat(255), fc.constantFrom(0x28, 0x2e, 0x52, 0x62, 0x71, 0xff)),
    );
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 16 }), (changes) => {
        const bytes = sound.slice();
        for (const [index, value] of changes) bytes[index] = value;
        onlyKnownErrors(bytes);
      }),
      { numRuns: 400 },
    );
  });

  test("any pickle, and any bytes behind a known beginning", () => {
    const opcodes = fc.constantFrom(
      ...Buffer.from("2e284e88894b4a4d5d7d296c7485868761657375717268947063938c58554351526281305c", "hex"),
    );
    const begin = fc.constantFrom([0x80, 2], [0x50, 0x4b, 3, 4], [], [...HEAD_OF_SAFETENSORS]);
    fc.assert(
      fc.property(begin, fc.array(fc.oneof(opcodes, fc.nat(255)), { maxLength: 300 }), (head, tail) => {
        onlyKnownErrors(Uint8Array.from([...head, ...tail]));
      }),
      { numRuns: 3000 },
    );
  });
});

const HEAD_OF_SAFETENSORS = [40, 0, 0, 0, 0, 0, 0, 0, 0x7b];
