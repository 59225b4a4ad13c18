// safetensors files: an 8-byte header length, a JSON header, then the values. Header faults are found before anything is read by them.
// Format: https://github.com/huggingface/safetensors#format

import { bytesOf, type DType, float16Bits, sizeOf, type TensorArray, type TensorData, zeros } from "@ballsight/grad";
import { fail } from "../errors.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "./halfFloat.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, TensorData>;
  /** The header's `__metadata__`: texts by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Stored types; F16 and BF16 are widened to float32 when read; F16 is written on request only. */
const DTYPES = {
  F64: { dtype: "float64", bytes: 8 },
  I64: { dtype: "int64", bytes: 8 },
  F32: { dtype: "float32", bytes: 4 },
  I32: { dtype: "int32", bytes: 4 },
  F16: { dtype: "float32", bytes: 2 },
  BF16: { dtype: "float32", bytes: 2 },
  U8: { dtype: "uint8", bytes: 1 },
  BOOL: { dtype: "bool", bytes: 1 },
} as const satisfies Record<string, { dtype: DType; bytes: number }>;

type StoredType = keyof typeof DTYPES;

const STORED: Record<DType, StoredType> = {
  float64: "F64",
  int64: "I64",
  float32: "F32",
  int32: "I32",
  uint8: "U8",
  bool: "BOOL",
};

/** The reference implementation's limit: a length beyond it is no header but another kind of file. */
const MAX_HEADER = 100_000_000;
const LENGTH_BYTES = 8;
const METADATA = "__metadata__";

export interface WriteOptions {
  /** float32 tensors of at least this many values are stored as F16: half the file, three digits. */
  readonly halfFrom?: number;
}

interface Entry {
  readonly name: string;
  readonly stored: StoredType;
  readonly dims: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Parses a whole file. Values are copied, so the bytes may be let go.
 * @param name what to call the file in errors
 * @throws WEIGHTS_INVALID for a file that is truncated, has a header that is no header, or tensors that overlap, leave
 *   gaps, lie outside the file, do not fit their shape or have an unknown type
 */
export function readSafetensors(bytes: Uint8Array, name = "safetensors"): Safetensors {
  const invalid = (received: string, cause?: unknown): never => fail("WEIGHTS_INVALID", { name, received }, { cause });

  if (bytes.length < LENGTH_BYTES) invalid(`${bytes.length} bytes, less than the header's length takes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = view.getBigUint64(0, true);
  if (headerLength > MAX_HEADER) invalid(`a header length of ${headerLength} bytes, more than ${MAX_HEADER}`);
  const dataStart = LENGTH_BYTES + Number(headerLength);
  if (dataStart > bytes.length) {
    invalid(`a header length of ${headerLength} bytes in a file of ${bytes.length}: cut short or another kind of file`);
  }

  const header = parseHeader(bytes.subarray(LENGTH_BYTES, dataStart), invalid);
  const metadata = parseMetadata(header[METADATA], invalid);
  const entries = Object.entries(header)
    .filter(([key]) => key !== METADATA)
    .map(([key, value]) => parseEntry(key, value, invalid));
  checkCover(entries, bytes.length - dataStart, invalid);

  const tensors = new Map<string, TensorData>();
  for (const entry of entries) {
    const data = readValues(entry, bytes.subarray(dataStart + entry.begin, dataStart + entry.end), invalid);
    tensors.set(entry.name, { dtype: DTYPES[entry.stored].dtype, dims: entry.dims, data });
  }
  return { tensors, metadata };
}

/**
 * The file's bytes. Equal content gives equal bytes: wide types come first (so that every tensor starts aligned), then by
 * name; metadata by name; the header is filled with spaces to a multiple of 8.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, TensorData]>,
  metadata: Readonly<Record<string, string>> = {},
  { halfFrom = Number.POSITIVE_INFINITY }: WriteOptions = {},
): Uint8Array {
  const sorted = [...tensors]
    .map(([name, tensor]) => ({ name, tensor, ...storedAs(tensor, halfFrom) }))
    .sort((a, b) => DTYPES[b.stored].bytes - DTYPES[a.stored].bytes || compareText(a.name, b.name));
  const entries: [string, unknown][] = [];
  let end = 0;
  for (const { name, tensor, stored, bytes } of sorted) {
    if (name === METADATA) throw new RangeError(`internal: \`${METADATA}\` is no name for a tensor`);
    if (sizeOf(tensor.dims) !== tensor.data.length)
      throw new RangeError(`internal: [${tensor.dims}] of \`${name}\` has ${tensor.data.length} values`);
    const begin = end;
    end += bytes.length;
    entries.push([name, { dtype: stored, shape: tensor.dims, data_offsets: [begin, end] }]);
  }
  const texts = Object.entries(metadata).sort(([a], [b]) => compareText(a, b));
  if (texts.length > 0) entries.unshift([METADATA, Object.fromEntries(texts)]);

  // Written entry by entry: an object would move names like "0" to the front.
  const json = `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;
  const header = encodeUtf8(json);
  const dataStart = LENGTH_BYTES + Math.ceil(header.length / 8) * 8;
  const file = new Uint8Array(dataStart + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(dataStart - LENGTH_BYTES), true);
  file.set(header, LENGTH_BYTES);
  file.fill(0x20, LENGTH_BYTES + header.length, dataStart);
  let offset = dataStart;
  for (const { bytes } of sorted) {
    file.set(bytes, offset);
    offset += bytes.length;
  }
  return file;
}

function storedAs(tensor: TensorData, halfFrom: number): { stored: StoredType; bytes: Uint8Array } {
  if (tensor.dtype !== "float32" || tensor.data.length < halfFrom)
    return { stored: STORED[tensor.dtype], bytes: bytesOf(tensor.data) };
  const halves = Uint16Array.from(tensor.data as Float32Array, float16Bits);
  return { stored: "F16", bytes: new Uint8Array(halves.buffer) };
}

type Invalid = (received: string, cause?: unknown) => never;

function parseHeader(bytes: Uint8Array, invalid: Invalid): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(decodeUtf8(bytes));
  } catch (cause) {
    return invalid("a header that is not JSON", cause);
  }
  return isRecord(header) ? header : invalid("a header that is not a JSON object");
}

function parseMetadata(value: unknown, invalid: Invalid): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value)) return invalid(`\`${METADATA}\` that is not an object`);
  return Object.fromEntries(
    Object.entries(value).map(([key, text]) =>
      typeof text === "string" ? [key, text] : invalid(`\`${METADATA}\` with \`${key}\` that is not a text`),
    ),
  );
}

function parseEntry(name: string, value: unknown, invalid: Invalid): Entry {
  if (!isRecord(value)) return invalid(`tensor \`${name}\` that is not an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isStoredType(dtype)) return invalid(`tensor \`${name}\` of unknown type ${JSON.stringify(dtype)}`);
  if (!isSizes(shape)) return invalid(`tensor \`${name}\` of shape ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    return invalid(`tensor \`${name}\` at offsets ${JSON.stringify(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  const size = sizeOf(shape) * DTYPES[dtype].bytes;
  // Beyond 2^53 the product is rounded; no offset reaches that far, so it cannot be equal by accident.
  if (end - begin !== size) {
    return invalid(
      `tensor \`${name}\` with ${end - begin} bytes for ${dtype} [${shape.join(", ")}], which takes ${size}`,
    );
  }
  return { name, stored: dtype, dims: shape, begin, end };
}

/** Tensors must lie side by side from the first byte to the last: what no tensor owns could hide another file. */
function checkCover(entries: readonly Entry[], length: number, invalid: Invalid): void {
  let covered = 0;
  let before = "";
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (end > length) invalid(`tensor \`${name}\` up to byte ${end} of ${length}: the file is cut short`);
    if (begin < covered) invalid(`tensor \`${name}\` that overlaps \`${before}\``);
    if (begin > covered) invalid(`${begin - covered} bytes before tensor \`${name}\` that belong to none`);
    covered = end;
    before = name;
  }
  if (covered < length) invalid(`${length - covered} bytes at the end that belong to no tensor`);
}

function readValues({ name, stored, dims }: Entry, bytes: Uint8Array, invalid: Invalid): TensorArray {
  if (stored === "F16" || stored === "BF16") {
    // A copy by constructor: `slice` of a Node Buffer would share the file's memory, alignment and all.
    const words = new Uint16Array(new Uint8Array(bytes).buffer);
    return Float32Array.from(words, stored === "F16" ? float16ToFloat32 : bfloat16ToFloat32);
  }
  if (stored === "BOOL" && bytes.some((byte) => byte > 1)) {
    return invalid(`tensor \`${name}\` of type BOOL with values beyond 0 and 1`);
  }
  const { data } = zeros(DTYPES[stored].dtype, dims);
  bytesOf(data).set(bytes);
  return data;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isStoredType = (value: unknown): value is StoredType => typeof value === "string" && Object.hasOwn(DTYPES, value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

/** By code unit: the order must not depend on the machine's language. */
const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
