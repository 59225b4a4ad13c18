// Tensors of the Open Inference Protocol, as JSON and with its binary extension: every length is checked before anything is allocated.

import { fail } from "@ballsight/vision";
import { describe } from "../http/body.ts";

/** As a request names it. */
export interface InputTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: string;
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  readonly data?: unknown;
}

export interface RequestParts {
  readonly json: Uint8Array;
  /** What follows the JSON. */
  readonly binary: Uint8Array;
}

const LENGTH_HEADER = "Inference-Header-Content-Length";

/** Splits a body by the header that says how long its JSON is; without one all of it is JSON. @throws REQUEST_INVALID */
export function splitBody(body: Uint8Array, jsonLength: string | undefined, most: number): RequestParts {
  if (jsonLength === undefined) return { json: body, binary: new Uint8Array() };
  const length = Number(jsonLength);
  const limit = Math.min(body.byteLength, most);
  if (!/^\d{1,12}$/.test(jsonLength) || length > limit) {
    const expected = `a number from 0 to ${limit}`;
    return fail("REQUEST_INVALID", { name: LENGTH_HEADER, expected, received: describe(jsonLength) });
  }
  return { json: body.subarray(0, length), binary: body.subarray(length) };
}

/** The raw bytes of each input that has them behind the JSON, in order, which must use them up. @throws REQUEST_INVALID */
export function binaryInputs(inputs: readonly InputTensor[], binary: Uint8Array): Map<InputTensor, Uint8Array> {
  const found = new Map<InputTensor, Uint8Array>();
  let at = 0;
  for (const input of inputs) {
    const size = input.parameters?.binary_data_size;
    if (size === undefined) continue;
    const name = `${input.name}.parameters.binary_data_size`;
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0 || size > binary.byteLength - at) {
      return fail("REQUEST_INVALID", { name, expected: "the bytes that follow the JSON", received: describe(size) });
    }
    found.set(input, binary.subarray(at, at + size));
    at += size;
  }
  if (at !== binary.byteLength) {
    const expected = `${at} bytes behind the JSON, as the inputs say`;
    return fail("REQUEST_INVALID", { name: "the body", expected, received: binary.byteLength });
  }
  return found;
}

/** Elements that a shape has. @throws REQUEST_INVALID */
export function elements({ name, shape }: InputTensor): number {
  const count = shape.reduce((product, side) => product * side, 1);
  if (shape.every((side) => Number.isSafeInteger(side) && side >= 0) && Number.isSafeInteger(count)) return count;
  return fail("REQUEST_INVALID", { name: `${name}.shape`, expected: "whole sides from 0", received: describe(shape) });
}

/** UINT8 elements out of JSON, flat or nested, or of raw bytes; a copy of its own. @throws REQUEST_INVALID */
export function uint8Data(input: InputTensor, raw: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
  const count = elements(input);
  const wrong = (received: string | number) =>
    fail("REQUEST_INVALID", { name: `${input.name}.data`, expected: `${count} bytes, as its shape says`, received });
  if (raw !== undefined) return raw.byteLength === count ? raw.slice() : wrong(raw.byteLength);
  // Counted before the room is made: a shape is written quickly.
  const found = visit(input, count, () => undefined);
  if (found !== count) return wrong(found > count ? "more" : found);
  const all = new Uint8Array(count);
  visit(input, count, (value, at) => {
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 255) wrong(describe(value));
    all[at] = value as number;
  });
  return all;
}

/** BYTES elements: texts in base64 in JSON, or length (u32, little-endian) and bytes each. @throws REQUEST_INVALID */
export function bytesData(
  input: InputTensor,
  raw: Uint8Array | undefined,
  decode: (text: string) => Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer>[] {
  const count = elements(input);
  const name = `${input.name}.data`;
  const found = raw === undefined ? textElements(flatten(input, count), name, decode) : rawElements(raw, name);
  if (found.length === count) return found;
  return fail("REQUEST_INVALID", { name, expected: `${count} elements, as its shape says`, received: found.length });
}

function textElements(
  flat: readonly unknown[],
  name: string,
  decode: (text: string) => Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer>[] {
  return flat.map((value) =>
    typeof value === "string"
      ? decode(value)
      : fail("REQUEST_INVALID", { name, expected: "base64", received: describe(value) }),
  );
}

function rawElements(raw: Uint8Array, name: string): Uint8Array<ArrayBuffer>[] {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const found: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < raw.byteLength; ) {
    const left = raw.byteLength - at - 4;
    const length = left < 0 ? 0 : view.getUint32(at, true);
    if (length > left) {
      return fail("REQUEST_INVALID", { name, expected: "length and bytes of each element", received: "fewer bytes" });
    }
    // An element of no bytes moves on by its length alone: a body of zeros makes a quarter as many as it has bytes.
    if (found.length > MAX_ELEMENTS) {
      return fail("REQUEST_INVALID", { name, expected: `at most ${MAX_ELEMENTS} photos`, received: "more" });
    }
    found.push(raw.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

/** Photos in one request. */
export const MAX_ELEMENTS = 16;
/** Of nested arrays: [N, H, W, 3]. */
const MAX_DEPTH = 4;

function flatten(input: InputTensor, count: number): unknown[] {
  const flat: unknown[] = [];
  visit(input, count, (value) => flat.push(value));
  return flat;
}

/** Elements one by one, at most one more than `count`; returns how many. @throws REQUEST_INVALID */
function visit({ name, data }: InputTensor, count: number, each: (value: unknown, at: number) => void): number {
  if (!Array.isArray(data)) {
    return fail("REQUEST_INVALID", { name: `${name}.data`, expected: "an array", received: describe(data) });
  }
  let at = 0;
  const walk = (values: readonly unknown[], depth: number): void => {
    for (const value of values) {
      if (at > count) return;
      if (depth < MAX_DEPTH && Array.isArray(value)) walk(value, depth + 1);
      else each(value, at++);
    }
  };
  walk(data, 1);
  return at;
}

/** An output as JSON, or its raw bytes: float32 is little-endian on every machine that runs ONNX Runtime. */
export const rawBytes = (data: Float32Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Texts as BYTES: u32 little-endian length and UTF-8 each. */
export function packTexts(texts: readonly string[]): Uint8Array {
  const parts = texts.flatMap((text) => {
    const bytes = Buffer.from(text, "utf8");
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return [length, bytes];
  });
  return Buffer.concat(parts);
}
