// What `verify` finds, by kind: what makes a photo useless, and what only makes it look different elsewhere.

import type { ErrorCode } from "@ballsight/vision";

/** The photo cannot be used. */
export const BROKEN = {
  unreadable: "cannot be read",
  empty: "zero bytes",
  "not-an-image": "not an image",
  unsupported: "an image that is not read",
  truncated: "truncated or damaged",
  "too-large": "too large",
  "too-narrow": "too narrow",
} as const;

/** The photo is read as it should be here, and perhaps not by other programs. */
export const ODD = {
  "wrong-extension": "wrong extension",
  "exif-rotated": "rotated by EXIF",
  cmyk: "CMYK",
  "16-bit": "more than 8 bits",
  animated: "animated",
} as const;

export type BrokenKind = keyof typeof BROKEN;
export type OddKind = keyof typeof ODD;

export const BROKEN_KINDS = Object.keys(BROKEN) as readonly BrokenKind[];
export const ODD_KINDS = Object.keys(ODD) as readonly OddKind[];

const KIND_OF: { readonly [Code in ErrorCode]?: BrokenKind } = {
  EMPTY_FILE: "empty",
  NOT_AN_IMAGE: "not-an-image",
  IMAGE_UNSUPPORTED: "unsupported",
  IMAGE_TRUNCATED: "truncated",
  IMAGE_TOO_LARGE: "too-large",
  FILE_TOO_LARGE: "too-large",
  IMAGE_TOO_NARROW: "too-narrow",
};

/** Whatever is not about the content is about reading it: permissions, a disk that is away, a link that leads nowhere. */
export function brokenKind(code: ErrorCode): BrokenKind {
  return KIND_OF[code] ?? "unreadable";
}
