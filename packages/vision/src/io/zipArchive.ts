// Entries of a zip archive by fflate, guarded: archives say how much they hold, and liars must not fill the memory.

import { type UnzipFileInfo, unzipSync } from "fflate";

/** A header of the central directory without a name. */
const LEAST_HEADER = 46;

export type Invalid = (received: string, cause?: unknown) => never;

export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;

/** Copies of the entries that `wanted` picks. Entries must be stored uncompressed, as torch writes them. */
export function unzipStored(
  bytes: Uint8Array,
  wanted: (name: string) => boolean,
  invalid: Invalid,
): Map<string, Uint8Array> {
  let seen = 0;
  let total = 0;
  const sizes = new Map<string, number>();
  let fault: string | undefined;
  const refuse = (received: string): never => {
    fault = received;
    throw new RangeError(received);
  };
  const filter = ({ name, size, compression }: UnzipFileInfo): boolean => {
    // The count of entries is the archive's word: more of them than have room would be read for hours.
    if (++seen * LEAST_HEADER > bytes.length) refuse("a zip archive whose directory is damaged");
    if (!wanted(name)) return false;
    if (compression !== 0) refuse(`a zip archive with \`${name}\` compressed, which torch never does`);
    if (sizes.has(name)) refuse(`a zip archive with \`${name}\` twice`);
    total += size;
    if (!(total <= bytes.length)) refuse("a zip archive whose entries overlap or are cut short");
    sizes.set(name, size);
    return true;
  };
  let files: Record<string, Uint8Array>;
  try {
    // fflate looks for the end of the directory before the file's start too.
    if (bytes.length < LEAST_HEADER) refuse("a zip archive that is cut short");
    files = unzipSync(bytes, { filter });
  } catch (cause) {
    return invalid(fault ?? "a zip archive that is damaged or cut short", cause);
  }
  const entries = new Map(Object.entries(files));
  for (const [name, size] of sizes) {
    if (entries.get(name)?.length !== size) invalid(`a zip archive with \`${name}\` cut short`);
  }
  return entries;
}
