// PyTorch's files of weights: the zip form (torch 1.6 and later) and the older one, a row of pickles with the values behind.
// Nothing in them is executed; see pickle.ts and torchObjects.ts.

import type { TensorData } from "@ballsight/grad";
import { fail } from "../errors.ts";
import { type PickleHost, unpickle } from "./pickle.ts";
import { STORAGES, type StorageRef, StoredTensor, torchHost } from "./torchObjects.ts";
import { readTensors } from "./torchValues.ts";
import { encodeUtf8 } from "./utf8.ts";
import { type Invalid, isZip, unzipStored } from "./zipArchive.ts";

const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;
/** Keys under which training programs put the state dict beside other things. */
const NESTED = ["state_dict", "model_state_dict", "model"];

/** Whether it begins as either form does; any other pickle of protocol 2 to 5 begins like the older one. */
export const isTorch = (bytes: Uint8Array): boolean =>
  isZip(bytes) || (bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5);

/**
 * The tensors of a state dict, by name, also where it lies under one of NESTED. Values are copied, so the bytes may be
 * let go.
 * @param name what to call the file in errors
 * @throws WEIGHTS_INVALID, WEIGHTS_UNSAFE
 */
export function readTorch(bytes: Uint8Array, name: string): Map<string, TensorData> {
  const invalid: Invalid = (received, cause) => fail("WEIGHTS_INVALID", { name, received }, { cause });
  const host = torchHost(name, invalid);
  return isZip(bytes) ? readZip(bytes, host, invalid) : readLegacy(bytes, host, invalid);
}

/** `NAME/data.pkl` holds the object, `NAME/data/KEY` the bytes of each storage. */
function readZip(bytes: Uint8Array, host: PickleHost, invalid: Invalid): Map<string, TensorData> {
  const heads = unzipStored(bytes, (entry) => /^[^/]+\/(data\.pkl|byteorder)$/.test(entry), invalid);
  const pickles = [...heads.keys()].filter((entry) => entry.endsWith("/data.pkl"));
  if (pickles.length !== 1) return invalid(`a zip archive with ${pickles.length || "no"} data.pkl: no PyTorch weights`);
  const [pickle] = pickles as [string];
  const folder = pickle.slice(0, -"/data.pkl".length);
  const order = heads.get(`${folder}/byteorder`);
  if (order !== undefined && order.join() !== encodeUtf8("little").join()) invalid("values in big-endian order");

  const stored = stateDict(unpickle(heads.get(pickle)!, 0, host).value) ?? invalid(NO_STATE_DICT);
  const path = ({ key }: StorageRef) => `${folder}/data/${key}`;
  const paths = new Set([...stored.values()].flatMap(({ layout }) => (layout ? [path(layout.storage)] : [])));
  const values = unzipStored(bytes, (entry) => paths.has(entry), invalid);
  return readTensors(stored, (storage) => values.get(path(storage)), bytes.length, invalid);
}

/** Pickles of a magic number, a protocol, the system, the object, the storages' keys; then length and bytes of each storage. */
function readLegacy(bytes: Uint8Array, host: PickleHost, invalid: Invalid): Map<string, TensorData> {
  const storages = new Map<string, StorageRef>();
  const remember = (id: unknown) => {
    const storage = host.persistent(id) as StorageRef;
    storages.set(storage.key, storage);
    return storage;
  };
  let at = 0;
  const next = (): unknown => {
    const { value, end } = unpickle(bytes, at, { ...host, persistent: remember });
    at = end;
    return value;
  };
  if (next() !== LEGACY_MAGIC) return invalid("a pickle that torch did not write");
  if (next() !== LEGACY_PROTOCOL) return invalid("an unknown version of PyTorch's older form");
  const system = next();
  if (!(system instanceof Map) || system.get("little_endian") !== true) invalid("values in big-endian order");
  const stored = stateDict(next()) ?? invalid(NO_STATE_DICT);
  const keys = next();
  if (!Array.isArray(keys)) return invalid("a list of storages that is none");

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Map<string, Uint8Array>();
  for (const key of keys as unknown[]) {
    const storage = storages.get(key as string);
    if (storage === undefined || values.has(storage.key)) return invalid("a list of storages that is wrong");
    if (bytes.length - at < 8) return invalid("a file that is cut short");
    const length = Number(view.getBigInt64(at, true));
    const begin = at + 8;
    at = begin + length * STORAGES[storage.type].bytes;
    if (length < 0 || at > bytes.length) return invalid("a file that is cut short");
    // A copy by constructor: `slice` of a Node Buffer would share the file's memory, alignment and all.
    values.set(storage.key, new Uint8Array(bytes.subarray(begin, at)));
  }
  return readTensors(stored, ({ key }) => values.get(key), bytes.length, invalid);
}

const NO_STATE_DICT = "a PyTorch file without a state dict";

/** What is no tensor is left out: epochs, losses, settings. */
function stateDict(root: unknown, depth = 0): Map<string, StoredTensor> | undefined {
  if (!(root instanceof Map)) return undefined;
  // The nested one first: beside it there may be single tensors, the best accuracy for one.
  for (const key of depth < 2 ? NESTED : []) {
    const nested = stateDict(root.get(key), depth + 1);
    if (nested !== undefined) return nested;
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [key, value] of root as Map<unknown, unknown>) {
    if (typeof key === "string" && value instanceof StoredTensor) tensors.set(key, value);
  }
  return tensors.size > 0 ? tensors : undefined;
}
