// What the journal's lines add up to: which decisions stand, by content; what is undone next; what changed since a revision.

import type { Decision, Entry } from "./entries.ts";

/** A photo in the data set: one of several where the same bytes lie under several names. */
export interface KnownPhoto {
  readonly file: string;
  readonly label: string;
  readonly sha256: string;
}

export class Decisions {
  /** Steps that stand, the last one last. */
  readonly #steps = new Map<string, Decision[]>();
  readonly #undone = new Set<string>();
  readonly #byHash = new Map<string, Decision[]>();
  readonly #changedAt = new Map<string, number>();
  #revision = 0;

  constructor(entries: Iterable<Entry> = []) {
    for (const entry of entries) this.add(entry);
  }

  /** Lines so far; each adds one. */
  get revision(): number {
    return this.#revision;
  }

  add(entry: Entry): void {
    this.#revision++;
    if (entry.action === "undo") {
      for (const { sha256 } of this.#steps.get(entry.step) ?? []) {
        const others = this.of(sha256).filter(({ step }) => step !== entry.step);
        this.#byHash.set(sha256, others);
        this.#changedAt.set(sha256, this.#revision);
      }
      this.#steps.delete(entry.step);
      this.#undone.add(entry.step);
      return;
    }
    const { step, sha256 } = entry;
    this.#steps.set(step, pushed(this.#steps.get(step), entry));
    this.#byHash.set(sha256, pushed(this.#byHash.get(sha256), entry));
    this.#changedAt.set(sha256, this.#revision);
  }

  /** All that stand for a content, the last one last: about several files where there are copies. */
  of(sha256: string): readonly Decision[] {
    return this.#byHash.get(sha256) ?? [];
  }

  /** The revision at which something last changed for a content; 0 for never. */
  changedAt(sha256: string): number {
    return this.#changedAt.get(sha256) ?? 0;
  }

  changedSince(revision: number): string[] {
    return [...this.#changedAt].filter(([, at]) => at > revision).map(([sha256]) => sha256);
  }

  step(step: string): readonly Decision[] | undefined {
    return this.#steps.get(step);
  }

  wasUndone(step: string): boolean {
    return this.#undone.has(step);
  }

  /** What is undone next. */
  lastStep(): { readonly step: string; readonly decisions: readonly Decision[] } | undefined {
    const last = [...this.#steps.keys()].at(-1);
    return last === undefined ? undefined : { step: last, decisions: this.#steps.get(last)! };
  }

  /** Contents that something stands for. */
  hashes(): string[] {
    return [...this.#byHash].filter(([, decisions]) => decisions.length > 0).map(([sha256]) => sha256);
  }

  /**
   * The decision that counts for a photo: one that was made about this very file, else about a file that is gone by that name
   * (renamed, or moved by an earlier `apply`).
   * @param names of all files with its content
   */
  for(photo: KnownPhoto, names: ReadonlySet<string>): Decision | undefined {
    const standing = this.of(photo.sha256);
    return standing.findLast(({ file }) => file === photo.file) ?? standing.findLast(({ file }) => !names.has(file));
  }
}

/** In place: a step may hold a hundred thousand. */
function pushed(list: Decision[] | undefined, entry: Decision): Decision[] {
  if (list === undefined) return [entry];
  list.push(entry);
  return list;
}

/** What a decision still asks for. It is about a photo under one label: moved elsewhere by hand, the photo is no longer that. */
export function standing(decision: Decision | undefined, label: string): "none" | "pending" | "settled" {
  if (decision === undefined) return "none";
  const { action, from, to } = decision;
  if (action === "relabel" && to === label) return "settled";
  if (from !== label) return "none";
  return action === "keep" ? "settled" : "pending";
}
