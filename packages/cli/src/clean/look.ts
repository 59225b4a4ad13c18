// One photo decoded once: everything that `clean` wants to know of its pixels, as a record that the cache keeps.

import { createHash } from "node:crypto";
import { loadSharp, readPhoto } from "@ballsight/server/photos";
import { type MeasuredPicture, pictureFigures, type RgbPhoto } from "@ballsight/vision";
import { HASH_SIDE } from "../hash/perceptual.ts";
import { CAMERA_BYTES, type Exif, exifOf } from "./exif.ts";

/** Of what is computed below: another number, and everything is computed anew. */
export const LOOK_VERSION = 3;

/** Long side of what brightness and colours are taken from, pixels. */
const FIGURES_SIDE = 512;

export interface PhotoLook extends MeasuredPicture {
  /** SHA-256 of the decoded pixels and their size: the same for a photo whose metadata alone differs. */
  readonly pixels: string;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
  readonly exif: Exif;
}

const NUMBERS = 17;
const HASH_BYTES = 32;
const CAMERA_AT = NUMBERS * 8 + HASH_BYTES + HASH_SIDE ** 2;

/** A byte more than a camera's name, so that a zero ends it. */
export const LOOK_BYTES = CAMERA_AT + CAMERA_BYTES + 1;

export interface DecodedPhoto {
  readonly photo: RgbPhoto;
  readonly orientation: number;
  readonly exif: Exif;
}

/** As `decode`, with the orientation that the file had and its EXIF. */
export function decodePhoto(bytes: Uint8Array, name: string): Promise<DecodedPhoto> {
  return readPhoto(bytes, name, async (image, { orientation = 1, exif }) => {
    const { data, info } = await image
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { photo: { width: info.width, height: info.height, data, name }, orientation, exif: exifOf(exif) };
  });
}

export async function lookAt({ photo, orientation, exif }: DecodedPhoto): Promise<PhotoLook> {
  const sharp = await loadSharp();
  const { width, height, data } = photo;
  const scaled = (wide: number, high: number, fit: "fill" | "inside") =>
    sharp(data, { raw: { width, height, channels: 3 } })
      .resize(wide, high, { fit, kernel: "linear", withoutEnlargement: fit === "inside" })
      .raw()
      .toBuffer({ resolveWithObject: true });
  const [figures, square] = await Promise.all([
    scaled(FIGURES_SIDE, FIGURES_SIDE, "inside"),
    scaled(HASH_SIDE, HASH_SIDE, "fill"),
  ]);
  return {
    width,
    height,
    orientation,
    exif,
    pixels: createHash("sha256").update(`${width}x${height} `).update(data).digest("hex"),
    ...pictureFigures({ width: figures.info.width, height: figures.info.height, data: figures.data }),
    grey: greyOf(square.data),
  };
}

/** Luma of ITU-R BT.601, as Pillow rounds it. */
function greyOf(rgb: Uint8Array): Uint8Array {
  return Uint8Array.from(
    { length: rgb.length / 3 },
    (_, i) => (19595 * rgb[3 * i]! + 38470 * rgb[3 * i + 1]! + 7471 * rgb[3 * i + 2]! + 32768) >> 16,
  );
}

export function packLook(look: PhotoLook): Uint8Array {
  const { width, height, orientation, brightness, entropy, colour, exif } = look;
  const { shaded, colours, border, seam, lettering } = look;
  const numbers = Float64Array.of(
    width,
    height,
    orientation,
    ...brightness,
    entropy,
    colour,
    shaded,
    colours,
    border,
    seam,
    lettering,
    exif.taken === undefined ? Number.NaN : Date.parse(`${exif.taken}Z`),
    exif.place ? 1 : 0,
  );
  const camera = Buffer.alloc(CAMERA_BYTES + 1);
  camera.write(exif.camera ?? "");
  return Buffer.concat([Buffer.from(numbers.buffer), Buffer.from(look.pixels, "hex"), look.grey, camera]);
}

export function unpackLook(record: Uint8Array): PhotoLook {
  // Copied: a Float64Array must begin at a multiple of eight.
  const numbers = new Float64Array(record.slice(0, NUMBERS * 8).buffer);
  const [width, height, orientation, p1, p5, p50, p95, p99, entropy, colour, ...others] = numbers;
  const [shaded, colours, border, seam, lettering, taken, place] = others;
  const camera = Buffer.from(record.subarray(CAMERA_AT)).toString().replace(/\0+$/, "");
  return {
    width: width!,
    height: height!,
    orientation: orientation!,
    brightness: [p1!, p5!, p50!, p95!, p99!],
    entropy: entropy!,
    colour: colour!,
    shaded: shaded!,
    colours: colours!,
    border: border!,
    seam: seam!,
    lettering: lettering!,
    exif: {
      ...(!Number.isNaN(taken) && { taken: new Date(taken!).toISOString().slice(0, 19) }),
      ...(camera !== "" && { camera }),
      ...(place === 1 && { place: true as const }),
    },
    pixels: Buffer.from(record.subarray(NUMBERS * 8, NUMBERS * 8 + HASH_BYTES)).toString("hex"),
    grey: record.slice(NUMBERS * 8 + HASH_BYTES, CAMERA_AT),
  };
}
