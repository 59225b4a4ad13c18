// Tensors as plain data: element type, dimensions, values in row-major order. What crosses every border of this package.

export type DType = "float32" | "float64" | "int64" | "int32" | "uint8" | "bool";

type ArrayOf = {
  float32: Float32Array;
  float64: Float64Array;
  int64: BigInt64Array;
  int32: Int32Array;
  uint8: Uint8Array;
  bool: Uint8Array;
};

export type TensorArray<T extends DType = DType> = ArrayOf[T];

export interface TensorData<T extends DType = DType> {
  readonly dtype: T;
  readonly dims: readonly number[];
  readonly data: TensorArray<T>;
}

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** Number of elements of a tensor with these dimensions; 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((size, dim) => size * dim, 1);
}

/** A tensor filled with zeros. */
export function zeros<T extends DType>(dtype: T, dims: readonly number[]): TensorData<T> {
  return { dtype, dims, data: new ARRAYS[dtype](sizeOf(dims)) as unknown as TensorArray<T> };
}

/** A float32 tensor from numbers. */
export function float32(data: ArrayLike<number>, dims: readonly number[] = [data.length]): TensorData<"float32"> {
  return { dtype: "float32", dims, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}

/** An int64 tensor from numbers (shapes, axes, class indices). */
export function int64(data: ArrayLike<number>, dims: readonly number[] = [data.length]): TensorData<"int64"> {
  return { dtype: "int64", dims, data: BigInt64Array.from(Array.from(data, (value) => BigInt(value))) };
}

/** The values as little-endian bytes, sharing memory: ONNX's `raw_data` and safetensors both want this. */
export function bytesOf(data: TensorArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A typed array over a copy of the bytes: file offsets are rarely aligned, and the slice of a Node Buffer would share its memory. */
export function arrayFromBytes<T extends DType>(dtype: T, bytes: Uint8Array): TensorArray<T> {
  return new ARRAYS[dtype](new Uint8Array(bytes).buffer) as unknown as TensorArray<T>;
}
