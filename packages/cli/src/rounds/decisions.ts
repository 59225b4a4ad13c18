// Decisions on photos, as a training in rounds takes them: what people decided, and what is so nearly certain that it is accepted.

import type { Issue } from "../clean/issues.ts";
import type { DataVersion, VersionPhoto } from "../data/version.ts";
import { waits } from "../decisions/asksAgain.ts";
import type { Decision } from "../decisions/entries.ts";
import { type Decisions, standing } from "../decisions/state.ts";
import { filesByHash, verdicts } from "../decisions/verdicts.ts";
import { type DoubtfulPhoto, opinionsOf } from "../review/issues.ts";
import { writeAtomic } from "../run/writeAtomic.ts";

/** Who decides what is accepted unseen. */
export const AUTO = "train --auto";

/** Of a label: the most margin, and the least probability of the other one. Of 190 such among 4,478 ball photos with 448 planted wrong labels 184 were planted (bench/LOG.md). */
const CERTAIN_MARGIN = 0.15;
const CERTAIN_PROBABILITY = 0.7;

/**
 * What may be done unseen: labels that another class has nearly to itself and whose neighbours say the same, and copies of one label that are
 * the same to the byte or pixel: near ones do a training no harm, as they lie on one side of the split. Never a photo that is held out, as figures before and after would not be of the same photos; never a conflict, a stranger or a
 * bad picture; and never what somebody has decided about.
 */
export function nearlyCertain(
  issues: readonly Issue[],
  version: DataVersion,
  known: Decisions,
  { step, at }: { readonly step: string; readonly at: string },
): Decision[] {
  const names = filesByHash(version);
  const trains = new Set(
    version.flatMap((photo) => {
      const decision = known.for(photo, names.get(photo.sha256)!);
      return photo.split === "train" && standing(decision, photo.label) === "none" ? [photo.file] : [];
    }),
  );
  const hashes = new Map(version.map(({ file, sha256 }) => [file, sha256]));
  const doubted = new Set(issues.flatMap(({ kind, file }) => (kind === "label" || kind === "conflict" ? [file] : [])));
  return issues.flatMap((issue): Decision[] => {
    const { kind, file, sha256, label, score, suggestion, of } = issue;
    if (!trains.has(file)) return [];
    const common = { at, who: AUTO, step, sha256, file, from: label };
    if (kind === "label" && suggestion.action === "relabel" && isCertain(issue, suggestion.probability)) {
      const why = [{ kind, score, label: suggestion.label }];
      return [{ ...common, action: "relabel", to: suggestion.label, why }];
    }
    if (kind !== "copy" || of === undefined || doubted.has(file) || doubted.has(of.file)) return [];
    const isSame = of.how === "bytes" || of.how === "pixels";
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

export interface Decided {
  readonly version: DataVersion;
  /** Those that changed something, photo by photo. */
  readonly made: readonly Decision[];
  /** How many of them are on photos that are held out. */
  readonly heldOut: number;
}

/**
 * The version after the decisions, by the rules of `apply`.
 * @param restored when `restore` last brought a file back
 */
export function decide(
  version: DataVersion,
  decisions: Decisions,
  restored: ReadonlyMap<string, string> = new Map(),
): Decided {
  const { photos, out } = partsOf(version);
  const after = new Map<VersionPhoto, VersionPhoto>();
  const made: Decision[] = [];
  let heldOut = 0;
  for (const { photo, decision, outcome } of verdicts({ photos, out, decisions, restored })) {
    if (outcome === "relabel") after.set(photo, { ...photo, label: decision.to! });
    else if (outcome === "exclude") after.set(photo, { ...photo, split: "out" });
    else continue;
    made.push(decision);
    if (photo.split === "valid") heldOut += 1;
  }
  return { version: version.map((photo) => after.get(photo) ?? photo), made, heldOut };
}

/** How many of the doubtful photos somebody still has to look at. */
export function countOpen(doubtful: readonly DoubtfulPhoto[], version: DataVersion, decisions: Decisions): number {
  const names = filesByHash(version);
  const byFile = new Map(version.map((photo) => [photo.file, photo]));
  return doubtful.filter(({ file, issues }) => {
    const photo = byFile.get(file);
    if (photo === undefined || photo.split === "out") return false;
    return waits(decisions.for(photo, names.get(photo.sha256)!), photo.label, opinionsOf(issues));
  }).length;
}

function partsOf(version: DataVersion) {
  const isOut = ({ split }: VersionPhoto) => split === "out";
  return { photos: version.filter((photo) => !isOut(photo)), out: version.filter(isOut) };
}
