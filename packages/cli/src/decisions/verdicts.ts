// What decisions ask for, photo by photo: of those that are to go as copies, the ones whose original stays.

import { byCodePoint } from "../data/codePoints.ts";
import type { Decision } from "./entries.ts";
import { type Decisions, type KnownPhoto, standing } from "./state.ts";

export interface Verdict<Photo extends KnownPhoto = KnownPhoto> {
  readonly photo: Photo;
  readonly decision: Decision;
  /**
   * What is to be done; or why nothing is. `elsewhere`: somebody moved it to a third class; `only`: the photo that it is a copy of goes or
   * has gone; `restored`: brought back by `restore` since.
   */
  readonly outcome: "relabel" | "exclude" | "elsewhere" | "only" | "restored";
}

export interface VerdictOptions<Photo extends KnownPhoto> {
  /** All that there are. */
  readonly photos: readonly Photo[];
  readonly decisions: Decisions;
  /** Files that lie there and count no more: they keep their names' decisions to themselves. */
  readonly out?: readonly KnownPhoto[];
  /** When `restore` last brought a file back, ISO 8601. */
  readonly restored?: ReadonlyMap<string, string>;
}

/** In the order of the photos; those for which nothing is decided, or all is as decided, are left out. */
export function verdicts<Photo extends KnownPhoto>(options: VerdictOptions<Photo>): Verdict<Photo>[] {
  const { photos, decisions, out = [], restored } = options;
  const staying = filesByHash(photos);
  const names = filesByHash([...photos, ...out]);
  const asked = photos.flatMap((photo): Verdict<Photo>[] => {
    const { file, label, sha256 } = photo;
    const decision = decisions.for(photo, names.get(sha256)!);
    const stands = standing(decision, label);
    if (decision === undefined || decision.action === "keep" || stands === "settled") return [];
    if (stands === "none") {
      // Another photo of the same bytes is not what was decided about.
      const isMeant = decision.file === file || names.get(sha256)!.size === 1;
      return isMeant ? [{ photo, decision, outcome: "elsewhere" }] : [];
    }
    if (decision.action === "exclude" && (restored?.get(file) ?? "") > decision.at) {
      return [{ photo, decision, outcome: "restored" }];
    }
    return [{ photo, decision, outcome: decision.action }];
  });
  const going = photosThatGo(
    asked.filter(({ outcome }) => outcome === "exclude"),
    staying,
  );
  return asked.flatMap((verdict): Verdict<Photo>[] => {
    const { photo, decision, outcome } = verdict;
    if (outcome !== "exclude" || going.has(photo.file)) return [verdict];
    // Of copies byte for byte that are all renamed, the last one is simply the one that stays.
    return decision.of === photo.sha256 && decision.file !== photo.file ? [] : [{ ...verdict, outcome: "only" }];
  });
}

/**
 * A copy goes where one that it is a copy of stays in the end: those that go anyway are known first, whatever they are called. Of photos
 * that are copies of one another in a circle, the last by name stays.
 */
function photosThatGo(
  excludes: readonly Verdict[],
  names: ReadonlyMap<string, ReadonlySet<string>>,
): ReadonlySet<string> {
  const copies = excludes.filter(({ decision }) => decision.of !== undefined);
  const going = new Set(excludes.flatMap(({ photo, decision }) => (decision.of === undefined ? [photo.file] : [])));
  const open = new Map(copies.map((copy) => [copy.photo.file, copy]));
  const copiesOf = new Map<string, Verdict[]>();
  for (const copy of copies) {
    const others = copiesOf.get(copy.decision.of!);
    if (others === undefined) copiesOf.set(copy.decision.of!, [copy]);
    else others.push(copy);
  }
  const originals = ({ photo, decision }: Verdict) =>
    [...(names.get(decision.of!) ?? [])].filter((file) => file !== photo.file && !going.has(file));
  const settle = (waiting: Verdict[]) => {
    for (let copy = waiting.pop(); copy !== undefined; copy = waiting.pop()) {
      if (!open.has(copy.photo.file)) continue;
      const left = originals(copy);
      const stays = left.some((file) => !open.has(file));
      if (!stays && left.length > 0) continue;
      open.delete(copy.photo.file);
      if (stays) going.add(copy.photo.file);
      waiting.push(...(copiesOf.get(copy.photo.sha256) ?? []));
    }
  };
  settle([...copies]);
  for (const start of copies) {
    while (open.has(start.photo.file)) {
      // All originals of what is left are left themselves: following them comes round.
      const path: Verdict[] = [];
      for (let at = start; !path.includes(at); at = open.get(originals(at)[0]!)!) path.push(at);
      const round = path.slice(path.indexOf(open.get(originals(path.at(-1)!)[0]!)!));
      const last = round.reduce((a, b) => (byCodePoint(a.photo.file, b.photo.file) > 0 ? a : b));
      open.delete(last.photo.file);
      settle([...(copiesOf.get(last.photo.sha256) ?? [])]);
    }
  }
  return going;
}

/** Names of the files that hold a content. */
export function filesByHash(photos: Iterable<KnownPhoto>): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  for (const { sha256, file } of photos) {
    const known = names.get(sha256);
    if (known === undefined) names.set(sha256, new Set([file]));
    else known.add(file);
  }
  return names;
}
