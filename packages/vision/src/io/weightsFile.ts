// A weights file of any kind that is read, told apart by how it begins, not by its name.

import type { TensorData } from "@ballsight/grad";
import { fail } from "../errors.ts";
import { readSafetensors, type Safetensors } from "./safetensors.ts";
import { isTorch, readTorch } from "./torchFile.ts";

/**
 * Tensors by torch's names, from safetensors or either form of PyTorch's files. `module.`, which DataParallel puts before
 * every name, is taken off, and `num_batches_tracked`, which counts batches and computes nothing, left out.
 * @param name what to call the file in errors
 * @throws WEIGHTS_INVALID for a file that is damaged or none of these, WEIGHTS_UNSAFE for a pickle that names a function
 *   or class beyond tensors; nothing in a file is ever executed
 */
export function readWeights(bytes: Uint8Array, name: string): Safetensors {
  if (isSafetensors(bytes) || name.endsWith(".safetensors")) {
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
  const prefix = "module.";
  const prefixed = kept.every(([name]) => name.startsWith(prefix));
  return new Map(prefixed ? kept.map(([name, tensor]) => [name.slice(prefix.length), tensor]) : kept);
}
