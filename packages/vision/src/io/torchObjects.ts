// What a pickle of torch may name: tensors, their storages and a few plain classes. Any other global is refused by its name.
// The names: https://github.com/pytorch/pytorch/blob/main/torch/_utils.py

import { fail } from "../errors.ts";
import type { PickleFunction, PickleHost } from "./pickle.ts";

/** Element types of storages; float16 and bfloat16 are widened when they are read. */
export const STORAGES = {
  FloatStorage: { dtype: "float32", bytes: 4 },
  DoubleStorage: { dtype: "float64", bytes: 8 },
  HalfStorage: { dtype: "float32", bytes: 2 },
  BFloat16Storage: { dtype: "float32", bytes: 2 },
  LongStorage: { dtype: "int64", bytes: 8 },
  IntStorage: { dtype: "int32", bytes: 4 },
  ByteStorage: { dtype: "uint8", bytes: 1 },
  BoolStorage: { dtype: "bool", bytes: 1 },
} as const;

/** Storages that torch has and TensorData has not: harmless, but not read. */
const UNREAD = new Map([
  ["torch.CharStorage", "int8"],
  ["torch.ShortStorage", "int16"],
  ["torch.ComplexFloatStorage", "complex64"],
  ["torch.ComplexDoubleStorage", "complex128"],
]);

export type StorageType = keyof typeof STORAGES;

/** A run of values somewhere else in the file; several tensors may look at one. Counts in elements. */
export class StorageRef {
  readonly key: string;
  readonly type: StorageType;
  /** Of the whole storage. */
  readonly length: number;
  /** Where the part begins that the older form calls a view. */
  readonly from: number;

  constructor(key: string, type: StorageType, length: number, from: number) {
    this.key = key;
    this.type = type;
    this.length = length;
    this.from = from;
  }
}

interface Layout {
  readonly storage: StorageRef;
  readonly offset: number;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
}

/** A tensor as its pickle describes it. Whether it lies inside its storage is for whoever reads the values. */
export class StoredTensor {
  /** Missing until BUILD gives it, in files of torch before 0.2. */
  layout: Layout | undefined;

  constructor(layout?: Layout) {
    this.layout = layout;
  }
}

class StorageClass {
  readonly type: StorageType;

  constructor(type: StorageType) {
    this.type = type;
  }
}

/** torch's own limit. */
const MAX_RANK = 64;
/** Entries of dictionaries made from lists: a short pickle could copy one long list many times. */
const MAX_PAIRS = 1_000_000;

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= MAX_RANK && value.every(isSize);

/**
 * The host of one file's pickles.
 * @param name what to call the file in errors
 * @throws WEIGHTS_UNSAFE for a global that is none of torch's, WEIGHTS_INVALID for wrong use of one that is, and for values of
 *   a type that is not read
 */
export function torchHost(name: string, invalid: (received: string) => never): PickleHost {
  let pairs = 0;

  const layout = (args: unknown): Layout => {
    const [storage, offset, dims, strides] = Array.isArray(args) ? args : [];
    if (
      !(storage instanceof StorageRef) ||
      !isSize(offset) ||
      !isSizes(dims) ||
      !isSizes(strides) ||
      dims.length !== strides.length
    )
      return invalid("a tensor that is described wrongly");
    // Copies: the pickle may hold the lists, and append to them after this check.
    return { storage, offset, dims: [...dims], strides: [...strides] };
  };
  const rebuildTensor: PickleFunction = (args) => new StoredTensor(layout(args));
  const rebuildParameter: PickleFunction = ([tensor]) =>
    tensor instanceof StoredTensor ? tensor : invalid("a parameter that is no tensor");
  const orderedDict: PickleFunction = ([items = []]) => {
    if (!Array.isArray(items)) return invalid("a dictionary that is described wrongly");
    pairs += items.length;
    if (pairs > MAX_PAIRS) invalid(`dictionaries of more than ${MAX_PAIRS} entries`);
    const isPair = (item: unknown): item is [unknown, unknown] => Array.isArray(item) && item.length === 2;
    return new Map(items.map((item) => (isPair(item) ? item : invalid("a dictionary that is described wrongly"))));
  };

  const globals = new Map<string, unknown>([
    ["collections.OrderedDict", orderedDict],
    ["torch._utils._rebuild_tensor", rebuildTensor],
    ["torch._utils._rebuild_tensor_v2", rebuildTensor],
    ["torch._utils._rebuild_parameter", rebuildParameter],
    ["torch._utils._rebuild_parameter_with_state", rebuildParameter],
    ["torch.nn.parameter.Parameter", rebuildParameter],
    ["torch.Size", (([sizes]) => (isSizes(sizes) ? sizes : invalid("a wrong size"))) satisfies PickleFunction],
    ["torch.device", () => null],
    ...DTYPES.map((dtype) => [`torch.${dtype}`, dtype] as const),
    ...(Object.keys(STORAGES) as StorageType[]).flatMap((type) => [
      [`torch.${type}`, new StorageClass(type)] as const,
      [`torch.${type.replace("Storage", "Tensor")}`, () => new StoredTensor()] as const,
    ]),
  ]);

  return {
    invalid,
    global: (module, global) => {
      const path = `${module}.${global}`;
      const unread = UNREAD.get(path);
      if (unread !== undefined) invalid(`${unread} values`);
      if (!globals.has(path)) fail("WEIGHTS_UNSAFE", { name, received: path });
      return globals.get(path);
    },
    persistent: (id) => storageRef(id) ?? invalid("a storage that is described wrongly"),
    build: (object, state) => {
      // An OrderedDict's state is the `_metadata` of its modules' versions.
      if (object instanceof Map) return;
      if (!(object instanceof StoredTensor) || object.layout !== undefined) return invalid("a state for what has none");
      object.layout = layout(state);
    },
  };
}

const DTYPES = "float16 bfloat16 float32 float64 half float double int8 int16 int32 int64 long uint8 bool".split(" ");

/** `("storage", class, key, location, length)`, in the older form with `(view key, offset, length)` or None behind. */
function storageRef(id: unknown): StorageRef | undefined {
  if (!Array.isArray(id) || id[0] !== "storage") return undefined;
  const [, storage, key, , length, view] = id as unknown[];
  if (!(storage instanceof StorageClass) || typeof key !== "string" || !isSize(length)) return undefined;
  if (view === undefined || view === null) return new StorageRef(key, storage.type, length, 0);
  const from = Array.isArray(view) ? view[1] : undefined;
  return isSize(from) ? new StorageRef(key, storage.type, length, from) : undefined;
}
