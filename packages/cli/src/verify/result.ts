// What `verify` found, as plain data: what --json prints and the table, the sheet and the exit code are made from.

import { byCodePoint } from "../data/codePoints.ts";
import type { ErrorRecord } from "../output/errors.ts";
import type { GoodPhoto } from "./check.ts";
import type { Copies } from "./copies.ts";
import type { BrokenKind, OddKind } from "./kinds.ts";
import type { Scan } from "./scan.ts";

export interface ClassCount {
  /** "" beside the class folders. */
  readonly label: string;
  readonly photos: number;
  readonly readable: number;
  /** Photos per kind; kinds that do not occur are left away. */
  readonly broken: { readonly [Kind in BrokenKind]?: number };
  readonly odd: { readonly [Kind in OddKind]?: number };
  /** Photos too many: byte for byte the same as another of this class. */
  readonly copies: number;
  /** Photos that are nearly another one, of this class or not. */
  readonly near_copies: number;
  /** Photos that are byte for byte in another class too. */
  readonly two_classes: number;
}

export interface VerifyResult {
  /** Absolute. */
  readonly data: string;
  readonly photos: number;
  readonly readable: number;
  readonly classes: readonly ClassCount[];
  readonly broken: readonly {
    readonly file: string;
    readonly label: string;
    readonly kind: BrokenKind;
    readonly error: ErrorRecord;
  }[];
  readonly odd: readonly {
    readonly file: string;
    readonly label: string;
    readonly kinds: readonly OddKind[];
    /** How its name should end. */
    readonly extension: string;
  }[];
  readonly copies: Copies["exact"];
  readonly two_classes: Copies["conflicts"];
  readonly near_copies: readonly (Copies["near"][number] & { readonly two_classes: boolean })[];
  readonly metadata: { readonly rows_without_file: readonly string[]; readonly changed: readonly string[] };
}

export function verifyResult(data: string, { good, broken, copies, rowsWithoutFile, changed }: Scan): VerifyResult {
  const labelOf = new Map(good.map(({ file, label }) => [file, label]));
  const odd = good.filter((photo) => photo.odd.length > 0);
  const copied = copies.exact.flatMap((group) => group.copies);
  const conflicting = copies.conflicts.flat();
  const near = copies.near.map((copy) => ({ ...copy, two_classes: labelOf.get(copy.file) !== labelOf.get(copy.of) }));
  const labels = [...new Set([...good, ...broken].map(({ label }) => label))].sort(byCodePoint);
  const count = (files: readonly string[], label: string) => files.filter((file) => labelOf.get(file) === label).length;
  return {
    data,
    photos: good.length + broken.length,
    readable: good.length,
    classes: labels.map((label) => {
      const isHere = (photo: { readonly label: string }) => photo.label === label;
      const readable = good.filter(isHere).length;
      const lost = broken.filter(isHere);
      return {
        label,
        photos: readable + lost.length,
        readable,
        broken: tally(lost.map(({ kind }) => kind)),
        odd: tally(odd.filter(isHere).flatMap((photo) => photo.odd)),
        copies: count(copied, label),
        near_copies: count(
          near.map(({ file }) => file),
          label,
        ),
        two_classes: count(conflicting, label),
      };
    }),
    broken: broken.map(({ file, label, kind, error }) => ({ file, label, kind, error })),
    odd: odd.map(({ file, label, odd: kinds, extension }: GoodPhoto) => ({ file, label, kinds, extension })),
    copies: copies.exact,
    two_classes: copies.conflicts,
    near_copies: near,
    metadata: { rows_without_file: rowsWithoutFile, changed },
  };
}

/** Files that must be looked at before the data set is fit to be trained on, without those that a fix has taken care of. */
export function problemsLeft(result: VerifyResult, cared: ReadonlySet<string>): number {
  const files = [
    ...result.broken.map(({ file }) => file),
    ...result.odd.filter(({ kinds }) => kinds.includes("wrong-extension")).map(({ file }) => file),
    ...result.copies.flatMap(({ copies }) => copies),
    ...result.two_classes.flat(),
  ];
  return new Set(files.filter((file) => !cared.has(file))).size;
}

function tally<Kind extends string>(kinds: readonly Kind[]): { readonly [K in Kind]?: number } {
  const counts: { [K in Kind]?: number } = {};
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
