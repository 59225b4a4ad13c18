// A photo decoded in full for the facts that checks are about; of its pixels only 32 x 32 grey ones stay.

import { readPhoto } from "@ballsight/server/photos";
import type { Metadata } from "sharp";
import { HASH_SIDE } from "../hash/perceptual.ts";

export interface PhotoFacts {
  /** As seen: turned by EXIF. */
  readonly width: number;
  readonly height: number;
  /** What the content is, as a file name should end: ".jpg". */
  readonly extension: string;
  /** Whether EXIF says that the stored picture is to be turned or mirrored. */
  readonly turned: boolean;
  readonly cmyk: boolean;
  /** More than 8 bits per channel. */
  readonly deep: boolean;
  /** Frames of an animation or pages of a document; decoding takes the first. */
  readonly frames: number;
  /** 32 x 32, 0 to 255, row by row, upright, on white: for `perceptualHash`. */
  readonly grey: Float32Array;
}

/**
 * Finds the same faults as `decode`, with the same errors, in a fraction of its memory: a JPEG or WebP is scaled while it is decoded,
 * after every one of its bytes was read.
 */
export function inspectPhoto(bytes: Uint8Array, name: string): Promise<PhotoFacts> {
  return readPhoto(bytes, name, async (photo, header) => {
    const grey = await photo
      .resize(HASH_SIDE, HASH_SIDE, { fit: "fill", kernel: "linear" })
      .toColourspace("b-w")
      .raw({ depth: "uchar" })
      .toBuffer();
    const { orientation = 1 } = header;
    const [width, height] = [header.width, header.pageHeight ?? header.height];
    return {
      ...(orientation > 4 ? { width: height, height: width } : { width, height }),
      extension: extensionOf(header),
      turned: orientation > 1,
      cmyk: header.space === "cmyk",
      deep: header.depth !== "uchar",
      frames: header.pages ?? 1,
      grey: Float32Array.from(grey),
    };
  });
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  jpeg: ".jpg",
  png: ".png",
  webp: ".webp",
  gif: ".gif",
  tiff: ".tif",
};

function extensionOf({ format, compression }: Metadata): string {
  if (format === "heif") return compression === "av1" ? ".avif" : ".heic";
  return EXTENSIONS[format] ?? `.${format}`;
}
