// Photos to RGB pixels: upright, sRGB, on white, 8 bits, first frame. Nothing is scaled here; resizing belongs to the model's graph.

import { BallsightError, checkAspect, fail, type RgbPhoto } from "@ballsight/vision";
import type { Metadata, Sharp, default as SharpLibrary } from "sharp";
import { MAX_BYTES, readPhotoFile } from "./readFile.ts";
import { HEIC_WORDS, sniff } from "./sniff.ts";

export interface PhotoLimits {
  /** Of the file. */
  readonly bytes: number;
  /** More are refused by the header alone. */
  readonly pixels: number;
  /** Of libvips' work on one photo; 0 for as long as it takes. */
  readonly seconds: number;
}

/** What a person's own photos may be: 300 MB of RGB at most. A server has limits of its own. */
const LIMITS: PhotoLimits = { bytes: MAX_BYTES, pixels: 100_000_000, seconds: 0 };

/** What cameras write with small faults passes, what stops half-way does not. */
const FAIL_ON = "truncated";

let library: Promise<typeof SharpLibrary> | undefined;

/** sharp, loaded at first use: one thread per photo, since several photos are decoded side by side, and no cache of past ones. */
export function loadSharp(): Promise<typeof SharpLibrary> {
  library ??= import("sharp").then(({ default: sharp }) => {
    sharp.concurrency(1);
    sharp.cache(false);
    return sharp;
  });
  return library;
}

/** Decodes a file; `name` is what errors call it. */
export async function decodeFile(path: string, name = path): Promise<RgbPhoto> {
  return decode(await readPhotoFile(path, name), name);
}

/** Decodes the bytes of a JPEG, PNG, WebP, GIF, AVIF or TIFF. Throws as `readPhoto` does. */
export function decode(bytes: Uint8Array, name: string, limits = LIMITS): Promise<RgbPhoto> {
  const read = async (photo: Sharp) => {
    const { data, info } = await photo
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data, name };
  };
  return readPhoto(bytes, name, read, limits);
}

/**
 * Checks a photo's bytes and header and hands it over, upright and on white, to be decoded; `header` is of the photo as it is stored.
 * Throws EMPTY_FILE, FILE_TOO_LARGE, NOT_AN_IMAGE, IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE, IMAGE_TOO_NARROW or IMAGE_TRUNCATED.
 */
export async function readPhoto<T>(
  bytes: Uint8Array,
  name: string,
  read: (photo: Sharp, header: Metadata) => Promise<T>,
  limits = LIMITS,
): Promise<T> {
  if (bytes.length === 0) fail("EMPTY_FILE", { name });
  if (bytes.length > limits.bytes) fail("FILE_TOO_LARGE", { name, limit: limits.bytes, received: bytes.length });
  const { kind, words } = sniff(bytes);
  if (kind === "other") fail("NOT_AN_IMAGE", { name, received: words });
  if (kind === "picture") fail("IMAGE_UNSUPPORTED", { name, kind: words });
  const sharp = await loadSharp();
  try {
    const header = await sharp(bytes, { failOn: FAIL_ON, limitInputPixels: false }).metadata();
    checkSize(header.width, header.pageHeight ?? header.height, name, limits.pixels);
    // autoOrient turns by EXIF; an embedded ICC profile (CMYK: or the default one) is applied on the way to sRGB.
    const photo = sharp(bytes, { failOn: FAIL_ON, limitInputPixels: limits.pixels }).autoOrient();
    return await read(photo.flatten({ background: "#fff" }).timeout({ seconds: limits.seconds }), header);
  } catch (cause) {
    if (cause instanceof BallsightError) throw cause;
    if (words === HEIC_WORDS) return fail("IMAGE_UNSUPPORTED", { name, kind: words }, { cause });
    return fail("IMAGE_TRUNCATED", { name, reason: firstLine(cause) }, { cause });
  }
}

function checkSize(width: number, height: number, name: string, limit: number): void {
  if (width * height > limit) fail("IMAGE_TOO_LARGE", { name, limit, width, height });
  checkAspect(width, height, name);
}

function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split("\n")[0]?.trim() ?? "";
}
