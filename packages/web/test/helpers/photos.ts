// Rendered photos as files of the kinds that people have.

import sharp, { type Sharp } from "sharp";
import { LABELS, type Label, render } from "../../../render/src/index.ts";

export interface PhotoFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

export function picture(ball: Label, seed: number, size = 160): Sharp {
  const { width, height, data } = render({ ball, size, seed });
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** JPEGs with and without subsampling, turned by EXIF, PNGs with and without alpha, WebPs, of several shapes. */
const KINDS: readonly [ending: string, mimeType: string, encode: (photo: Sharp) => Sharp][] = [
  ["jpg", "image/jpeg", (photo) => photo.jpeg({ quality: 90 })],
  [
    "jpg",
    "image/jpeg",
    (photo) => photo.jpeg({ quality: 75, chromaSubsampling: "4:4:4" }).withMetadata({ orientation: 6 }),
  ],
  ["png", "image/png", (photo) => photo.png()],
  ["png", "image/png", (photo) => photo.ensureAlpha(0.5).png()],
  ["webp", "image/webp", (photo) => photo.resize(240, 150).webp({ quality: 90 })],
  ["jpg", "image/jpeg", (photo) => photo.resize(97, 211).jpeg({ progressive: true })],
];

export async function photoFiles(count: number): Promise<PhotoFile[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const [ending, mimeType, encode] = KINDS[i % KINDS.length]!;
      const label = LABELS[i % LABELS.length]!;
      return { name: `${label}-${i}.${ending}`, mimeType, buffer: await encode(picture(label, 40 + i)).toBuffer() };
    }),
  );
}
