// What a camera wrote into a photo: when it was taken, by what, and whether it says where. The place itself is not read.

import readExif from "exif-reader";

export interface Exif {
  /** As the camera's clock stood, without a time zone: 2019-05-04T12:31:00. */
  readonly taken?: string;
  /** Maker and model. */
  readonly camera?: string;
  /** Whether coordinates are in it. */
  readonly place?: true;
}

/** Most bytes of a camera's name that are kept. */
export const CAMERA_BYTES = 47;

/** Nothing where there is no EXIF, or what cannot be read: that is no fault of the photo's. */
export function exifOf(block: Buffer | undefined): Exif {
  if (block === undefined) return {};
  try {
    const { Image, Photo, GPSInfo } = readExif(block);
    const taken = dateOf(Photo?.DateTimeOriginal ?? Photo?.DateTimeDigitized ?? Image?.DateTime);
    const camera = nameOf(Image?.Make, Image?.Model);
    const place = GPSInfo?.GPSLatitude !== undefined && GPSInfo.GPSLongitude !== undefined;
    return {
      ...(taken !== undefined && { taken }),
      ...(camera !== "" && { camera }),
      ...(place && { place }),
    };
  } catch {
    return {};
  }
}

/** Cameras whose clock was never set write zeros or their year of birth: nobody took photos of balls before 1990. */
function dateOf(value: unknown): string | undefined {
  if (!(value instanceof Date) || Number.isNaN(value.getTime()) || value.getUTCFullYear() < 1990) return undefined;
  return value.toISOString().slice(0, 19);
}

/** "Canon" and "Canon EOS 5D" are one name. */
function nameOf(make: unknown, model: unknown): string {
  const [first, second] = [make, model].map((text) =>
    typeof text === "string" ? text.replace(/[\p{C}\s]+/gu, " ").trim() : "",
  ) as [string, string];
  const name = second.toLowerCase().startsWith(first.toLowerCase()) ? second : `${first} ${second}`.trim();
  return Buffer.from(name)
    .subarray(0, CAMERA_BYTES)
    .toString()
    .replace(/\ufffd+$/, "");
}
