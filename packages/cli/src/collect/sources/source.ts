// What a source of photos is: a question and a place in its answers in, a page of photos and the next place out.

import type { FoundPhoto } from "../photo.ts";

export interface Query {
  readonly label: string;
  readonly text: string;
  /** The service's own parameters, which make other photos of the same words. */
  readonly filters?: Readonly<Record<string, string>>;
  /** `queryName` of the question whose answers this one's are among: not asked where that one was answered in full. */
  readonly within?: string;
}

export interface Quota {
  /** "anon_sustained", or what the service calls it. */
  readonly name: string;
  readonly limit: string;
  readonly left: number;
}

export interface Page {
  readonly items: readonly FoundPhoto[];
  /** For the next call with the same query; undefined where there is no more, or its depth is spent. */
  readonly next?: string | undefined;
  /** With the last page: the service has no more, as opposed to giving no more. */
  readonly complete?: boolean;
  readonly quota?: readonly Quota[];
}

export interface Source {
  readonly name: string;
  /** On this machine: taken first and whole, before any service is asked. */
  readonly local?: boolean;
  /** The questions for a class, best first; the next is asked when the one before it is spent. */
  queries(label: string, words: ClassWords): readonly Query[];
  /**
   * @param cursor what the page before said, undefined for the first
   * @throws SourceStopped; what `signal` was aborted with
   */
  search(query: Query, cursor: string | undefined, signal: AbortSignal): Promise<Page>;
}

/** How a class is asked for. */
export interface ClassWords {
  /** For searches that understand words and little else: the thing itself, not the game. */
  readonly phrases: readonly string[];
  /** For duckduckgo, whose pictures come from the whole web. */
  readonly web: readonly string[];
}

/** Why nothing more is to be had from a source in this run, in words that follow its name. */
export class SourceStopped extends Error {
  override readonly name = "SourceStopped";
  /** When it is worth another question, milliseconds from now. */
  readonly retryMs: number | undefined;

  constructor(reason: string, retryMs?: number, options?: ErrorOptions) {
    super(reason, options);
    this.retryMs = retryMs;
  }
}

/** A query as the ledger and the metadata write it. */
export function queryName({ text, filters = {} }: Query): string {
  const parts = Object.entries(filters).map(([name, value]) => `${name}:${value}`);
  return [text, ...parts].join(" ");
}
