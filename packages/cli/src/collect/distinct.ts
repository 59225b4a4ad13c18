// Whether a photo is one that is there already: by its bytes, then by how it looks, mirrored and turned copies too.

import { HashIndex, NEAR_COPY } from "../hash/hashIndex.ts";
import { ALIKE, likeness } from "../hash/likeness.ts";
import type { PhotoHash } from "../hash/perceptual.ts";
import { Sketches } from "../hash/sketches.ts";

export interface KnownPhoto {
  /** Relative to the data set. */
  readonly file: string;
  readonly label: string;
}

export interface Copy {
  readonly of: KnownPhoto;
  /** Correlation of the sketches, rounded; undefined where the bytes are the same. */
  readonly likeness?: number;
}

/** What a photo looks like, as far as copies are concerned. */
export interface Look {
  /** As `orientedHashes` gives them: itself first. */
  readonly hashes: readonly PhotoHash[];
  /** As `sketchOf` gives it. */
  readonly sketch: Uint8Array;
}

/** Photos of all classes: tens of thousands, and each is remembered as long as the run lasts. */
export class Distinct {
  readonly #bytes = new Map<string, KnownPhoto>();
  /** Their numbers in the two that follow. */
  readonly #looks = new HashIndex<number>();
  readonly #sketches = new Sketches();
  readonly #photos: KnownPhoto[] = [];

  /** A picture without structure has no hash, and is nobody's copy by its looks. */
  add(photo: KnownPhoto, sha256: string, look: Look | undefined): void {
    if (!this.#bytes.has(sha256)) this.#bytes.set(sha256, photo);
    const hash = look?.hashes[0];
    if (look === undefined || hash === undefined) return;
    this.#looks.add(this.#sketches.add(look.sketch), hash);
    this.#photos.push(photo);
  }

  copyOf(sha256: string, { hashes, sketch }: Look): Copy | undefined {
    const same = this.#bytes.get(sha256);
    if (same !== undefined) return { of: same };
    // 64 bits find what may be one, and say too little of a ball in the middle of a lawn to tell.
    const likenessTo = (at: number) => likeness(this.#sketches.get(at), sketch);
    const near = this.#looks.nearest(hashes, NEAR_COPY, (at) => likenessTo(at) >= ALIKE);
    if (near === undefined) return undefined;
    return { of: this.#photos[near.value]!, likeness: Number(likenessTo(near.value).toFixed(4)) };
  }
}

/** A look as the ledger writes it: 16 hex digits of hash, and the sketch in base64. Empty for one without a hash. */
export function lookText({ hashes, sketch }: Look): { readonly phash?: string; readonly sketch?: string } {
  const [hash] = hashes;
  if (hash === undefined) return {};
  const phash = [hash.high, hash.low].map((word) => word.toString(16).padStart(8, "0")).join("");
  return { phash, sketch: Buffer.from(sketch).toString("base64") };
}

/** Undefined for anything but what `lookText` writes. The look has one orientation: enough to be found, not to search with. */
export function parseLook({
  phash,
  sketch,
}: {
  readonly phash?: unknown;
  readonly sketch?: unknown;
}): Look | undefined {
  if (typeof phash !== "string" || !/^[\da-f]{16}$/.test(phash) || typeof sketch !== "string") return undefined;
  const bytes = new Uint8Array(Buffer.from(sketch, "base64"));
  if (bytes.length !== SKETCH_BYTES) return undefined;
  const [high, low] = [phash.slice(0, 8), phash.slice(8)].map((digits) => Number.parseInt(digits, 16)) as [
    number,
    number,
  ];
  return { hashes: [{ high, low }], sketch: bytes };
}

/** 16 x 16. */
const SKETCH_BYTES = 256;
