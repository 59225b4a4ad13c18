// What rounds amount to: every round's model on the same held-out photos, by the labels that they have in the end.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { wilsonInterval } from "@ballsight/vision";
import { mcnemarExact } from "../compare/mcnemar.ts";
import { type DataVersion, readVersion } from "../data/version.ts";
import { csvRows } from "../output/csv.ts";
import { RUN_FILES } from "../run/runDirectory.ts";
import { runOf, versionFile } from "./loop.ts";

export interface RoundResult {
  readonly round: number;
  /** Of its version. */
  readonly trained_on: number;
  readonly taken_out: number;
  /** Photos that have another label than in the first round. */
  readonly relabelled: number;
  readonly held_out: number;
  readonly accuracy: number;
  readonly interval95: { readonly low: number; readonly high: number };
  /** Of the difference to the first round (McNemar's exact test); null for that one. */
  readonly p: number | null;
  readonly version: string;
  readonly model: string;
}

export async function roundResults(folder: string, trained: number): Promise<RoundResult[]> {
  if (trained === 0) return [];
  const versions = await Promise.all(
    Array.from({ length: trained }, (_, round) => readVersion(versionFile(folder, round))),
  );
  const truth = new Map(
    versions.at(-1)!.flatMap(({ split, file, label }) => (split === "valid" ? [[file, label] as const] : [])),
  );
  const answers = await Promise.all(versions.map((_, round) => answersOf(folder, round)));
  // A photo that vanished between two rounds was answered by one of them alone.
  const files = [...truth.keys()].filter((file) => answers.every((answered) => answered.has(file)));
  const rights = answers.map((answered) => files.map((file) => answered.get(file) === truth.get(file)));
  return versions.map((version, round): RoundResult => {
    const right = rights[round]!;
    const hits = right.filter(Boolean).length;
    return {
      round,
      ...counts(version, versions[0]!),
      held_out: files.length,
      accuracy: hits / (files.length || 1),
      interval95: wilsonInterval(hits, files.length),
      p: round === 0 ? null : mcnemarOf(rights[0]!, right),
      version: versionFile(folder, round),
      model: join(runOf(folder, round), RUN_FILES.model),
    };
  });
}

function counts(version: DataVersion, first: DataVersion) {
  const before = new Map(first.map(({ file, label }) => [file, label]));
  return {
    trained_on: version.filter(({ split }) => split === "train").length,
    taken_out: version.filter(({ split }) => split === "out").length,
    relabelled: version.filter(({ file, label }) => before.get(file) !== label).length,
  };
}

function mcnemarOf(a: readonly boolean[], b: readonly boolean[]): number {
  const onlyA = a.filter((right, i) => right && !b[i]).length;
  const onlyB = b.filter((right, i) => right && !a[i]).length;
  return mcnemarExact(onlyA, onlyB);
}

async function answersOf(folder: string, round: number): Promise<Map<string, string>> {
  const rows = csvRows(await readFile(join(runOf(folder, round), RUN_FILES.predictions), "utf8"));
  const head = rows[0]!;
  const [file, predicted] = [head.indexOf("file"), head.indexOf("predicted")];
  return new Map(rows.slice(1).map((row) => [row[file]!, row[predicted]!] as const));
}
