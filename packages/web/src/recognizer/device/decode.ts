// Photos to RGB pixels by the browser's own decoder, as the command line has them: upright, sRGB, on white, 8 bits, first frame, full size.

import { checkAspect, fail, type RgbPhoto } from "@ballsight/vision";
import { describeBytes } from "./kinds.ts";

/** As the command line's (packages/cli/src/images): more than that is refused before pixels are asked for. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_PIXELS = 100_000_000;

/** Pixels read at once: iOS has no canvas above 16.7 million, and RGBA of a whole photo need not stand beside its RGB. */
const STRIP_PIXELS = 4_000_000;

/** @throws EMPTY_FILE, FILE_TOO_LARGE, NOT_AN_IMAGE, IMAGE_UNSUPPORTED, IMAGE_TRUNCATED, IMAGE_TOO_LARGE, IMAGE_TOO_NARROW */
export async function decode(photo: Blob, name: string): Promise<RgbPhoto> {
  if (photo.size === 0) fail("EMPTY_FILE", { name });
  if (photo.size > MAX_BYTES) fail("FILE_TOO_LARGE", { name, limit: MAX_BYTES, received: photo.size });
  const kind = describeBytes(new Uint8Array(await photo.slice(0, 64).arrayBuffer()));
  if (!kind.photo) fail("NOT_AN_IMAGE", { name, received: kind.words });
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(photo, { imageOrientation: "from-image", premultiplyAlpha: "none" });
  } catch (cause) {
    if (!kind.everywhere)
      fail("IMAGE_UNSUPPORTED", { name, kind: `${kind.words} in a browser that cannot` }, { cause });
    return fail("IMAGE_TRUNCATED", { name, reason: "the browser cannot decode it" }, { cause });
  }
  try {
    const { width, height } = bitmap;
    if (width * height > MAX_PIXELS) fail("IMAGE_TOO_LARGE", { name, limit: MAX_PIXELS, width, height });
    checkAspect(width, height, name);
    return { width, height, data: rgb(bitmap), name };
  } finally {
    bitmap.close();
  }
}

function rgb(bitmap: ImageBitmap): Uint8Array {
  const { width, height } = bitmap;
  const rows = Math.min(height, Math.max(1, Math.floor(STRIP_PIXELS / width)));
  const canvas = new OffscreenCanvas(width, rows);
  // Read often means kept in memory: a GPU's canvas may round otherwise.
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false, colorSpace: "srgb" });
  if (context === null) return fail("RUNTIME_FAILED", { task: "get a canvas", reason: "the browser has none left" });
  const data = new Uint8Array(width * height * 3);
  for (let top = 0, at = 0; top < height; top += rows) {
    const count = Math.min(rows, height - top);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, count);
    context.drawImage(bitmap, 0, -top);
    const pixels = context.getImageData(0, 0, width, count).data;
    for (let i = 0; i < pixels.length; i += 4) {
      data[at++] = pixels[i]!;
      data[at++] = pixels[i + 1]!;
      data[at++] = pixels[i + 2]!;
    }
  }
  return data;
}
