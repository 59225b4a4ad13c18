// JPEGs of photos for the page: small ones made once and kept by content, large ones made when somebody looks.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readPhoto, readPhotoFile } from "@ballsight/server/photos";
import { makeFolders, writeAtomic } from "../run/writeAtomic.ts";
import { sha256Of } from "../verify/check.ts";

/** Longest side, pixels: a card is 180 wide, on screens with two pixels for one. */
const SIDES = { small: 360, large: 1600 } as const;

/** A screen asks for fifty at once; more than the cores side by side would only take memory. */
const SIDE_BY_SIDE = 4;

export type PictureSize = keyof typeof SIDES;

export class Pictures {
  readonly #root: string;
  readonly #cache: string;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  /** @param cache folder for the small ones, made at first use */
  constructor(root: string, cache: string) {
    this.#root = root;
    this.#cache = cache;
  }

  /** Undefined where none of the files is a photo with that content any more: the kept ones may be of other data sets. */
  async of(sha256: string, files: readonly string[], size: PictureSize): Promise<Uint8Array | undefined> {
    const kept = join(this.#cache, sha256.slice(0, 2), `${sha256}.jpg`);
    if (size === "small" && files.length > 0) {
      const known = await readFile(kept).catch(() => undefined);
      if (known !== undefined) return known;
    }
    for (const file of files) {
      const jpeg = await this.#turn(() => this.#make(sha256, file, size));
      if (jpeg === undefined) continue;
      // A full or read-only disk costs time, no picture.
      if (size === "small") await keep(kept, jpeg).catch(() => undefined);
      return jpeg;
    }
    return undefined;
  }

  async #make(sha256: string, file: string, size: PictureSize): Promise<Uint8Array | undefined> {
    try {
      const bytes = await readPhotoFile(join(this.#root, file), file);
      if (sha256Of(bytes) !== sha256) return undefined;
      const side = SIDES[size];
      return await readPhoto(bytes, file, (photo) =>
        photo
          .resize(side, side, { fit: "inside", withoutEnlargement: true })
          .toColourspace("srgb")
          .jpeg({ quality: size === "small" ? 75 : 88 })
          .toBuffer(),
      );
    } catch {
      return undefined;
    }
  }

  async #turn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy >= SIDE_BY_SIDE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#busy++;
    try {
      return await work();
    } finally {
      // The turn is handed on, or given back.
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy--;
      else next();
    }
  }
}

async function keep(path: string, jpeg: Uint8Array): Promise<void> {
  await makeFolders(join(path, ".."));
  await writeAtomic(path, jpeg, "--cache");
}
