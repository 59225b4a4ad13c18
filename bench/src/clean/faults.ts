// Pictures planted among sound ones: which of them `ballsight clean` finds, kind by kind.

import { join } from "node:path";
import { badPictures, QUALITY_CHECKS, type QualityCheck, unitRows } from "@ballsight/vision";
import * as runtime from "onnxruntime-node";
import {
  type Dataset,
  distancesToClass,
  findIssues,
  type Issue,
  nearestByClass,
  type Passed,
  rangesBeyond,
  readDataset,
  readThresholds,
} from "../internals.ts";
import { temporaryFolder } from "../temporary.ts";
import type { Eyes } from "./eyes.ts";
import { COPIES, type Planted, plant } from "./plant.ts";
import { averagePrecision, type Found, found } from "./score.ts";

export interface FaultsResult {
  /** By what was planted; copies found in the sound photos alone do not count. */
  readonly copies: Readonly<Record<string, Found>>;
  readonly pictures: Readonly<Record<string, Found & { readonly onSound: number }>>;
  /** Copies under another class: how many, how many were called conflicts. */
  readonly conflicts: { readonly planted: number; readonly found: number };
  /** Pairs of sound photos that are called copies. */
  readonly soundCopies: number;
}

interface Merged {
  readonly passed: Passed;
  /** What was planted, by its place in the photos. */
  readonly planted: ReadonlyMap<number, Planted>;
  /** Place in the merged photos of each sound one; those that were spoilt are gone. */
  readonly placeOf: ReadonlyMap<number, number>;
}

const NEIGHBOURS = 16;

export async function plantedFaults(eyes: Eyes, dataset: Dataset, sound: Passed, seed: number): Promise<FaultsResult> {
  const { classes } = dataset;
  const root = temporaryFolder();
  const sources = sound.photos.map(({ file, target }) => ({ path: join(dataset.dir, file), label: classes[target]! }));
  const list = await plant(root, sources, seed);
  const spoilt = await readDataset(root);
  const merged = merge(sound, classes, spoilt, await eyes.look(spoilt, `planted in ${dataset.dir}`), list);
  const before = await issuesOf(sound, classes);
  const after = await issuesOf(merged.passed, classes);
  return {
    copies: scoreCopies(sound, before, merged, after),
    pictures: await scorePictures(merged, after, classes.length, before),
    ...scoreConflicts(sound, merged, after),
    soundCopies: before.filter(({ of }) => of !== undefined).length,
  };
}

async function issuesOf(passed: Passed, classes: readonly string[]): Promise<readonly Issue[]> {
  const metadata = { get: () => undefined };
  const { issues } = await findIssues({
    runtime,
    passed,
    classes,
    metadata,
    thresholds: readThresholds(),
    onProgress: () => undefined,
  });
  return issues;
}

function merge(
  sound: Passed,
  classes: readonly string[],
  spoilt: Dataset,
  added: Passed,
  list: readonly Planted[],
): Merged {
  const byFile = new Map(list.map((one) => [one.file, one]));
  const gone = new Set(list.flatMap(({ fault, source }) => (fault === "blurred" || fault === "dark" ? [source] : [])));
  const placeOf = new Map<number, number>();
  const planted = new Map<number, Planted>();
  const photos: Passed["photos"][number][] = [];
  const rows: Float32Array[] = [];
  const { width } = sound.embeddings;
  const rowOf = ({ embeddings }: Passed, i: number) => embeddings.data.subarray(i * width, (i + 1) * width);
  for (const [i, photo] of sound.photos.entries()) {
    if (gone.has(i)) continue;
    placeOf.set(i, photos.length);
    photos.push(photo);
    rows.push(rowOf(sound, i));
  }
  for (const [i, photo] of added.photos.entries()) {
    planted.set(photos.length, byFile.get(photo.file)!);
    photos.push({ ...photo, target: classes.indexOf(spoilt.classes[photo.target]!) });
    rows.push(rowOf(added, i));
  }
  const data = new Float32Array(photos.length * width);
  for (const [i, row] of rows.entries()) data.set(row, i * width);
  return { passed: { ...sound, photos, embeddings: { data, width } }, planted, placeOf };
}

/** The photo that each one is a copy of, itself for most, by file. */
const rootsOf = (issues: readonly Issue[]) =>
  new Map(issues.flatMap(({ file, of }) => (of === undefined ? [] : [[file, of.file] as const])));

function scoreCopies(sound: Passed, before: readonly Issue[], merged: Merged, after: readonly Issue[]) {
  const natural = rootsOf(before);
  const sourceOf = new Map(
    [...merged.planted.values()].flatMap(({ file, source }) =>
      source === undefined ? [] : [[file, sound.photos[source]!.file] as const],
    ),
  );
  const faultOf = new Map([...merged.planted.values()].map(({ file, fault }) => [file, fault]));
  const originOf = (file: string) => {
    const source = sourceOf.get(file) ?? file;
    return natural.get(source) ?? source;
  };
  const pairs = after.flatMap(({ file, of, score }) => (of === undefined ? [] : [{ file, kept: of.file, score }]));
  const kept = rootsOf(after);
  return Object.fromEntries(
    COPIES.map((fault) => {
      const own = pairs.filter(({ file, kept }) => faultOf.get(file) === fault || faultOf.get(kept) === fault);
      const right = own.filter(({ file, kept }) => originOf(file) === originOf(kept));
      const all = [...merged.planted.values()].filter((one) => one.fault === fault);
      const met = all.filter(({ file }) => {
        const source = sourceOf.get(file)!;
        return (kept.get(file) ?? file) === (kept.get(source) ?? source);
      });
      const ranked = own.toSorted((a, b) => a.score - b.score);
      const hits = new Set([...ranked.keys()].filter((i) => right.includes(ranked[i]!)));
      const recall = met.length / all.length;
      const ap = hits.size === 0 ? 0 : recall * averagePrecision([...ranked.keys()], hits);
      return [fault, { precision: own.length === 0 ? 1 : right.length / own.length, recall, averagePrecision: ap }];
    }),
  );
}

function scoreConflicts(sound: Passed, { passed, planted }: Merged, after: readonly Issue[]) {
  const conflicts = new Set(after.flatMap(({ kind, file, of }) => (kind === "conflict" ? [file, of!.file] : [])));
  const elsewhere = [...planted].filter(
    ([i, { source }]) => source !== undefined && passed.photos[i]!.target !== sound.photos[source]!.target,
  );
  const met = elsewhere.filter(([, { file }]) => conflicts.has(file));
  return { conflicts: { planted: elsewhere.length, found: met.length } };
}

async function scorePictures(merged: Merged, after: readonly Issue[], classes: number, before: readonly Issue[]) {
  const { photos, embeddings } = merged.passed;
  const placeOfFile = new Map(photos.map(({ file }, i) => [file, i]));
  const every = Object.fromEntries(QUALITY_CHECKS.map((check) => [check, Number.POSITIVE_INFINITY])) as Record<
    QualityCheck,
    number
  >;
  const targets = photos.map(({ target }) => target);
  const all = badPictures(photos, every, targets);
  const kept = rootsOf(after);
  const groups = photos.map(({ file }, i) => placeOfFile.get(kept.get(file) ?? file) ?? i);
  const byClass = await nearestByClass(runtime, unitRows(embeddings), targets, classes, NEIGHBOURS);
  const scoresOf = (kind: string) =>
    kind === "off-topic"
      ? rangesBeyond(distancesToClass(byClass, targets, groups), targets).map((beyond) => -beyond)
      : all.filter(({ check }) => check === kind).map(({ score }) => score);
  const score = (fault: string, kind: string) => {
    // Other faults are neither right nor wrong here: a dark photo is far from the others of its class, too.
    const counted = [...photos.keys()].filter((i) => (merged.planted.get(i)?.fault ?? fault) === fault);
    const place = new Map(counted.map((i, at) => [i, at]));
    const planted = new Set(counted.flatMap((i, at) => (merged.planted.has(i) ? [at] : [])));
    const called = after.filter((issue) => issue.kind === kind);
    const flagged = called.flatMap(({ file }) => place.get(placeOfFile.get(file)!) ?? []);
    const scores = scoresOf(kind);
    return {
      ...found(
        flagged,
        counted.map((i) => scores[i]!),
        planted,
      ),
      onSound: before.filter((issue) => issue.kind === kind).length,
    };
  };
  return {
    blurred: score("blurred", "blurred"),
    dark: score("dark", "dark"),
    unrelated: score("unrelated", "off-topic"),
  };
}
