// safetensors: bytes laid out by hand, round trips of anything, and hostile headers.

import { existsSync, readFileSync } from "node:fs";
import type { DType, TensorData } from "@ballsight/grad";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BallsightError } from "../../src/errors.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "../../src/io/halfFloat.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";

/** A file of a header as given and so many zero bytes, or these bytes. */
function file(header: unknown, data: number | Uint8Array = 0): Uint8Array {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, typeof data === "number" ? Buffer.alloc(data) : data]);
}

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

describe("reading", () => {
  test("values of every type, laid out by hand, at odd offsets of the buffer", () => {
    const data = Buffer.alloc(8 + 8 + 8 + 4 + 3 + 2);
    data.writeDoubleLE(-1.5, 0);
    data.writeBigInt64LE(-(2n ** 62n), 8);
    data.writeFloatLE(0.25, 16);
    data.writeFloatLE(3, 20);
    data.writeInt32LE(-7, 24);
    data.set([0, 128, 255], 28);
    data.set([1, 0], 31);
    const bytes = file(
      {
        __metadata__: { format: "pt" },
        double: { dtype: "F64", shape: [], data_offsets: [0, 8] },
        long: { dtype: "I64", shape: [1], data_offsets: [8, 16] },
        float: { dtype: "F32", shape: [1, 2], data_offsets: [16, 24] },
        int: { dtype: "I32", shape: [1], data_offsets: [24, 28] },
        bytes: { dtype: "U8", shape: [3], data_offsets: [28, 31] },
        flags: { dtype: "BOOL", shape: [2], data_offsets: [31, 33] },
      },
      data,
    );
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const { tensors, metadata } = readSafetensors(shifted.subarray(3));
    expect(metadata).toEqual({ format: "pt" });
    expect(Object.fromEntries(tensors)).toEqual({
      double: { dtype: "float64", dims: [], data: Float64Array.of(-1.5) },
      long: { dtype: "int64", dims: [1], data: BigInt64Array.of(-(2n ** 62n)) },
      float: { dtype: "float32", dims: [1, 2], data: Float32Array.of(0.25, 3) },
      int: { dtype: "int32", dims: [1], data: Int32Array.of(-7) },
      bytes: { dtype: "uint8", dims: [3], data: Uint8Array.of(0, 128, 255) },
      flags: { dtype: "bool", dims: [2], data: Uint8Array.of(1, 0) },
    });
  });

  test("binary16 and bfloat16 widen to float32", () => {
    const header = {
      half: { dtype: "F16", shape: [2], data_offsets: [0, 4] },
      brain: { dtype: "BF16", shape: [2], data_offsets: [4, 8] },
    };
    const { tensors } = readSafetensors(file(header, Uint8Array.of(0x00, 0x3e, 0x00, 0xc0, 0x80, 0x3f, 0x49, 0xc0)));
    expect(tensors.get("half")).toEqual({ dtype: "float32", dims: [2], data: Float32Array.of(1.5, -2) });
    expect(tensors.get("brain")).toEqual({ dtype: "float32", dims: [2], data: Float32Array.of(1, -3.140625) });
  });

  test.each([
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x7bff, 65504],
    [0x8000, -0],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
  ])("binary16 %d", (bits, value) => expect(float16ToFloat32(bits)).toBe(value));

  test("bfloat16 keeps sign, infinities and the smallest numbers", () => {
    expect([0xff80, 0x8000, 0x0001].map(bfloat16ToFloat32)).toEqual([Number.NEGATIVE_INFINITY, -0, 2 ** -133]);
  });

  const weights = new URL("../../../../../shared/weights/mobilenet_v2.tf_in1k.safetensors", import.meta.url);
  test.skipIf(!existsSync(weights))("the pretrained weights (skipped without ../shared/weights)", () => {
    const { tensors, metadata } = readSafetensors(readFileSync(weights));
    expect(metadata).toMatchObject({ architecture: "mobilenet_v2", license: "Apache-2.0" });
    expect(tensors.get("features.0.0.weight")!.dims).toEqual([32, 3, 3, 3]);
    expect(tensors.get("classifier.1.weight")!.dims).toEqual([1001, 1280]);
  });
});

describe("writing", () => {
  test("header in order of width and name, filled with spaces to 8 bytes, metadata first and sorted", () => {
    const bytes = writeSafetensors(
      [
        ["b", { dtype: "uint8", dims: [3], data: Uint8Array.of(7, 8, 9) }],
        ["é", { dtype: "float32", dims: [], data: Float32Array.of(1) }],
        ["a", { dtype: "bool", dims: [1], data: Uint8Array.of(1) }],
        ["1", { dtype: "float32", dims: [1], data: Float32Array.of(2) }],
        ["long", { dtype: "int64", dims: [1], data: BigInt64Array.of(-1n) }],
      ],
      { z: "last", a: "first" },
    );
    const json =
      '{"__metadata__":{"a":"first","z":"last"},"long":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},' +
      '"1":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"é":{"dtype":"F32","shape":[],"data_offsets":[12,16]},' +
      '"a":{"dtype":"BOOL","shape":[1],"data_offsets":[16,17]},"b":{"dtype":"U8","shape":[3],"data_offsets":[17,20]}}';
    const length = Math.ceil(Buffer.byteLength(json) / 8) * 8;
    const values = "ffffffffffffffff000000400000803f01070809";
    expect(Buffer.from(bytes).readBigUInt64LE()).toBe(BigInt(length));
    expect(Buffer.from(bytes.subarray(8, 8 + length)).toString()).toBe(
      json + " ".repeat(length - Buffer.byteLength(json)),
    );
    expect(Buffer.from(bytes.subarray(8 + length)).toString("hex")).toBe(values);
  });

  test("nothing at all is a file too", () => {
    const bytes = writeSafetensors([]);
    expect(Buffer.from(bytes).toString("latin1")).toBe("\b\0\0\0\0\0\0\0{}      ");
    expect(readSafetensors(bytes).tensors.size).toBe(0);
  });

  const typed: fc.Arbitrary<TensorData> = fc
    .tuple(
      fc.constantFrom<DType>("float32", "float64", "int64", "int32", "uint8", "bool"),
      fc.array(fc.nat(4), { maxLength: 4 }),
      fc.infiniteStream(fc.integer({ min: -1000, max: 1000 })),
    )
    .map(([dtype, dims, stream]) => {
      const size = dims.reduce((product, dim) => product * dim, 1);
      const values = [...stream.take(size)];
      const data =
        dtype === "float32"
          ? Float32Array.from(values, (value) => value / 7)
          : dtype === "float64"
            ? Float64Array.from(values, (value) => value / 7)
            : dtype === "int64"
              ? BigInt64Array.from(values, BigInt)
              : dtype === "int32"
                ? Int32Array.from(values)
                : Uint8Array.from(values, (value) => (dtype === "bool" ? value & 1 : value));
      return { dtype, dims, data };
    });
  const names = fc.string({ unit: "binary" }).filter((name) => name !== "__metadata__" && !/\p{Surrogate}/u.test(name));

  test("what was written is read, whatever names, types and shapes; order does not change the bytes", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(names, typed), { selector: ([name]) => name, maxLength: 6 }),
        fc.array(fc.tuple(names, names)),
        (tensors, texts) => {
          const metadata = Object.fromEntries(texts);
          const bytes = writeSafetensors(tensors, metadata);
          const read = readSafetensors(bytes);
          expect(new Map(read.tensors)).toEqual(new Map(tensors));
          expect(read.metadata).toEqual(metadata);
          expect(writeSafetensors([...tensors].reverse(), metadata)).toEqual(bytes);
        },
      ),
    );
  });

  test("refuses values that do not fill the shape", () => {
    const tensor = { dtype: "float32", dims: [3], data: new Float32Array(2) } as const;
    expect(() => writeSafetensors([["w", tensor]])).toThrow("[3] of `w` has 2 values");
  });
});

describe("hostile files", () => {
  test.each<[string, Uint8Array, string]>([
    ["no bytes", new Uint8Array(0), "0 bytes, less than"],
    ["half a length", new Uint8Array(7), "7 bytes, less than"],
    ["a length beyond the file", file("{}", 0).subarray(0, 9), "a header length of 2 bytes in a file of 9: cut short"],
    ["a length beyond all reason", new Uint8Array(16).fill(0xff), "18446744073709551615 bytes, more than 100000000"],
    ["text", file("hello"), "a header that is not JSON"],
    ["no UTF-8", Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0xff), "a header that is not JSON"],
    ["a list", file([]), "a header that is not a JSON object"],
    ["null", file("null"), "a header that is not a JSON object"],
    ["metadata that is a text", file({ __metadata__: "x" }), "`__metadata__` that is not an object"],
    ["metadata with a number", file({ __metadata__: { a: 1 } }), "`__metadata__` with `a` that is not a text"],
    ["a tensor that is none", file({ w: 3 }), "tensor `w` that is not an object"],
    ["an unknown type", file({ w: { ...f32(0, 4), dtype: "F8_E4M3" } }, 4), 'tensor `w` of unknown type "F8_E4M3"'],
    ["a type out of Object", file({ w: { ...f32(0, 4), dtype: "toString" } }, 4), 'unknown type "toString"'],
    ["a negative dimension", file({ w: f32(0, 4, [-1, -1]) }, 4), "tensor `w` of shape [-1,-1]"],
    ["a fraction of a dimension", file({ w: f32(0, 4, [0.5, 2]) }, 4), "tensor `w` of shape [0.5,2]"],
    ["no shape", file({ w: { dtype: "F32", data_offsets: [0, 4] } }, 4), "tensor `w` of shape undefined"],
    ["one offset", file({ w: { dtype: "F32", shape: [1], data_offsets: [4] } }, 4), "at offsets [4]"],
    ["offsets backwards", file({ w: { dtype: "F32", shape: [1], data_offsets: [4, 0] } }, 4), "at offsets [4,0]"],
    ["a shape that takes more", file({ w: f32(0, 4, [2]) }, 4), "with 4 bytes for F32 [2], which takes 8"],
    ["a shape beyond numbers", file({ w: f32(0, 4, new Array(9).fill(2 ** 50)) }, 4), "which takes"],
    ["truncated values", file({ w: f32(0, 8) }, 7), "tensor `w` up to byte 8 of 7: the file is cut short"],
    ["an overlap", file({ v: f32(0, 8), w: f32(4, 12) }, 12), "tensor `w` that overlaps `v`"],
    ["the same place twice", file({ v: f32(0, 8), w: f32(0, 8) }, 8), "tensor `w` that overlaps `v`"],
    ["a gap", file({ v: f32(0, 4), w: f32(8, 12) }, 12), "4 bytes before tensor `w` that belong to none"],
    ["bytes at the end", file({ w: f32(0, 4) }, 9), "5 bytes at the end that belong to no tensor"],
    [
      "a third truth value",
      file({ w: { dtype: "BOOL", shape: [1], data_offsets: [0, 1] } }, Buffer.of(2)),
      "beyond 0 and 1",
    ],
  ])("%s", (_, bytes, reason) => {
    const read = () => readSafetensors(bytes, "w.safetensors");
    expect(read).toThrow("expected a weights file (safetensors or PyTorch) for `w.safetensors` but received ");
    expect(read).toThrow(reason);
  });

  const sound = writeSafetensors(
    [
      ["a", { dtype: "float32", dims: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ["b", { dtype: "int64", dims: [1], data: BigInt64Array.of(9n) }],
    ],
    { format: "pt" },
  );
  const onlyKnownErrors = (bytes: Uint8Array) => {
    try {
      return readSafetensors(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(BallsightError);
      expect(error).toMatchObject({ code: "WEIGHTS_INVALID" });
      return undefined;
    }
  };

  test("a file cut anywhere is refused", () => {
    for (let length = 0; length < sound.length; length++) {
      expect(onlyKnownErrors(sound.subarray(0, length))).toBeUndefined();
    }
  });

  test("changed bytes and any JSON as header give a result or the one error", () => {
    const change = fc.tuple(fc.nat(sound.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = sound.slice();
        for (const [index, value] of changes) bytes[index] = value;
        onlyKnownErrors(bytes);
      }),
      { numRuns: 500 },
    );
    fc.assert(fc.property(fc.jsonValue(), fc.nat(16), (header, size) => void onlyKnownErrors(file(header, size))));
    const entry = fc.record({
      dtype: fc.constantFrom("F32", "I64", "U8", "F16", "X"),
      shape: fc.array(fc.oneof(fc.nat(3), fc.double())),
      data_offsets: fc.array(fc.oneof(fc.nat(16), fc.double()), { minLength: 1, maxLength: 3 }),
    });
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), entry),
        fc.nat(16),
        (header, size) => void onlyKnownErrors(file(header, size)),
      ),
    );
  });
});
