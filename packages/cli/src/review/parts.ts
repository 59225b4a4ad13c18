// Which part of the data set a photo belongs to: touching the held-out part changes what models are measured on.

import { readFile } from "node:fs/promises";
import { fail, randomSplit } from "@ballsight/vision";
import { describeFailure } from "../data/dataset.ts";

export type PartOf = (photo: { readonly file: string; readonly sha256: string }) => "train" | "valid";

export interface PartOptions {
  readonly valid: number;
  readonly seed: number;
}

/** As `train` splits by seed; where it keeps copies on one side, some photos are in the other part than here. */
export function partsBySeed(files: readonly string[], { valid, seed }: PartOptions): PartOf {
  const held = new Set(Array.from(randomSplit(files.length, valid, seed).valid, (i) => files[i]!));
  return ({ file }) => (held.has(file) ? "valid" : "train");
}

/** As a training did: its data.jsonl has a line `{sha256, split, ...}` per photo. @throws BAD_OPTION */
export async function partsOfRun(option: string, path: string): Promise<PartOf> {
  const refuse = (received: string, cause?: unknown) =>
    fail("BAD_OPTION", { option, expected: "the data.jsonl of a run", received: `${path} (${received})` }, { cause });
  const text = await readFile(path, "utf8").catch((cause: unknown) => refuse(describeFailure(cause), cause));
  const held = new Set<string>();
  let photos = 0;
  for (const line of text.split("\n")) {
    const { sha256, split } = parse(line);
    if (typeof sha256 !== "string") continue;
    photos++;
    if (split === "valid") held.add(sha256);
  }
  if (photos === 0) refuse("no photos");
  return ({ sha256 }) => (held.has(sha256) ? "valid" : "train");
}

function parse(line: string): { readonly sha256?: unknown; readonly split?: unknown } {
  try {
    return { ...(JSON.parse(line) as object) };
  } catch {
    return {};
  }
}
