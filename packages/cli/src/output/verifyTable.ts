// What `verify` found, for a terminal: the files by kind, then a row per class.

import { BROKEN, BROKEN_KINDS, type BrokenKind, ODD, ODD_KINDS, type OddKind } from "../verify/kinds.ts";
import type { VerifyResult } from "../verify/result.ts";
import { type CountTable, countTable } from "./countTable.ts";
import { oneLine, percent } from "./text.ts";

/** Of each kind: a data set with thousands of them is not read line by line. */
const MOST_LINES = 12;

/** Heads of columns: all of them fit on a terminal of 130. */
const SHORT: Readonly<Record<BrokenKind | OddKind, string>> = {
  unreadable: "unreadable",
  empty: "empty",
  "not-an-image": "no image",
  unsupported: "not read",
  truncated: "damaged",
  "too-large": "too large",
  "too-narrow": "narrow",
  "wrong-extension": "extension",
  "exif-rotated": "rotated",
  cmyk: "CMYK",
  "16-bit": "16 bits",
  animated: "animated",
};

/** What is called a class beside the class folders. */
export const NO_CLASS = "(no class folder)";

export function verifyTable(result: VerifyResult): string {
  return [...findings(result), countTable(classCounts(result))].join("\n\n");
}

/** Kinds that occur nowhere have no column. */
export function classCounts({ classes }: VerifyResult): CountTable {
  const columns: (readonly [string, (row: VerifyResult["classes"][number]) => number])[] = [
    ...BROKEN_KINDS.map((kind) => [SHORT[kind], (row: (typeof classes)[number]) => row.broken[kind] ?? 0] as const),
    ...ODD_KINDS.map((kind) => [SHORT[kind], (row: (typeof classes)[number]) => row.odd[kind] ?? 0] as const),
    ["copies", (row) => row.copies],
    ["near", (row) => row.near_copies],
    ["two classes", (row) => row.two_classes],
  ];
  const shown = columns.filter(([, count]) => classes.some((row) => count(row) > 0));
  return {
    heads: ["photos", "readable", ...shown.map(([head]) => head)],
    rows: classes.map((row) => ({
      label: row.label === "" ? NO_CLASS : row.label,
      counts: [row.photos, row.readable, ...shown.map(([, count]) => count(row))],
    })),
  };
}

function findings(result: VerifyResult): string[] {
  const { broken, odd, copies, two_classes, near_copies, metadata } = result;
  const near = (isAcross: boolean) =>
    near_copies
      .filter((copy) => copy.two_classes === isAcross)
      .map(({ file, of, likeness }) => `${oneLine(file)} is ${percent(likeness).trimStart()} like ${oneLine(of)}`);
  return [
    block(
      "the same photo under two classes: one label is wrong",
      two_classes.map((files) => files.map(oneLine).join(", ")),
    ),
    block("nearly the same photo under two classes", near(true)),
    ...BROKEN_KINDS.map((kind) =>
      block(
        BROKEN[kind],
        broken.filter((photo) => photo.kind === kind).map(({ error }) => oneLine(error.message)),
      ),
    ),
    ...ODD_KINDS.map((kind) =>
      block(
        ODD[kind],
        odd
          .filter(({ kinds }) => kinds.includes(kind))
          .map(({ file, extension }) => oneLine(file) + (kind === "wrong-extension" ? ` is a ${extension}` : "")),
      ),
    ),
    block(
      "copies, byte for byte",
      copies.map(({ kept, copies }) => `${copies.map(oneLine).join(", ")} = ${oneLine(kept)}`),
    ),
    block("near copies", near(false)),
    block("metadata.jsonl names what is not there", metadata.rows_without_file.map(oneLine)),
    block("not the photo that metadata.jsonl tells of (SHA-256)", metadata.changed.map(oneLine)),
  ].filter((text) => text !== "");
}

function block(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return "";
  const more = lines.length - MOST_LINES;
  const shown = more > 1 ? [...lines.slice(0, MOST_LINES), `and ${more} more; --json names all`] : lines;
  return [`${title} (${lines.length})`, ...shown.map((line) => `  ${line}`)].join("\n");
}
