// Bytes of a photo from a file, a pipe or standard input, never more than the limit.

import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { BallsightError, fail } from "@ballsight/vision";

/** Larger photos are refused unread: no camera's JPEG comes near, and a mistaken `predict film.mkv` costs nothing. */
export const MAX_BYTES = 64 * 1024 * 1024;

/** Throws FILE_NOT_FOUND, IS_A_FOLDER, FILE_NOT_READABLE or FILE_TOO_LARGE. `name` is what errors call the file. */
export async function readPhotoFile(path: string, name = path): Promise<Uint8Array> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) fail("IS_A_FOLDER", { name });
    // A pipe or a device has no size to ask for: read it with the limit in hand.
    if (!info.isFile()) return await readStream(createReadStream(path), name);
    if (info.size > MAX_BYTES) fail("FILE_TOO_LARGE", { name, limit: MAX_BYTES, received: info.size });
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof BallsightError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return fail("FILE_NOT_FOUND", { name }, { cause });
    return fail("FILE_NOT_READABLE", { name, reason: REASONS[code ?? ""] ?? code ?? String(cause) }, { cause });
  }
}

/** All of a stream; throws FILE_TOO_LARGE as soon as the limit is passed. */
export async function readStream(stream: AsyncIterable<Uint8Array>, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > MAX_BYTES) fail("FILE_TOO_LARGE", { name, limit: MAX_BYTES, received: `more than ${MAX_BYTES}` });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "one without permission to read",
  EPERM: "one without permission to read",
  ELOOP: "a link that leads to itself",
  ENAMETOOLONG: "a path that is too long",
};
