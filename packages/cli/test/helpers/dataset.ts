// Data sets of rendered photos, whole and broken, and what lies in a folder.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { type Label, render } from "../../../render/src/index.ts";

/** A picture of a ball, as sharp takes it up: encode it as you like. */
export function picture(ball: Label, seed: number, size = 64): Sharp {
  const { width, height, data } = render({ ball, size, seed });
  return sharp(data, { raw: { width, height, channels: 3 } });
}

export type Content = Uint8Array | string | Sharp;

/** Writes files by their paths below `root`; of a picture what it encodes to. */
export async function fill(root: string, files: Readonly<Record<string, Content>>): Promise<void> {
  for (const [file, content] of Object.entries(files)) {
    const path = join(root, file);
    await mkdir(dirname(path), { recursive: true });
    const isPicture = typeof content === "object" && "toBuffer" in content;
    await writeFile(path, isPicture ? await content.toBuffer() : content);
  }
}

/** SHA-256 of every file below `root`, by its path. */
export async function snapshot(root: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[path.slice(root.length + 1)] = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  }
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A PNG whose header tells of another size than it has; its checksum is right. */
export function withSize(png: Uint8Array, width: number, height: number): Uint8Array {
  const bytes = Buffer.from(png);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}

/** Of PNG's chunks (ISO 3309). */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0xedb88320);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
