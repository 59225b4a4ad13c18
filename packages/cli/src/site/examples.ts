// Example pictures of a site: those that ship, of the labels that the model has, or a folder of one's own, scaled down and without EXIF.

import { stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { readPhoto, readPhotoFile } from "@ballsight/server/photos";
import { fail } from "@ballsight/vision";
import type { Example } from "@ballsight/web";
import { warn } from "../output/warn.ts";
import { type Filling, listFiles } from "./folder.ts";

/** A phone's row of tiles, three times over. */
const MOST = 24;
const SIDE = 512;
const PHOTO = /\.(jpe?g|png|webp|avif|gif|tiff?)$/i;

/** @param folder of the built page */
export async function shippedExamples(filling: Filling, folder: string, labels: readonly string[]): Promise<Example[]> {
  const examples: Example[] = [];
  for (const label of labels) {
    const file = `examples/${label}.jpg`;
    const from = join(folder, file);
    // A label may be anything, a path too.
    if (basename(from) !== `${label}.jpg` || dirname(from) !== join(folder, "examples")) continue;
    if ((await stat(from).catch(() => undefined)) === undefined) continue;
    await filling.copy(file, from);
    examples.push({ file, label });
  }
  return examples;
}

/**
 * A folder of class folders, or of pictures called after their labels (`Golf.jpg`, `Golf-2.jpg`); of each label in turn, until there are
 * enough. Warns of labels that the model does not know.
 * @throws DATA_NOT_A_FOLDER, NO_PHOTOS, and what a picture that is none throws
 */
export async function ownExamples(filling: Filling, folder: string, labels: readonly string[]): Promise<Example[]> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory())
    fail("DATA_NOT_A_FOLDER", { name: folder, received: "no folder" });
  const names = (await listFiles(folder)).filter((name) => PHOTO.test(name) && !/(^|\/)\./.test(name));
  if (names.length === 0) fail("NO_PHOTOS", { name: folder });
  const unknown = [...new Set(names.map(labelOf))].filter((label) => !labels.includes(label));
  if (unknown.length > 0) warn(`${folder}: the model has no label ${unknown.slice(0, 10).join(", ")}`);
  const examples: Example[] = [];
  for (const [i, name] of inTurn(names).entries()) {
    const path = join(folder, name);
    const jpeg = await readPhoto(await readPhotoFile(path, path), path, (photo) =>
      photo
        .resize(SIDE, SIDE, { fit: "inside", withoutEnlargement: true })
        .jpeg({ quality: 85, mozjpeg: true })
        .toBuffer(),
    );
    const file = `examples/${i + 1}.jpg`;
    await filling.write(file, jpeg);
    examples.push({ file, label: labelOf(name) });
  }
  return examples;
}

/** The first of each label, then the second of each, and so on; sorted again, as tiles of one label belong together. */
function inTurn(names: readonly string[]): string[] {
  const byLabel = new Map<string, string[]>();
  for (const name of names) {
    const own = byLabel.get(labelOf(name));
    if (own === undefined) byLabel.set(labelOf(name), [name]);
    else own.push(name);
  }
  const chosen = new Set<string>();
  for (let round = 0; chosen.size < Math.min(MOST, names.length); round++) {
    for (const own of byLabel.values()) {
      const name = own[round];
      if (name !== undefined && chosen.size < MOST) chosen.add(name);
    }
  }
  return names.filter((name) => chosen.has(name));
}

function labelOf(name: string): string {
  const folder = dirname(name);
  return folder === "." ? basename(name, extname(name)).replace(/[-_ ]\d+$/, "") : basename(folder);
}
