// The review's back end as the page speaks to it. The types follow packages/server/src/review/desk.ts.

export type Action = "keep" | "relabel" | "exclude";

export interface PhotoState {
  readonly decision: {
    readonly action: Action;
    readonly to?: string;
    readonly who: string;
    readonly at: string;
  } | null;
  readonly open: boolean;
  readonly missing: "gone" | "changed" | null;
}

export interface Photo {
  readonly id: number;
  readonly sha256: string;
  readonly file: string;
  readonly label: string;
  readonly kinds: readonly string[];
  readonly suggestion: { readonly action: string; readonly label?: string; readonly probability?: number };
  /** Whether there is another photo that it is a copy of. */
  readonly compares: boolean;
  readonly part: "train" | "valid";
  readonly state: PhotoState;
}

export interface LastStep {
  readonly step: string;
  readonly action: Action;
  readonly to?: string;
  readonly photos: number;
  readonly id: number | null;
  readonly file: string;
}

export interface Changes {
  readonly revision: number;
  readonly last: LastStep | null;
  readonly changes: readonly { readonly id: number; readonly state: PhotoState }[];
}

export interface Review extends Omit<Changes, "changes"> {
  readonly session: string;
  readonly data: string;
  readonly who: string;
  readonly classes: readonly string[];
  readonly photos: readonly Photo[];
}

export interface PhotoFacts {
  readonly sha256: string;
  readonly file: string;
  readonly label: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly bytes: number | null;
}

export interface Neighbour {
  readonly sha256: string;
  readonly file: string;
  readonly label: string;
  readonly cosine: number;
}

export interface Detail extends PhotoFacts {
  readonly reasons: readonly { readonly kind: string; readonly reason: string }[];
  readonly probability: number | null;
  readonly nearest: { readonly given: readonly Neighbour[]; readonly suggested: readonly Neighbour[] } | null;
  readonly of: (PhotoFacts & { readonly why: string }) | null;
  readonly origin: string | null;
}

export interface Decision {
  readonly step: string;
  readonly base: number;
  readonly action: Action;
  readonly to?: string;
  /** `of`: what is taken out is a copy of that content, and goes only while that one is there. */
  readonly photos: readonly { readonly sha256: string; readonly file: string; readonly of?: string }[];
}

/** What the server refused, in its words; `now` is how things stand where that is the reason. */
export class Refusal extends Error {
  readonly code: string;
  readonly now: Changes | undefined;

  constructor({ code, message }: { readonly code: string; readonly message: string }, now: Changes | undefined) {
    super(message);
    this.code = code;
    this.now = now;
  }
}

export const getReview = () => ask<Review>("api/review");
export const getChanges = (revision: number) => ask<Changes>(`api/changes/${revision}`);
export const getDetail = (id: number) => ask<Detail>(`api/photos/${id}`);
export const postDecision = (decision: Decision) => ask<Changes>("api/decisions", decision);
export const postUndo = (step: string) => ask<Changes>("api/undo", { step });

export const pictureOf = (sha256: string, size: "small" | "large") => `api/pictures/${size}/${sha256}`;

/** Unique among all tabs: the server takes a step once, however often it is sent. `randomUUID` is there on localhost. */
export const newStep = () => crypto.randomUUID();

/** @throws Refusal, or TypeError where nobody answers */
async function ask<T>(path: string, body?: unknown): Promise<T> {
  const response = await fetch(
    path,
    body === undefined
      ? undefined
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) },
  );
  const answer = (await response.json().catch(() => undefined)) as
    | (T & { error?: { code: string; message: string }; now?: Changes })
    | undefined;
  if (response.ok && answer !== undefined) return answer;
  throw new Refusal(
    answer?.error ?? { code: "INTERNAL", message: `the server answered ${response.status}` },
    answer?.now,
  );
}
