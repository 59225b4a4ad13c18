// issues.jsonl as the review reads it: by photo, in the file's order. Kinds and fields that are not known here are taken as they come.

import { readFile } from "node:fs/promises";
import { fail } from "@ballsight/vision";
import { isHash, type Opinion } from "../decisions/entries.ts";

export interface SimilarPhoto {
  readonly file: string;
  readonly cosine: number;
}

export interface ListedIssue {
  readonly kind: string;
  readonly file: string;
  readonly sha256: string;
  readonly label: string;
  readonly score: number;
  readonly reason: string;
  readonly suggestion: { readonly action: string; readonly label?: string; readonly probability?: number };
  readonly probability?: number;
  readonly nearest?: { readonly given: readonly SimilarPhoto[]; readonly suggested: readonly SimilarPhoto[] };
  readonly of?: { readonly file: string; readonly label: string; readonly how: string; readonly why: string };
  /** Its part of the data set, where whoever wrote the list knows it. */
  readonly split?: string;
  /** Cross-entropy of the label by models that did not see the photo, nats, where the list has it. */
  readonly loss?: number;
}

/** A photo with all that is said of it; the first issue is the gravest. */
export interface DoubtfulPhoto {
  readonly file: string;
  readonly sha256: string;
  readonly label: string;
  readonly issues: readonly [ListedIssue, ...ListedIssue[]];
}

export interface ReadIssues {
  readonly photos: readonly DoubtfulPhoto[];
  /** Lines that could not be read. */
  readonly passedOver: number;
}

/** @throws ISSUES_MISSING */
export async function readIssues(path: string): Promise<ReadIssues> {
  const text = await readFile(path, "utf8").catch((cause: unknown) =>
    fail("ISSUES_MISSING", { name: path }, { cause }),
  );
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const issues = lines.flatMap((line) => parseIssue(line) ?? []);
  const byPhoto = new Map<string, [ListedIssue, ...ListedIssue[]]>();
  for (const issue of issues) {
    const key = `${issue.sha256} ${issue.file}`;
    const others = byPhoto.get(key);
    if (others === undefined) byPhoto.set(key, [issue]);
    else others.push(issue);
  }
  const photos = [...byPhoto.values()].map((all) => ({
    file: all[0].file,
    sha256: all[0].sha256,
    label: all[0].label,
    issues: all,
  }));
  return { photos, passedOver: lines.length - issues.length };
}

/** Undefined where nobody judged the label; without a loss of its own, the probability of the label says it. */
export function lossOf(issues: readonly ListedIssue[]): number | undefined {
  const losses = issues.flatMap(({ loss, probability }) => {
    if (isNumber(loss)) return [loss];
    return isNumber(probability) ? [-Math.log(Math.min(Math.max(probability, LEAST_PROBABILITY), 1))] : [];
  });
  return losses.length === 0 ? undefined : Math.max(...losses);
}

/** As `clean` counts: what is impossible costs 16, not everything. */
const LEAST_PROBABILITY = 1e-7;

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** What is said of a photo, short enough for a line of the journal. */
export function opinionsOf(issues: readonly ListedIssue[]): Opinion[] {
  return issues.map(({ kind, score, suggestion, of }) => {
    const label = suggestion.label ?? (kind === "conflict" ? of?.label : undefined);
    return { kind, score, ...(label !== undefined && { label }) };
  });
}

function parseIssue(line: string): ListedIssue | undefined {
  try {
    const value = JSON.parse(line) as Partial<ListedIssue> | null;
    const { nearest, of, ...more } = value ?? {};
    const { kind, file, sha256, label, score, reason, suggestion } = more;
    if (![kind, file, label].every((text) => typeof text === "string" && text !== "") || !isHash(sha256))
      return undefined;
    return {
      ...(more as ListedIssue),
      score: isNumber(score) ? score : 0.5,
      reason: typeof reason === "string" ? reason : String(kind),
      suggestion: typeof suggestion?.action === "string" ? suggestion : { action: "look" },
      ...(nearest !== undefined && {
        nearest: { given: similar(nearest.given), suggested: similar(nearest.suggested) },
      }),
      ...(typeof of?.file === "string" && typeof of.label === "string" && { of }),
    };
  } catch {
    return undefined;
  }
}

function similar(value: unknown): SimilarPhoto[] {
  if (!Array.isArray(value)) return [];
  return value.filter(
    (one: Partial<SimilarPhoto> | null) => typeof one?.file === "string" && typeof one.cosine === "number",
  );
}
