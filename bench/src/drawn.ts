// Photos that nobody took: smooth random colours, no two of which look alike to a perceptual hash.

import { loadSharp } from "./internals.ts";

/** A JPEG, the same for the same number. */
export async function drawnPhoto(id: number, width: number, height: number): Promise<Buffer> {
  const sharp = await loadSharp();
  let state = (Math.imul(id + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0;
  const data = Uint8Array.from({ length: 9 * 8 * 3 }, () => {
    // xorshift32 (Marsaglia 2003)
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 24;
  });
  return await sharp(data, { raw: { width: 9, height: 8, channels: 3 } })
    .resize(width, height, { fit: "fill", kernel: "cubic" })
    .jpeg({ quality: 80 })
    .toBuffer();
}
