// Which part of the data set a photo belongs to, as `train` splits it by default: touching the held-out part changes what models are measured on.

import { randomSplit } from "@ballsight/vision";

export interface PartOptions {
  readonly valid: number;
  readonly seed: number;
}

/** @param files all photos of the data set, in the order of their names */
export function partsOf(files: readonly string[], { valid, seed }: PartOptions): (file: string) => "train" | "valid" {
  const held = new Set(Array.from(randomSplit(files.length, valid, seed).valid, (i) => files[i]!));
  return (file) => (held.has(file) ? "valid" : "train");
}
