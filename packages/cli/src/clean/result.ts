// What `clean` found, as plain data: what --json prints and the table is made from.

import type { SteppedBack } from "@ballsight/vision";
import type { Dataset } from "../data/dataset.ts";
import type { Part } from "../data/version.ts";
import type { ErrorRecord } from "../output/errors.ts";
import { errorRecord } from "../output/errors.ts";
import type { Findings } from "./find.ts";
import type { Issue, IssueKind } from "./issues.ts";
import { LEAST_PHOTOS } from "./labels.ts";
import { type TopLoss, topLossesByClass } from "./losses.ts";
import type { Passed } from "./pass.ts";
import type { Thresholds } from "./thresholds.ts";

export interface ClassIssues {
  readonly label: string;
  readonly photos: number;
  /** Issues per kind; kinds that do not occur are left away. */
  readonly issues: { readonly [Kind in IssueKind]?: number };
}

export interface CleanResult {
  /** Absolute. */
  readonly data: string;
  readonly model: string;
  readonly photos: number;
  /** Photos that had to be decoded; the others were known. */
  readonly decoded: number;
  readonly classes: readonly ClassIssues[];
  /** Estimated share of wrong labels; null where labels could not be judged. */
  readonly label_noise: number | null;
  /** Pairs of classes whose labels are mixed up, by their estimated share of all photos. */
  readonly mixed_up: readonly { readonly classes: readonly [string, string]; readonly share: number }[];
  /** Classes too small for their labels to be judged. */
  readonly unjudged: readonly string[];
  readonly stepped_back: readonly {
    readonly check: string;
    readonly label: string;
    readonly hits: number;
    readonly photos: number;
  }[];
  /** Classes of whose labels more than the share is doubted. */
  readonly doubted_classes: readonly { readonly label: string; readonly doubts: number; readonly photos: number }[];
  /** Photos whose EXIF says where they were taken. */
  readonly with_place: number;
  readonly unreadable: readonly { readonly file: string; readonly error: ErrorRecord }[];
  readonly thresholds: Thresholds;
  readonly warnings: readonly string[];
  readonly issues: readonly Issue[];
  /** Of each class, and part of the split where that is known, what costs most out of fold. */
  readonly top_losses: readonly TopLoss[];
}

export interface ResultOptions {
  readonly dataset: Dataset;
  readonly model: string;
  readonly passed: Passed;
  readonly findings: Findings;
  readonly thresholds: Thresholds;
  readonly warnings: readonly string[];
  readonly splitOf: (photo: { readonly sha256: string }) => Part | undefined;
}

/** Below, a pair of classes is not worth a line: half a photo in a thousand. */
const LEAST_SHARE = 0.0005;

export function cleanResult(options: ResultOptions): CleanResult {
  const { dataset, model, passed, findings, thresholds, warnings, splitOf } = options;
  const { classes } = dataset;
  const { labels, issues, steppedBack, doubtedClasses } = findings;
  return {
    data: dataset.dir,
    model,
    photos: passed.photos.length,
    decoded: passed.decoded,
    classes: classes.map((label, target) => ({
      label,
      photos: passed.photos.filter((photo) => photo.target === target).length,
      issues: tally(issues.filter((issue) => issue.label === label)),
    })),
    label_noise: labels.joint.length === 0 ? null : Number(labels.noise.toFixed(4)),
    mixed_up: mixedUp(labels.joint, classes),
    unjudged: labels.unjudged.map((target) => classes[target]!),
    stepped_back: steppedBack.map(({ check, group, hits, of }: SteppedBack) => ({
      check,
      label: classes[group]!,
      hits,
      photos: of,
    })),
    doubted_classes: doubtedClasses.map(({ target, ...counts }) => ({ label: classes[target]!, ...counts })),
    with_place: passed.photos.filter(({ exif }) => exif.place).length,
    unreadable: [...passed.failures].map(([index, error]) => ({
      file: dataset.files[index]!,
      error: errorRecord(error),
    })),
    thresholds,
    warnings,
    issues,
    top_losses: topLossesByClass(passed.photos, labels, classes, splitOf),
  };
}

export const unjudgedRemark = (names: string) =>
  `fewer than ${LEAST_PHOTOS} photos of ${names}: labels there are not judged`;

function mixedUp(joint: Findings["labels"]["joint"], classes: readonly string[]): CleanResult["mixed_up"] {
  return joint
    .flatMap((row, a) =>
      row.flatMap((share, b) => {
        const both = share + joint[b]![a]!;
        return a < b && both >= LEAST_SHARE
          ? [{ classes: [classes[a]!, classes[b]!] as const, share: Number(both.toFixed(4)) }]
          : [];
      }),
    )
    .sort((x, y) => y.share - x.share);
}

function tally(issues: readonly Issue[]): ClassIssues["issues"] {
  const counts: { [Kind in IssueKind]?: number } = {};
  for (const { kind } of issues) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
