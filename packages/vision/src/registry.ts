// The architectures and their pretrained weights by names of the form `arch.weights`, as in timm: listing and looking up.

import { fail } from "./errors.ts";
import { MODELS, type ModelEntry } from "./models/weightsTable.ts";

/** Entries whose name fits the pattern, in the table's order; `*` stands for any characters, `?` for one. */
export function listModels(pattern = "*"): ModelEntry[] {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const expression = new RegExp(`^${source}$`);
  return MODELS.filter(({ name }) => expression.test(name));
}

/**
 * The entry for `arch.weights`, or for `arch` alone with its default weights.
 * @throws UNKNOWN_ARCHITECTURE, naming what lies near
 */
export function resolveModel(name: string): ModelEntry {
  const entry = MODELS.find((model) => model.name === name) ?? MODELS.find(({ architecture }) => architecture === name);
  if (entry) return entry;
  const near = nearMatches(name);
  const advice = near.length > 0 ? `did you mean ${near.join(" or ")}?` : `there are ${architectures().join(", ")}`;
  return fail("UNKNOWN_ARCHITECTURE", { option: "arch", received: name, advice }, { details: { near } });
}

const architectures = () => [...new Set(MODELS.map(({ architecture }) => architecture))];

const knownNames = () => [...architectures(), ...MODELS.map(({ name }) => name)];

/** Up to three names that at most a third of the letters keep apart, nearest first. */
function nearMatches(name: string): string[] {
  const lower = name.toLowerCase();
  return knownNames()
    .map((known) => ({ known, distance: editDistance(lower, known) }))
    .filter(({ known, distance }) => distance <= known.length / 3)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ known }) => known);
}

/** Levenshtein 1966: insertions, deletions and replacements between two texts, row by row of the table. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
