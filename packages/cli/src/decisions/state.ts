// What the journal's lines add up to: which decisions stand, by content; what is undone next; what changed since a revision.

import type { Decision, Entry } from "./entries.ts";

/** A photo in the data set: one of several where the same bytes lie under several names. */
export interface KnownPhoto {
  readonly file: string;
  readonly label: string;
  readonly sha256: string;
}

/** A photo that `apply` moved, as far as it tells which decision is about which file. */
export interface CarriedOut {
  readonly sha256: string;
  readonly file: string;
  readonly to: string;
  /** The name in the decision, where that is another one. */
  readonly decided?: string;
  /** Other files of the same bytes then; the first move of a plan that is about a content names them. */
  readonly beside?: readonly string[];
}

/** What one plan moved of a content. */
interface MovedTogether {
  /** All files of that content, before and after. */
  readonly names: Set<string>;
  /** By the name in the decision: the names that the photo had since, the first one first. */
  readonly moved: Map<string, Set<string>>;
}

export class Decisions {
  /** Steps that stand, the last one last. */
  readonly #steps = new Map<string, Decision[]>();
  readonly #undone = new Map<string, readonly Decision[]>();
  readonly #byHash = new Map<string, Decision[]>();
  readonly #changedAt = new Map<string, number>();
  readonly #moved = new Map<string, MovedTogether[]>();
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
      const taken = this.#steps.get(entry.step) ?? [];
      for (const { sha256 } of taken) {
        const others = this.of(sha256).filter(({ step }) => step !== entry.step);
        this.#byHash.set(sha256, others);
        this.#changedAt.set(sha256, this.#revision);
      }
      this.#steps.delete(entry.step);
      this.#undone.set(entry.step, taken);
      return;
    }
    const { step, sha256 } = entry;
    this.#steps.set(step, pushed(this.#steps.get(step), entry));
    this.#byHash.set(sha256, pushed(this.#byHash.get(sha256), entry));
    this.#changedAt.set(sha256, this.#revision);
  }

  /** Tells of a plan of `apply`, in the order in which they were made. */
  noteMoves(moves: Iterable<CarriedOut>): void {
    const ofPlan = new Map<string, MovedTogether>();
    for (const { sha256, file, to, decided = file, beside = [] } of moves) {
      const known = ofPlan.get(sha256);
      const together = known ?? { names: new Set<string>(), moved: new Map<string, Set<string>>() };
      if (known === undefined) {
        ofPlan.set(sha256, together);
        this.#moved.set(sha256, [...(this.#moved.get(sha256) ?? []), together]);
      }
      for (const name of [...beside, file, to]) together.names.add(name);
      together.moved.set(decided, new Set([file]));
      for (const { names, moved } of this.#moved.get(sha256)!) {
        for (const set of [names, ...moved.values()]) if (set.has(file)) set.add(to);
      }
    }
  }

  /** Where the photo of a decision was when `apply` moved it last; undefined where it never did. */
  movedFrom({ sha256, file }: Decision): string | undefined {
    const last = this.#moved.get(sha256)?.findLast(({ moved }) => moved.has(file));
    return last === undefined ? undefined : [...last.moved.get(file)!][0];
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

  /** What a step that was undone had decided; undefined where none of that name was. */
  undone(step: string): readonly Decision[] | undefined {
    return this.#undone.get(step);
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
   * The decision that counts for a photo: one that was made about this very file, by its name or followed from move to move; else about a
   * file that is gone by that name: renamed, or moved by an earlier `apply` and collected again. A copy that lay beside the photo when that
   * was moved is neither, and the last one of its bytes is not the one that was to go.
   * @param names of all files with its content
   */
  for({ sha256, file }: KnownPhoto, names: ReadonlySet<string>): Decision | undefined {
    const standing = this.of(sha256);
    if (standing.length === 0) return undefined;
    const plans = this.#moved.get(sha256) ?? [];
    const isOwn = (decided: string) => plans.some(({ moved }) => moved.get(decided)?.has(file));
    const wasBeside = (decided: string) => plans.some(({ names, moved }) => moved.has(decided) && names.has(file));
    return (
      standing.findLast((decision) => decision.file === file) ??
      standing.findLast((decision) => !names.has(decision.file) && isOwn(decision.file)) ??
      standing.findLast(
        (decision) =>
          !names.has(decision.file) && !wasBeside(decision.file) && !(decision.of === sha256 && names.size === 1),
      )
    );
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
