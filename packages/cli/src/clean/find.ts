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
import { type Copy, CopyFinder, findCropLinks, keepOrder, type RankedPhoto, whyKept } from "./copies.ts";
import { type Issue, type SimilarPhoto, sortIssues } from "./issues.ts";
import { checkLabels, type LabelCheck, type NearestPhotos, nearestOfBoth } from "./labels.ts";
import { lossOf } from "./losses.ts";
import { nearestByClass, nearestOfAll } from "./neighbours.ts";
import { distancesToClass, findOffTopic, nearestClass, rangesBeyond } from "./offTopic.ts";
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
  /** Classes of whose labels so many are doubted that the class should be looked at as a whole. */
  readonly doubtedClasses: readonly { readonly target: number; readonly doubts: number; readonly photos: number }[];
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
  /** Whether somebody has kept a photo as it is in a review. */
  readonly isReviewed?: (photo: { readonly file: string; readonly sha256: string; readonly label: string }) => boolean;
  readonly onProgress: (label: string, done: number, total: number) => void;
}

export async function findIssues(options: FindOptions): Promise<Findings> {
  const { runtime, passed, classes, thresholds, onProgress } = options;
  const { photos } = passed;
  const features = unitRows(passed.embeddings);
  const targets = photos.map(({ target }) => target);
  const byClass = await nearestByClass(runtime, features, targets, classes.length, NEIGHBOURS, (done, total) =>
    onProgress("Neighbours", done, total),
  );
  const neighbours = nearestOfAll(byClass, photos.length, NEIGHBOURS);
  const links = await findCropLinks({
    photos,
    features,
    neighbours,
    thresholds,
    onProgress: (done, total) => onProgress("Crops", done, total),
  });
  const onCopies = (done: number, total: number) => onProgress("Copies", done, total);
  const finder = await CopyFinder.open(photos, links, onCopies);
  // Twice: which label is right says which copy should stay, and copies must be known before labels can be judged.
  const ranked = photos.map((_, row) => rankOf(options, row));
  const first = await finder.group(keepOrder(ranked), thresholds, onCopies);
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
  const copies = await finder.group(keepOrder(judged), thresholds, onCopies);
  const nearest = await nearestOfBoth(forLabels, doubts);
  const beyond = rangesBeyond(distancesToClass(byClass, targets, copies.keptOf), targets);
  const offTopic = findOffTopic(beyond, thresholds["off-topic"]).filter(
    // What looks like another class is no stranger.
    ({ photo }) => !doubted.has(photo),
  );

  const guarded = stepBack(
    badPictures(photos, thresholds, targets).map((found) => ({ ...found, row: found.index })),
    targets,
    thresholds.share,
  );
  const found: (readonly [row: number, issue: Issue])[] = [
    ...guarded.kept.map((bad) => [bad.row, badIssue(options, bad)] as const),
    ...offTopic.map(({ photo, score }) => {
      const other = nearestClass(photo, byClass, copies.keptOf);
      return [photo, offTopicIssue(options, photo, score, other)] as const;
    }),
    ...doubts.map((doubt, i) => [doubt.row, labelIssue(options, labels, doubt, nearest[i]!)] as const),
    ...copies.copies.map((copy) => [copy.photo, copyIssue(options, copy, judged)] as const),
  ];
  const issues = found.map(([row, issue]): Issue => {
    const loss = lossOf(labels.probabilities, classes.length, row, targets[row]!);
    return loss === undefined ? issue : { ...issue, loss };
  });
  return {
    issues: sortIssues(issues),
    labels,
    steppedBack: guarded.steppedBack,
    doubtedClasses: doubtedClasses(
      doubts.map(({ row }) => targets[row]!),
      targets,
      thresholds.share,
    ),
  };
}

/** Bad pictures of a kind say how a class is photographed; wrong labels say nothing of the kind, however many there are: they are listed, and the class is named. */
function doubtedClasses(
  doubted: readonly number[],
  targets: readonly number[],
  share: number,
): Findings["doubtedClasses"] {
  const countIn = (list: readonly number[], target: number) => list.filter((own) => own === target).length;
  return [...new Set(doubted)]
    .sort((a, b) => a - b)
    .map((target) => ({ target, doubts: countIn(doubted, target), photos: countIn(targets, target) }))
    .filter(({ doubts, photos }) => doubts > share * photos);
}

function rankOf(options: FindOptions, row: number): RankedPhoto {
  const { file, width, height, bytes, modified, exif } = options.passed.photos[row]!;
  return {
    file,
    width,
    height,
    bytes,
    made: exif.taken === undefined ? modified : Date.parse(`${exif.taken}Z`),
    isDoubted: false,
    isKnown: options.metadata.get(file) !== undefined,
    isReviewed: options.isReviewed?.(about(options, row)) ?? false,
  };
}

function about({ passed, classes }: FindOptions, row: number): Pick<Issue, "file" | "sha256" | "label" | "exif"> {
  const { file, sha256, target, exif } = passed.photos[row]!;
  return { file, sha256, label: classes[target]!, ...(Object.keys(exif).length > 0 && { exif }) };
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

function offTopicIssue(options: FindOptions, row: number, score: number, nearest: number): Issue {
  const { label } = about(options, row);
  const other = options.classes[nearest]!;
  const rest = other === label ? "and less like those of any other class" : `more like those of ${other}`;
  return {
    kind: "off-topic",
    ...about(options, row),
    score: short(score),
    reason: `unlike the other photos of ${label}, ${rest}`,
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

function copyIssue(options: FindOptions, { photo, kept, how, likeness }: Copy, ranked: readonly RankedPhoto[]): Issue {
  const [own, { sha256: _, ...other }] = [about(options, photo), about(options, kept)];
  const isConflict = own.label !== other.label;
  const why = whyKept(ranked[kept]!, ranked[photo]!);
  return {
    kind: isConflict ? "conflict" : "copy",
    ...own,
    score: short(1 - likeness),
    reason: `${HOW[how]} ${other.file}${isConflict ? `, which is called ${other.label}: one label is wrong` : ""}`,
    // Which of two labels is right nobody should decide unseen, nor whether two balls on white are one: crops know no colours.
    suggestion: { action: isConflict || how === "crop" ? "look" : "exclude" },
    of: { ...other, how, why },
  };
}

/** Four digits: more are noise, and differ from machine to machine. */
const short = (value: number) => Number(value.toFixed(4));

const share = (value: number) => `${Math.round(value * 100)} %`;
