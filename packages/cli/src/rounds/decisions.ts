// Decisions on photos, as a training in rounds takes them: what is nearly certain is accepted here, what people decided is read from the journal.

import type { Issue } from "../clean/issues.ts";
import type { DataVersion } from "../data/version.ts";
import type { Decision } from "../decisions/entries.ts";
import { readEntries } from "../decisions/journal.ts";
import { Decisions } from "../decisions/state.ts";
import { writeAtomic } from "../run/writeAtomic.ts";

/** Of a label: the most margin, and the least probability of the other one. */
const CERTAIN_MARGIN = 0.1;
const CERTAIN_PROBABILITY = 0.9;
/** Of a copy that is not the same to the byte or pixel: the most that is unlike. */
const CERTAIN_COPY = 0.005;

/**
 * What may be done unseen: labels that another class has nearly to itself and whose neighbours say the same, and copies of one label that cannot
 * be told apart. Never a photo that is held out, as figures before and after would not be of the same photos; never a conflict, a stranger or a bad picture.
 */
export function nearlyCertain(
  issues: readonly Issue[],
  version: DataVersion,
  { who, step, at }: { readonly who: string; readonly step: string; readonly at: string },
): Decision[] {
  const trains = new Set(version.flatMap(({ split, file }) => (split === "train" ? [file] : [])));
  const hashes = new Map(version.map(({ file, sha256 }) => [file, sha256]));
  const doubted = new Set(issues.flatMap(({ kind, file }) => (kind === "label" || kind === "conflict" ? [file] : [])));
  return issues.flatMap((issue): Decision[] => {
    const { kind, file, sha256, label, score, suggestion, of } = issue;
    if (!trains.has(file)) return [];
    const common = { at, who, step, sha256, file, from: label };
    if (kind === "label" && suggestion.action === "relabel" && isCertain(issue, suggestion.probability)) {
      const why = [{ kind, score, label: suggestion.label }];
      return [{ ...common, action: "relabel", to: suggestion.label, why }];
    }
    if (kind !== "copy" || of === undefined || doubted.has(file) || doubted.has(of.file)) return [];
    const isSame = of.how === "bytes" || of.how === "pixels" || (of.how === "near" && score <= CERTAIN_COPY);
    const stays = hashes.get(of.file);
    if (!isSame || stays === undefined) return [];
    return [{ ...common, action: "exclude", of: stays, why: [{ kind, score }] }];
  });
}

function isCertain({ score, nearest }: Issue, probability: number): boolean {
  const near = (photos: readonly { readonly cosine: number }[] = []) =>
    photos.reduce((sum, { cosine }) => sum + cosine, 0) / (photos.length || 1);
  return (
    score <= CERTAIN_MARGIN && probability >= CERTAIN_PROBABILITY && near(nearest?.suggested) > near(nearest?.given)
  );
}

/** Beside the run, whole or not at all: the folder of photos is not touched. */
export async function saveDecisions(path: string, decisions: readonly Decision[]): Promise<void> {
  await writeAtomic(path, decisions.map((decision) => `${JSON.stringify(decision)}\n`).join(""));
}

/** What people decided and did not undo: about each photo in the order in which it was decided. */
export async function readDecisions(dir: string): Promise<Decision[]> {
  const decisions = new Decisions((await readEntries(dir)).entries);
  return decisions.hashes().flatMap((sha256) => decisions.of(sha256));
}

export interface Decided {
  readonly version: DataVersion;
  /** Decisions that changed something. */
  readonly relabelled: number;
  readonly excluded: number;
  /** Of them, on photos that are held out. */
  readonly heldOut: number;
}

/** The version after the decisions: the last word on a photo under one label counts. */
export function decide(version: DataVersion, decisions: readonly Decision[]): Decided {
  const last = new Map<string, Decision>();
  for (const decision of decisions) last.set(`${decision.sha256} ${decision.from}`, decision);
  let [relabelled, excluded, heldOut] = [0, 0, 0];
  const after = version.map((photo) => {
    const decision = last.get(`${photo.sha256} ${photo.label}`);
    if (decision === undefined || photo.split === "out" || decision.action === "keep") return photo;
    // Several files of the same bytes: the decision is about the one that it names, where that is among them.
    const isNamed =
      decision.file === photo.file ||
      !version.some(({ file, sha256 }) => file === decision.file && sha256 === photo.sha256);
    if (!isNamed) return photo;
    if (photo.split === "valid") heldOut += 1;
    if (decision.action === "exclude") {
      excluded += 1;
      return { ...photo, split: "out" as const };
    }
    relabelled += 1;
    return { ...photo, label: decision.to! };
  });
  return { version: after, relabelled, excluded, heldOut };
}
