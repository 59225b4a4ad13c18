// From the pass over the photos to the list of issues: copies, labels, strangers, bad pictures, and the guard rails.

import type { OrtRuntime } from "@ballsight/grad";
import {
  badPictures,
  type LabelDoubt,
  type QualityCheck,
  type SteppedBack,
  stepBack,
  unitRows,
} from "@ballsight/vision";
import type { Metadata } from "../data/metadata.ts";
import { CopyFinder, type CopyGroups, findCropLinks, keepOrder, type RankedPhoto, whyKept } from "./copies.ts";
import { type Issue, type SimilarPhoto, sortIssues } from "./issues.ts";
import { checkLabels, type LabelCheck, type NearestPhotos, nearestOfBoth } from "./labels.ts";
import { nearestByClass, nearestOfAll } from "./neighbours.ts";
import { distancesToClass, findOffTopic } from "./offTopic.ts";
import type { Passed, PassedPhoto } from "./pass.ts";
import { qualityReason } from "./reasons.ts";
import type { Thresholds } from "./thresholds.ts";

/** Ten that count, the photo itself, and some that may be its copies. */
const NEIGHBOURS = 16;

export interface Findings {
  readonly issues: readonly Issue[];
  readonly labels: LabelCheck;
  /** Checks that hit too much of a class; `group` is the class. */
  readonly steppedBack: readonly SteppedBack[];
}

/** Out-of-fold probabilities [photos, classes]; a photo's copies are in its group. */
export type Judge = (photos: readonly PassedPhoto[], groups: ArrayLike<number>) => Promise<Float32Array>;

export interface FindOptions {
  readonly runtime: OrtRuntime;
  readonly passed: Passed;
  readonly classes: readonly string[];
  readonly metadata: Pick<Metadata, "get">;
  readonly thresholds: Thresholds;
  /** Instead of linear heads on the embeddings. */
  readonly judge?: Judge;
  readonly onProgress: (label: string, done: number, total: number) => void;
}

export async function findIssues(options: FindOptions): Promise<Findings> {
  const { runtime, passed, classes, thresholds, onProgress } = options;
  const { photos } = passed;
  const features = unitRows(passed.embeddings);
  const targets = photos.map(({ target }) => target);
  const byClass = await nearestByClass(runtime, features, targets, classes.length, NEIGHBOURS);
  const neighbours = nearestOfAll(byClass, photos.length, NEIGHBOURS);
  const links = await findCropLinks({
    photos,
    features,
    neighbours,
    thresholds,
    onProgress: (done, total) => onProgress("Crops", done, total),
  });
  const finder = new CopyFinder(photos, links);
  // Twice: which label is right says which copy should stay, and copies must be known before labels can be judged.
  const ranked = photos.map((photo) => rankOf(photo, options.metadata, false));
  const first = finder.group(keepOrder(ranked), thresholds);
  const forLabels = {
    runtime,
    photos,
    features,
    classes: classes.length,
    groups: first.keptOf,
    ...(options.judge !== undefined && { judge: options.judge }),
    onProgress: (done: number, total: number) => onProgress("Labels", done, total),
  };
  const labels = await checkLabels(forLabels);
  const doubts = labels.doubts.filter(({ margin }) => margin < thresholds.label);
  const doubted = new Set(doubts.map(({ row }) => row));
  const judged = ranked.map((photo, i) => ({ ...photo, isDoubted: doubted.has(i) }));
  const copies = finder.group(keepOrder(judged), thresholds);
  const nearest = await nearestOfBoth(forLabels, doubts);
  const offTopic = findOffTopic(distancesToClass(byClass, targets, copies.keptOf), thresholds["off-topic"]).filter(
    // What looks like another class is no stranger.
    ({ photo }) => !doubted.has(photo),
  );

  const guarded = stepBack(
    [
      ...badPictures(photos, thresholds).map((found) => ({ ...found, issue: badIssue(options, found) })),
      ...offTopic.map(({ photo, score }) => ({
        index: photo,
        check: "off-topic",
        issue: offTopicIssue(options, photo, score),
      })),
      ...doubts.map((doubt, i) => ({
        index: doubt.row,
        check: "label",
        issue: labelIssue(options, labels, doubt, nearest[i]!),
      })),
    ],
    targets,
    thresholds.share,
  );
  const issues = [...guarded.kept.map(({ issue }) => issue), ...copyIssues(options, copies, judged)];
  return { issues: sortIssues(issues), labels, steppedBack: guarded.steppedBack };
}

function rankOf(photo: PassedPhoto, metadata: Pick<Metadata, "get">, isDoubted: boolean): RankedPhoto {
  const { file, width, height, bytes, modified } = photo;
  return { file, width, height, bytes, modified, isDoubted, isKnown: metadata.get(file) !== undefined };
}

function about({ passed, classes }: FindOptions, row: number): Pick<Issue, "file" | "sha256" | "label"> {
  const { file, sha256, target } = passed.photos[row]!;
  return { file, sha256, label: classes[target]! };
}

function badIssue(
  options: FindOptions,
  { index, check, score }: { index: number; check: QualityCheck; score: number },
): Issue {
  const photo = options.passed.photos[index]!;
  return {
    kind: check,
    ...about(options, index),
    score: short(score),
    reason: qualityReason(check, photo),
    suggestion: { action: "look" },
  };
}

function offTopicIssue(options: FindOptions, row: number, score: number): Issue {
  return {
    kind: "off-topic",
    ...about(options, row),
    score: short(score),
    reason: `unlike the other photos of ${about(options, row).label}, and of no other class`,
    suggestion: { action: "exclude" },
  };
}

function labelIssue(
  options: FindOptions,
  { probabilities }: LabelCheck,
  { row, suggested, margin, selfConfidence }: LabelDoubt,
  { given, suggested: others }: NearestPhotos,
): Issue {
  const { passed, classes } = options;
  const probability = probabilities[row * classes.length + suggested]!;
  const named = (list: NearestPhotos["given"]): SimilarPhoto[] =>
    list.map(([photo, cosine]) => ({ file: passed.photos[photo]!.file, cosine: short(cosine) }));
  const label = classes[suggested]!;
  const own = about(options, row);
  return {
    kind: "label",
    ...own,
    score: short(margin),
    reason: `looks like ${label} (${share(probability)}) rather than ${own.label} (${share(selfConfidence)})`,
    suggestion: { action: "relabel", label, probability: short(probability) },
    probability: short(selfConfidence),
    nearest: { given: named(given), suggested: named(others) },
  };
}

const HOW = {
  bytes: "byte for byte the same as",
  pixels: "pixel for pixel the same as",
  near: "nearly the same as",
  crop: "a part of, or cut out of the same photo as,",
} as const;

function copyIssues(options: FindOptions, { copies }: CopyGroups, ranked: readonly RankedPhoto[]): Issue[] {
  return copies.map(({ photo, kept, how, likeness }): Issue => {
    const [own, other] = [about(options, photo), about(options, kept)];
    const isConflict = own.label !== other.label;
    const why = whyKept(ranked[kept]!, ranked[photo]!);
    return {
      kind: isConflict ? "conflict" : "copy",
      ...own,
      score: short(1 - likeness),
      reason: `${HOW[how]} ${other.file}${isConflict ? `, which is called ${other.label}: one label is wrong` : ""}`,
      // Which of two labels is right nobody should decide unseen, nor whether two balls on white are one: crops know no colours.
      suggestion: { action: isConflict || how === "crop" ? "look" : "exclude" },
      of: { file: other.file, label: other.label, how, why },
    };
  });
}

/** Four digits: more are noise, and differ from machine to machine. */
const short = (value: number) => Number(value.toFixed(4));

const share = (value: number) => `${Math.round(value * 100)} %`;
