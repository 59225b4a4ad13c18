// Labels swapped by seed on photos whose labels are sound, and how many of them `ballsight clean` finds.

import { Generator, type Rows, unitRows } from "@ballsight/vision";
import * as runtime from "onnxruntime-node";
import { checkLabels, doubtOf, type Passed } from "../internals.ts";
import { type Found, found, meanOf } from "./score.ts";

export interface SwapOptions {
  readonly passed: Passed;
  readonly classes: number;
  /** Copies are held out together. */
  readonly groups: ArrayLike<number>;
  /** Of the labels. */
  readonly portion: number;
  /** To any other class, all alike, or to the class whose photos look most like it. */
  readonly how: "uniform" | "look-alike";
  readonly seeds: number;
}

/** Mean over `seeds` draws. */
export async function swappedLabels({ passed, classes, groups, portion, how, seeds }: SwapOptions): Promise<Found> {
  const features = unitRows(passed.embeddings);
  const truth = passed.photos.map(({ target }) => target);
  const alike = lookAlikes(features, truth, classes);
  const runs: Found[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const { targets, wrong } = swap(truth, classes, portion, seed, how === "uniform" ? undefined : alike);
    const photos = passed.photos.map((photo, i) => ({ ...photo, target: targets[i]! }));
    const { doubts, probabilities } = await checkLabels({ runtime, photos, features, classes, groups });
    const margins = targets.map((_, row) => doubtOf({ probabilities, targets, classes }, row).margin);
    const flagged = doubts.map(({ row }) => row);
    runs.push(found(flagged, margins, wrong));
  }
  return meanOf(runs);
}

/** @param to per class the only other one that its labels are changed to */
export function swap(truth: readonly number[], classes: number, portion: number, seed: number, to?: readonly number[]) {
  const random = new Generator({ seed });
  const wrong = new Set(random.permutation(truth.length).slice(0, Math.round(portion * truth.length)));
  const other = (k: number) => (k + 1 + random.integer(classes - 1)) % classes;
  return { targets: truth.map((k, row) => (wrong.has(row) ? (to?.[k] ?? other(k)) : k)), wrong };
}

/** Per class the other one whose mean embedding is nearest. */
export function lookAlikes({ data, width }: Rows, targets: readonly number[], classes: number): number[] {
  const means = Array.from({ length: classes }, () => new Float64Array(width));
  for (const [row, target] of targets.entries()) {
    for (let i = 0; i < width; i++) means[target]![i]! += data[row * width + i]!;
  }
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const units = means.map((mean) => mean.map((value) => value / Math.sqrt(dot(mean, mean) || 1)));
  return units.map((own, k) => {
    const order = [...units.keys()]
      .filter((other) => other !== k)
      .sort((a, b) => dot(own, units[b]!) - dot(own, units[a]!));
    return order[0]!;
  });
}
