// The photos of a class in the order in which they are looked at: sources in turn, page by page, query by query.

import { Slots } from "./download/politeness.ts";
import type { FoundEntry, Ledger, PageEntry } from "./ledger.ts";
import { type Candidate, type FoundPhoto, normalUrl } from "./photo.ts";
import {
  type ClassWords,
  type Page,
  type Query,
  type Quota,
  queryName,
  type Source,
  SourceStopped,
} from "./sources/source.ts";
import { type CollectState, queryKey } from "./state.ts";

export interface SearchEvents {
  /** Once per source: no more of it in this run. `since` is set where an earlier run was refused. */
  onStopped(source: string, reason: string, until: Date | undefined, earlier: boolean): void;
}

/** Longest quotas are by the day: who says more errs, and is asked again tomorrow. */
const MOST_STOPPED_MS = 24 * 60 * 60_000;

const placeKey = (label: string, key: string) => `${label}\0${key}`;

interface Question {
  readonly source: Source;
  readonly query: Query;
  readonly cursor: string | undefined;
}

export class Searches {
  readonly #sources: readonly Source[];
  readonly #state: CollectState;
  readonly #ledger: Ledger;
  readonly #events: SearchEvents;
  readonly #stopped = new Map<string, { readonly reason: string; readonly until: Date | undefined }>();
  readonly #quotas = new Map<string, readonly Quota[]>();
  readonly #asked = new Map<string, number>();
  /** Places in lists and folders, by class and `queryKey`: for this run only, since they may hold more the next time. */
  readonly #places = new Map<string, string | null>();
  /** One question at a time: classes that wait hear of a refusal before they ask for another. */
  readonly #turns: ReadonlyMap<string, Slots>;

  constructor(sources: readonly Source[], state: CollectState, ledger: Ledger, events: SearchEvents) {
    this.#sources = sources;
    this.#state = state;
    this.#ledger = ledger;
    this.#events = events;
    this.#turns = new Map(sources.map(({ name }) => [name, new Slots(1)]));
    for (const { name } of sources) {
      const { reason, until } = state.stopped.get(name) ?? {};
      const end = until === undefined ? undefined : new Date(until);
      if (reason === undefined || end === undefined || !(end.getTime() > Date.now())) continue;
      this.#stopped.set(name, { reason, until: end });
      events.onStopped(name, reason, end, true);
    }
  }

  /** By source: pages asked in this run, what its headers say is left, why it stopped. */
  report(): { name: string; pages: number; quota: readonly Quota[]; stopped: string | undefined }[] {
    return this.#sources.map(({ name }) => ({
      name,
      pages: this.#asked.get(name) ?? 0,
      quota: this.#quotas.get(name) ?? [],
      stopped: this.#stopped.get(name)?.reason,
    }));
  }

  /**
   * What earlier runs found and did not decide comes first; last, once more, what this one left alone for its host's sake.
   * @throws what `signal` was aborted with
   */
  async *candidates(label: string, words: ClassWords, signal: AbortSignal): AsyncGenerator<Candidate> {
    yield* this.#state.again(label);
    yield* [...this.#state.of(label).undecided.values()];
    for (;;) {
      const question = this.#next(label, words);
      if (question === undefined) break;
      yield* await this.#turns.get(question.source.name)!.during(signal, () => this.#ask(label, question, signal));
    }
    yield* this.#state.of(label).postponed.splice(0);
  }

  /** Local sources whole, then the services in turn, so that each class has some of each and no quota is spent on the first class. */
  #next(label: string, words: ClassWords): Question | undefined {
    const questions = this.#sources.flatMap((source): Question[] => {
      if (this.#stopped.has(source.name)) return [];
      const { cursors, complete } = this.#state.of(label);
      for (const query of source.queries(label, words)) {
        if (query.within !== undefined && complete.has(queryKey(source.name, query.within))) continue;
        const key = queryKey(source.name, queryName(query));
        const cursor = source.local ? this.#places.get(placeKey(label, key)) : cursors.get(key);
        if (cursor !== null) return [{ source, query, cursor }];
      }
      return [];
    });
    const local = questions.find(({ source }) => source.local === true);
    if (local !== undefined) return local;
    const names = this.#sources.map(({ name }) => name);
    const last = names.indexOf(this.#state.of(label).lastSource ?? "");
    return questions.find(({ source }) => names.indexOf(source.name) > last) ?? questions[0];
  }

  async #ask(label: string, { source, query, cursor }: Question, signal: AbortSignal): Promise<readonly Candidate[]> {
    if (this.#stopped.has(source.name)) return [];
    let page: Page;
    try {
      page = await source.search(query, cursor, signal);
    } catch (error) {
      if (!(error instanceof SourceStopped)) throw error;
      await this.#stop(source.name, error);
      return [];
    }
    this.#asked.set(source.name, (this.#asked.get(source.name) ?? 0) + 1);
    if (page.quota !== undefined) this.#quotas.set(source.name, page.quota);
    const name = queryName(query);
    const found = this.#fresh(label, page.items).map(
      (photo): FoundEntry => ({ event: "found", label, source: source.name, query: name, ...photo }),
    );
    // An empty page, or one that leads to itself, is the last.
    const next = page.items.length === 0 || page.next === cursor ? null : (page.next ?? null);
    if (source.local) {
      this.#places.set(placeKey(label, queryKey(source.name, name)), next);
      return await this.#note(found, found);
    }
    const at = new Date().toISOString();
    const complete = next === null && page.complete === true && { complete: true as const };
    const about = { event: "page", label, source: source.name, query: name } as const;
    const end: PageEntry = { ...about, next, ...complete, found: found.length, at };
    return await this.#note(found, [...found, end]);
  }

  async #note(found: readonly FoundEntry[], entries: readonly (FoundEntry | PageEntry)[]): Promise<Candidate[]> {
    for (const entry of entries) this.#state.apply(entry);
    await this.#ledger.append(entries);
    return found.map(({ event: _, ...candidate }) => candidate);
  }

  /** Services repeat themselves from page to page and from query to query. */
  #fresh(label: string, items: readonly FoundPhoto[]): FoundPhoto[] {
    const seen = new Set<string>();
    return items.flatMap((item) => {
      const url = normalUrl(item.url) ?? item.url;
      if (seen.has(url) || this.#state.isKnown(label, url)) return [];
      seen.add(url);
      return [{ ...item, url }];
    });
  }

  async #stop(name: string, { message: reason, retryMs }: SourceStopped): Promise<void> {
    const until = retryMs === undefined ? undefined : new Date(Date.now() + Math.min(retryMs, MOST_STOPPED_MS));
    this.#stopped.set(name, { reason, until });
    const at = new Date().toISOString();
    await this.#ledger.append([
      { event: "stopped", source: name, reason, ...(until !== undefined && { until: until.toISOString() }), at },
    ]);
    this.#events.onStopped(name, reason, until, false);
  }
}
