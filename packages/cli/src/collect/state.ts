// What the ledger's lines add up to: which photos were found, what became of them, how far each search got.

import type { DoneEntry, Entry, StoppedEntry, ThereEntry } from "./ledger.ts";
import { type Candidate, present, STATUSES, type Status } from "./photo.ts";

/** A photo that was taken into the data set. */
export interface KeptPhoto extends Candidate {
  readonly file: string;
  readonly sha256: string;
  readonly width: number;
  readonly height: number;
}

/** One class's part. */
export interface ClassState {
  /** What is still to be decided, in the order in which it was found. */
  readonly undecided: Map<string, Candidate>;
  /** What each address came to. */
  readonly decided: Map<string, Status>;
  /** How many were decided in the order in which they were found: the class's place in the run. */
  position: number;
  /** By `queryKey`: the cursor of the page that follows, null where a query is spent. */
  readonly cursors: Map<string, string | null>;
  /** By `queryKey`: queries that were answered in full. */
  readonly complete: Set<string>;
  /** Whose page came last. */
  lastSource: string | undefined;
}

/** Of a photo's line what is remembered: looks are large, and thousands of addresses are long. */
export type Decision = Pick<DoneEntry, "label" | "status" | "reason" | "file" | "of" | "of_label">;

export class CollectState {
  /** In the order in which they were kept. */
  readonly photos: KeptPhoto[] = [];
  /** By path: photos that no ledger line brought. */
  readonly there = new Map<string, ThereEntry>();
  /** By name: refusals that may still hold. */
  readonly stopped = new Map<string, StoppedEntry>();
  /** What every address came to last, whatever the class. */
  readonly #byUrl = new Map<string, Decision>();
  readonly #classes = new Map<string, ClassState>();
  /** Decided photos that are asked for again, in the order in which they were found. */
  readonly #again = new Map<string, Candidate>();
  readonly #retry: ReadonlySet<Status>;
  /** Only those of `retry` keep what was known of them. */
  readonly #known = new Map<string, Candidate>();

  readonly #onKept: (photo: KeptPhoto, entry: DoneEntry) => void;

  /**
   * @param retry statuses that are asked for again
   * @param onKept gets every photo that is taken or was, and what its line says of its looks
   */
  constructor(retry: ReadonlySet<Status>, onKept: (photo: KeptPhoto, entry: DoneEntry) => void) {
    this.#retry = retry;
    this.#onKept = onKept;
  }

  of(label: string): ClassState {
    let state = this.#classes.get(label);
    if (state === undefined) {
      state = {
        undecided: new Map(),
        decided: new Map(),
        position: 0,
        cursors: new Map(),
        complete: new Set(),
        lastSource: undefined,
      };
      this.#classes.set(label, state);
    }
    return state;
  }

  get labels(): readonly string[] {
    return [...this.#classes.keys()];
  }

  isKnown(label: string, url: string): boolean {
    const { undecided, decided } = this.of(label);
    return undecided.has(url) || decided.has(url);
  }

  /** What the address came to under any class. */
  decisionOf(url: string): Decision | undefined {
    return this.#byUrl.get(url);
  }

  /** What `--retry` asks for again, by class. */
  again(label: string): readonly Candidate[] {
    return [...this.#again.values()].filter((candidate) => candidate.label === label);
  }

  apply(entry: Entry): void {
    if (entry.event === "found") this.#found(entry);
    else if (entry.event === "done") this.#done(entry);
    else if (entry.event === "there") this.there.set(entry.file, entry);
    else if (entry.event === "stopped") this.stopped.set(entry.source, entry);
    else {
      const state = this.of(entry.label);
      const key = queryKey(entry.source, entry.query);
      state.cursors.set(key, entry.next);
      if (entry.complete) state.complete.add(key);
      state.lastSource = entry.source;
      // Who answered again is no longer stopped.
      this.stopped.delete(entry.source);
    }
  }

  #found({ event: _, ...candidate }: Candidate & { readonly event: "found" }): void {
    if (!this.isKnown(candidate.label, candidate.url)) this.of(candidate.label).undecided.set(candidate.url, candidate);
  }

  #done(entry: DoneEntry): void {
    const { label, url, status } = entry;
    const state = this.of(label);
    const key = `${label}\0${url}`;
    const candidate = state.undecided.get(url) ?? this.#known.get(key);
    if (state.undecided.delete(url)) state.position++;
    state.decided.set(url, status);
    const { reason, file, of, of_label } = entry;
    this.#byUrl.set(url, present({ label, status, reason, file, of, of_label }));
    this.#again.delete(key);
    if (candidate === undefined) return;
    if (this.#retry.has(status)) {
      this.#again.set(key, candidate);
      this.#known.set(key, candidate);
    } else this.#known.delete(key);
    const { sha256, width = 0, height = 0 } = entry;
    if (status !== "ok" || file === undefined || sha256 === undefined) return;
    const photo = { ...candidate, file, sha256, width, height };
    this.photos.push(photo);
    this.#onKept(photo, entry);
  }
}

export const queryKey = (source: string, query: string): string => `${source}\0${query}`;

/** How many of a class's photos came to each status. */
export function countStatuses({ decided }: ClassState): Partial<Record<Status, number>> {
  const counts: Partial<Record<Status, number>> = {};
  for (const status of decided.values()) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** The statuses of a group together. */
export function countGroup(counts: Partial<Record<Status, number>>, group: (typeof STATUSES)[Status]): number {
  return Object.entries(counts).reduce((sum, [status, n]) => (STATUSES[status as Status] === group ? sum + n : sum), 0);
}
