// Small pictures inside a report.

import { loadSharp } from "@ballsight/server/photos";

/** Longest side, pixels: sharp enough for a card of 150 px, some 5 kB each. */
const SIDE = 160;

/** A small JPEG as a data URL; undefined where the photo has gone since. */
export async function thumbnailOf(path: string): Promise<string | undefined> {
  try {
    const sharp = await loadSharp();
    const jpeg = await sharp(path)
      .autoOrient()
      .resize(SIDE, SIDE, { fit: "inside" })
      .flatten({ background: "#fff" })
      .jpeg({ quality: 70 })
      .toBuffer();
    return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
  } catch {
    return undefined;
  }
}
