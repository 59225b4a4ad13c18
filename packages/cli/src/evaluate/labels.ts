// Class folders and the labels that a model knows, brought together by name.

import { fail } from "@ballsight/vision";

export interface MatchedLabels {
  /** Label index per class folder; -1 where the model knows no such label. */
  readonly labelOf: readonly number[];
  /** Labels without a class folder. */
  readonly absent: readonly string[];
}

/** More names than this are counted instead. */
const MOST_NAMES = 12;

/**
 * The same name counts first, then the same but for case: file systems differ in whether they keep it.
 * @throws DATA_CLASSES_UNKNOWN where the model knows none of the folders
 */
export function matchLabels(classes: readonly string[], labels: readonly string[], folder: string): MatchedLabels {
  // An NFD label of a model from elsewhere is the same name.
  const exact = new Map(labels.map((label, k) => [label.normalize("NFC"), k]));
  const folded = new Map(labels.map((label, k) => [fold(label), k]));
  const labelOf = classes.map((name) => exact.get(name.normalize("NFC")) ?? folded.get(fold(name)) ?? -1);
  if (labelOf.every((k) => k < 0)) {
    const values = { name: folder, expected: nameSome(labels), received: nameSome(classes) };
    fail("DATA_CLASSES_UNKNOWN", values);
  }
  return {
    labelOf,
    absent: labels.filter((_, k) => !labelOf.includes(k)),
  };
}

/** `Golf, Rugby, Tennis`; of many the first ones and how many more. */
export function nameSome(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return more <= 0 ? names.join(", ") : `${names.slice(0, MOST_NAMES).join(", ")} and ${more} more`;
}

const fold = (name: string) => name.normalize("NFC").toLowerCase();
