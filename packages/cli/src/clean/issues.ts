// What `clean` found, photo by photo: issues.jsonl holds one line each, the most valuable to look at first.

import { QUALITY_CHECKS, type QualityCheck } from "@ballsight/vision";
import { byCodePoint } from "../data/codePoints.ts";
import type { Part } from "../data/version.ts";
import { writeAtomic } from "../run/writeAtomic.ts";
import type { CopyHow } from "./copies.ts";
import type { Exif } from "./exif.ts";

export const ISSUES_FILE = "issues.jsonl";

/** In the order in which they are worth a look: what misleads a training most comes first. */
export const KINDS = ["conflict", "label", "off-topic", "copy", ...QUALITY_CHECKS] as const;

export type IssueKind = "conflict" | "label" | "off-topic" | "copy" | QualityCheck;

export interface SimilarPhoto {
  readonly file: string;
  readonly cosine: number;
}

export interface Issue {
  readonly kind: IssueKind;
  readonly file: string;
  readonly sha256: string;
  readonly label: string;
  /** Of the run that the model is of, where there is one beside it. */
  readonly split?: Part;
  /** 0 is as bad as can be, 1 is nothing wrong. Comparable within a kind. */
  readonly score: number;
  /** Out of fold, of the given label, nats; where labels were judged. What the model is least at ease with has the largest. */
  readonly loss?: number;
  /** What the camera wrote into it. */
  readonly exif?: Exif;
  /** In words. */
  readonly reason: string;
  readonly suggestion:
    | { readonly action: "relabel"; readonly label: string; readonly probability: number }
    | { readonly action: "exclude" | "look" };
  /** Wrong labels: out of fold, of the given label; and the nearest photos of either class. */
  readonly probability?: number;
  readonly nearest?: { readonly given: readonly SimilarPhoto[]; readonly suggested: readonly SimilarPhoto[] };
  /** Copies: the photo that stays, its label, and why it is the one. */
  readonly of?: {
    readonly file: string;
    readonly label: string;
    readonly how: CopyHow;
    readonly why: string;
    readonly exif?: Exif;
  };
}

/** By kind, then the worst first, then by name: the same findings are the same file. */
export function sortIssues(issues: readonly Issue[]): Issue[] {
  return issues.toSorted(
    (a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.score - b.score || byCodePoint(a.file, b.file),
  );
}

/** Whole or not at all; nothing is ever appended. Returns where it is. */
export async function writeIssues(path: string, issues: readonly Issue[]): Promise<void> {
  await writeAtomic(path, issues.map((issue) => `${JSON.stringify(issue)}\n`).join(""));
}
