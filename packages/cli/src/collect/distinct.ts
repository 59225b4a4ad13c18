// Whether a photo is one that is there already: by its bytes, then by how it looks, mirrored and turned copies too.

import { HashIndex } from "../hash/hashIndex.ts";
import type { PhotoHash } from "../hash/perceptual.ts";

export interface KnownPhoto {
  /** Relative to the data set. */
  readonly file: string;
  readonly label: string;
}

export interface Copy {
  readonly of: KnownPhoto;
  /** Bits of 64 that differ; undefined where the bytes are the same. */
  readonly distance?: number;
}

/** Photos of all classes. */
export class Distinct {
  readonly #bytes = new Map<string, KnownPhoto>();
  readonly #looks = new HashIndex<KnownPhoto>();

  add(photo: KnownPhoto, sha256: string, hash: PhotoHash | undefined): void {
    if (!this.#bytes.has(sha256)) this.#bytes.set(sha256, photo);
    if (hash !== undefined) this.#looks.add(photo, hash);
  }

  /** @param hashes as `orientedHashes` gives them: none for a picture without structure, which is nobody's copy by its looks */
  copyOf(sha256: string, hashes: readonly PhotoHash[]): Copy | undefined {
    const same = this.#bytes.get(sha256);
    if (same !== undefined) return { of: same };
    const near = this.#looks.nearest(hashes);
    return near === undefined ? undefined : { of: near.value, distance: near.distance };
  }
}

/** 16 hex digits. */
export function hashText({ high, low }: PhotoHash): string {
  return [high, low].map((word) => word.toString(16).padStart(8, "0")).join("");
}

/** Undefined for anything but what `hashText` writes. */
export function parseHash(text: string | undefined): PhotoHash | undefined {
  if (text === undefined || !/^[\da-f]{16}$/.test(text)) return undefined;
  return { high: Number.parseInt(text.slice(0, 8), 16), low: Number.parseInt(text.slice(8), 16) };
}
