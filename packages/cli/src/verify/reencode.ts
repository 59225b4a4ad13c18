// A photo stored anew as every program reads it: upright, sRGB, 8 bits, one frame.

import { basename, dirname, extname } from "node:path/posix";
import { loadSharp } from "@ballsight/server/photos";
import { inspectPhoto } from "../images/inspect.ts";
import type { NewPhoto } from "../trash/trash.ts";
import { type GoodPhoto, oddities, sha256Of } from "./check.ts";
import type { OddKind } from "./kinds.ts";

/** What storing anew mends; a wrong extension alone needs no more than another name. */
const MENDED: ReadonlySet<OddKind> = new Set(["exif-rotated", "cmyk", "16-bit", "animated"]);

export const needsReencoding = ({ odd }: GoodPhoto): boolean => odd.some((kind) => MENDED.has(kind));

/**
 * A JPEG stays one, of a quality at which the eye sees no loss; everything else becomes a PNG, without loss and with its transparency.
 * The same photo gives the same bytes, so that a second run after a kill finds what the first one has written.
 */
export async function reencode(bytes: Uint8Array, { file, sha256, extension }: GoodPhoto): Promise<NewPhoto> {
  const sharp = await loadSharp();
  // The checks have read it before: nothing here is larger than they allow.
  const photo = sharp(bytes, { failOn: "truncated", limitInputPixels: false }).autoOrient().toColourspace("srgb");
  const isJpeg = extension === ".jpg";
  const content = await (isJpeg ? photo.jpeg({ quality: 95, chromaSubsampling: "4:4:4" }) : photo.png()).toBuffer();
  const facts = await inspectPhoto(content, file);
  const name = nameFor(file, sha256, facts.extension, sha256Of(content));
  const left = oddities(name, facts);
  if (left.length > 0) throw new Error(`${file} is still ${left.join(" and ")} after it was stored anew`);
  return { content, name, width: facts.width, height: facts.height };
}

/** A name that is the content's hash follows the content; any other keeps its stem, and its extension where that is right. */
function nameFor(file: string, sha256: string, extension: string, newSha256: string): string {
  const stem = basename(file, extname(file));
  const folder = dirname(file) === "." ? "" : `${dirname(file)}/`;
  if (stem === sha256.slice(0, 16)) return `${folder}${newSha256.slice(0, 16)}${extension}`;
  const isRight = extname(file).toLowerCase() === extension || (extension === ".jpg" && /\.jp(e|eg)$/i.test(file));
  return isRight ? file : `${folder}${stem}${extension}`;
}
