// A weights file of any kind that is read, told apart by how it begins, not by its name.

import { float32, type TensorData } from "@ballsight/grad";
import { fail } from "../errors.ts";
import { readSafetensors, type Safetensors } from "./safetensors.ts";
import { isTorch, readTorch } from "./torchFile.ts";

/** What DataParallel and torch.compile put before every name, in either order. */
const WRAPPERS = ["module.", "_orig_mod."];

/**
 * Tensors by torch's names, from safetensors or either form of PyTorch's files. WRAPPERS are taken off, and
 * `num_batches_tracked`, which counts batches and computes nothing, left out; float64 becomes float32.
 * @param name what to call the file in errors
 * @throws WEIGHTS_INVALID for a file that is damaged or none of these, WEIGHTS_UNSAFE for a pickle that names a function
 *   or class beyond tensors; nothing in a file is ever executed
 */
export function readWeights(bytes: Uint8Array, name: string): Safetensors {
  if (isSafetensors(bytes)) {
    const { tensors, metadata } = readSafetensors(bytes, name);
    return { tensors: tidied(tensors), metadata };
  }
  if (isTorch(bytes)) return { tensors: tidied(readTorch(bytes, name)), metadata: {} };
  const received = bytes.length === 0 ? "0 bytes" : isWebPage(bytes) ? "a web page" : "another kind of file";
  return fail("WEIGHTS_INVALID", { name, received });
}

/** A header length below 4 GiB, then the JSON's brace: before the pickles, since a length may begin as they do. */
const isSafetensors = (bytes: Uint8Array): boolean =>
  bytes.length > 8 && bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0);

/** What a proxy or a sign-in page answers in place of a file. Only for bytes that begin as text. */
export function isWebPage(bytes: Uint8Array): boolean {
  const begin = String.fromCharCode(...bytes.subarray(0, 256)).replace(/^\u00ef\u00bb\u00bf/, "");
  return /^\s*<(!doctype|html|head|\?xml)/i.test(begin);
}

function tidied(tensors: ReadonlyMap<string, TensorData>): ReadonlyMap<string, TensorData> {
  const kept = [...tensors].filter(([name]) => !name.endsWith("num_batches_tracked"));
  const common = () => WRAPPERS.find((prefix) => kept.every(([name]) => name.startsWith(prefix)));
  for (let prefix = common(); kept.length > 0 && prefix !== undefined; prefix = common())
    for (const entry of kept) entry[0] = entry[0].slice(prefix.length);
  return new Map(kept.map(([name, tensor]) => [name, single(tensor)]));
}

/** What `model.double()` leaves in a state dict: no kernel of the networks takes it. */
const single = (tensor: TensorData): TensorData =>
  tensor.dtype === "float64" ? float32(Float32Array.from(tensor.data as Float64Array), tensor.dims) : tensor;
