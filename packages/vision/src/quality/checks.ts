// Bad pictures: figures to scores, scores against thresholds. A score is 0 (as bad as can be) to 1 (nothing wrong).

import { detailOf, type PictureFigures, percentileOf } from "./figures.ts";

export interface MeasuredPicture extends PictureFigures {
  /** Squeezed to 32 x 32, row by row. */
  readonly grey: Uint8Array;
  /** As seen, pixels. */
  readonly width: number;
  readonly height: number;
}

/** What is wrong with a picture where its score is below. CleanVision's thresholds down to `low-information`, `odd-aspect` and `odd-size`; the others are ours. */
export const QUALITY_THRESHOLDS = {
  dark: 0.32,
  light: 0.05,
  blurred: 0.33,
  "low-information": 0.3,
  grey: 0.04,
  "odd-aspect": 0.35,
  "odd-size": 0.5,
  drawn: 0.45,
  collage: 0.1,
  border: 0.95,
  text: 0.6,
} as const;

export type QualityCheck = keyof typeof QUALITY_THRESHOLDS;

export const QUALITY_CHECKS = Object.keys(QUALITY_THRESHOLDS) as readonly QualityCheck[];

export interface BadPicture {
  /** Into the pictures. */
  readonly index: number;
  readonly check: QualityCheck;
  readonly score: number;
}

export interface SteppedBack {
  readonly group: number;
  readonly check: string;
  readonly hits: number;
  readonly of: number;
}

/** Below, a few odd pictures of a small class would silence a check. */
const LEAST_HITS = 3;

/** With fewer, quartiles say nothing. */
const LEAST_OF_CLASS = 20;

/** As many, of 32 levels a channel, have hardly any drawings. */
const MANY_COLOURS = 256;

/** More than this share of a class is how its photos are, not what is wrong with them. */
export const MOST_SHARE = 0.3;

/**
 * Sizes are judged against the pictures of the same class, or all of them where those are too few; everything else alone.
 * @param groups class of each picture
 */
export function qualityScores(
  pictures: readonly MeasuredPicture[],
  groups: ArrayLike<number> = new Uint8Array(pictures.length),
): Record<QualityCheck, number>[] {
  const all = sizeScore(pictures.map(sideOf));
  const byGroup = new Map<number, (side: number) => number>();
  const sizeIn = (group: number) => {
    const own = pictures.filter((_, i) => groups[i] === group);
    return own.length < LEAST_OF_CLASS ? all : sizeScore(own.map(sideOf));
  };
  for (let i = 0; i < pictures.length; i++) {
    if (!byGroup.has(groups[i]!)) byGroup.set(groups[i]!, sizeIn(groups[i]!));
  }
  return pictures.map((picture, i) => ({
    dark: picture.brightness[4],
    light: 1 - picture.brightness[1],
    blurred: Math.min(1, detailOf(picture.grey)),
    "low-information": Math.min(1, 0.1 * picture.entropy),
    grey: picture.colour / 255,
    "odd-aspect": Math.min(picture.width / picture.height, picture.height / picture.width),
    "odd-size": byGroup.get(groups[i]!)!(sideOf(picture)),
    drawn: Math.max(picture.shaded, Math.min(1, picture.colours / MANY_COLOURS)),
    collage: 1 - picture.seam,
    border: 1 - picture.border,
    text: 1 - picture.lettering,
  }));
}

export function badPictures(
  pictures: readonly MeasuredPicture[],
  thresholds: Readonly<Record<QualityCheck, number>> = QUALITY_THRESHOLDS,
  groups?: ArrayLike<number>,
): BadPicture[] {
  return qualityScores(pictures, groups).flatMap((scores, index) =>
    QUALITY_CHECKS.flatMap((check) =>
      scores[check] < thresholds[check] ? [{ index, check, score: scores[check] }] : [],
    ),
  );
}

/**
 * Guard rail: a check that hits more than 30 % of a class says how that class is photographed, and its findings there are taken back.
 * @param groups class of each index
 */
export function stepBack<Finding extends { readonly index: number; readonly check: string }>(
  findings: readonly Finding[],
  groups: ArrayLike<number>,
  share = MOST_SHARE,
): { readonly kept: Finding[]; readonly steppedBack: SteppedBack[] } {
  const sizes = new Map<number, number>();
  for (let i = 0; i < groups.length; i++) sizes.set(groups[i]!, (sizes.get(groups[i]!) ?? 0) + 1);
  const hits = new Map<string, SteppedBack>();
  const key = ({ index, check }: Finding) => `${groups[index]} ${check}`;
  for (const finding of findings) {
    const group = groups[finding.index]!;
    const before = hits.get(key(finding))?.hits ?? 0;
    hits.set(key(finding), { group, check: finding.check, hits: before + 1, of: sizes.get(group)! });
  }
  const isTooMany = (found: SteppedBack) => found.hits >= LEAST_HITS && found.hits > share * found.of;
  return {
    kept: findings.filter((finding) => !isTooMany(hits.get(key(finding))!)),
    steppedBack: [...hits.values()].filter(isTooMany),
  };
}

const sideOf = ({ width, height }: MeasuredPicture) => Math.sqrt(width * height);

/** Distance from the middle of [Q1 - 3 IQR, Q3 + 3 IQR], so that 0.5 is its border. Where nearly all are of one size, a tenth of it counts as spread. */
function sizeScore(sides: readonly number[]): (side: number) => number {
  if (sides.length === 0) return () => 1;
  const sorted = Float64Array.from(sides).sort();
  const [low, high] = [percentileOf(sorted, 25), percentileOf(sorted, 75)];
  const spread = Math.max(high - low, 0.1 * percentileOf(sorted, 50));
  const middle = (low + high) / 2;
  const gap = high - low + 6 * spread;
  return (side) => 1 - Math.min(1, Math.abs(side - middle) / gap);
}
