// The header of a safetensors file alone: what a checkpoint of hundreds of megabytes says of itself without being read.

import { open } from "node:fs/promises";

export interface TensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

const LENGTH_BYTES = 8;
/** As readers of the format agree on. */
const MAX_HEADER = 100_000_000;

/** For files of this program's own writing: nothing of it is checked but that it is a header. Throws what the file system or JSON.parse throw. */
export async function readTensorsHeader(path: string): Promise<TensorsHeader> {
  const file = await open(path, "r");
  try {
    const read = async (length: number, position: number) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
      if (bytesRead < length) throw new RangeError(`${path} ends within its header`);
      return buffer;
    };
    const length = Number((await read(LENGTH_BYTES, 0)).readBigUInt64LE());
    if (length > MAX_HEADER) throw new RangeError(`${path} is no safetensors file`);
    const { __metadata__: metadata = {}, ...tensors } = JSON.parse((await read(length, LENGTH_BYTES)).toString("utf8"));
    const shapes = Object.entries(tensors as Record<string, { shape: number[] }>).map(
      ([name, { shape }]): [string, number[]] => [name, shape],
    );
    return { metadata, shapes: new Map(shapes) };
  } finally {
    await file.close();
  }
}
