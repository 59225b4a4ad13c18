// The values of torch's tensors: storages to TensorData, through any strides, inside bounds that a file's own size sets.

import { sizeOf, type TensorArray, type TensorData } from "@ballsight/grad";
import { bfloat16ToFloat32, float16ToFloat32 } from "./halfFloat.ts";
import { STORAGES, type StorageRef, type StoredTensor } from "./torchObjects.ts";

/**
 * How much larger than its file all tensors together may be, as they are held: halves widened. Shared storages and halves
 * make them larger in earnest; a few bytes that repeat one storage a million times are a bomb.
 */
const MAX_GROWTH = 16;

const ARRAYS = {
  FloatStorage: Float32Array,
  DoubleStorage: Float64Array,
  HalfStorage: Uint16Array,
  BFloat16Storage: Uint16Array,
  LongStorage: BigInt64Array,
  IntStorage: Int32Array,
  ByteStorage: Uint8Array,
  BoolStorage: Uint8Array,
} as const;

type Words = InstanceType<(typeof ARRAYS)[keyof typeof ARRAYS]>;

/**
 * @param bytesOf a storage's bytes in memory of their own, so that they are aligned and may be handed on; undefined where
 *   the file has none
 * @param fileSize of the whole file in bytes
 */
export function readTensors(
  stored: ReadonlyMap<string, StoredTensor>,
  bytesOf: (storage: StorageRef) => Uint8Array | undefined,
  fileSize: number,
  invalid: (received: string) => never,
): Map<string, TensorData> {
  const storages = new Map<string, Words>();
  /** Storages that a tensor holds as they are; the next one that looks at them gets a copy. */
  const taken = new Set<Words>();
  let total = 0;

  const valuesOf = (name: string, storage: StorageRef): Words => {
    const known = storages.get(storage.key);
    if (known !== undefined) {
      if (!(known instanceof ARRAYS[storage.type])) invalid(`tensor \`${name}\` with values of two types`);
      return known;
    }
    const bytes = bytesOf(storage) ?? invalid(`tensor \`${name}\` without its values`);
    const expected = storage.length * STORAGES[storage.type].bytes;
    if (bytes.length !== expected)
      invalid(`tensor \`${name}\` with ${bytes.length} bytes of values in place of ${expected}`);
    const values = new ARRAYS[storage.type](bytes.buffer as ArrayBuffer, bytes.byteOffset, storage.length);
    storages.set(storage.key, values);
    return values;
  };

  const tensors = new Map<string, TensorData>();
  for (const [name, { layout }] of stored) {
    if (layout === undefined) return invalid(`tensor \`${name}\` without a storage`);
    const { storage, dims, strides } = layout;
    const { dtype, bytes } = STORAGES[storage.type];
    const size = sizeOf(dims);
    total += size * (dtype === "float32" ? 4 : bytes);
    if (!(total <= MAX_GROWTH * fileSize))
      invalid(`tensors of more than ${MAX_GROWTH} times the file's size, up to \`${name}\` [${dims}]`);
    const values = valuesOf(name, storage);
    const offset = storage.from + layout.offset;
    const last = dims.reduce((index, dim, axis) => index + (dim - 1) * strides[axis]!, offset);
    if (size > 0 && last >= values.length)
      invalid(`tensor \`${name}\` up to value ${last} in a storage of ${values.length}`);

    let data: Words;
    if (!isContiguous(dims, strides)) data = gather(values, offset, dims, strides);
    else if (offset === 0 && size === values.length && !taken.has(values)) {
      taken.add(values);
      data = values;
    } else data = values.slice(offset, offset + size);
    if (dtype === "bool" && (data as Uint8Array).some((value) => value > 1))
      invalid(`tensor \`${name}\` of type BoolStorage with values beyond 0 and 1`);
    tensors.set(name, { dtype, dims, data: widened(data, storage) });
  }
  return tensors;
}

/** Row-major without gaps; what an axis of one value steps by does not matter. */
function isContiguous(dims: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    if (dims[axis] !== 1 && strides[axis] !== step) return false;
    step *= dims[axis]!;
  }
  return true;
}

/** Any strides to row-major. The indices lie inside `values`. */
function gather(values: Words, offset: number, dims: readonly number[], strides: readonly number[]): Words {
  const result = new (values.constructor as new (length: number) => Words)(sizeOf(dims));
  const index = dims.map(() => 0);
  let from = offset;
  for (let i = 0; i < result.length; i++) {
    result[i] = values[from]!;
    // Counts on like an odometer: an axis that is through goes back to its start and moves the one before it.
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < dims[axis]!) break;
      from -= strides[axis]! * dims[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

function widened(data: Words, { type }: StorageRef): TensorArray {
  if (type === "HalfStorage") return Float32Array.from(data as Uint16Array, float16ToFloat32);
  if (type === "BFloat16Storage") return Float32Array.from(data as Uint16Array, bfloat16ToFloat32);
  return data as TensorArray;
}
