// The review's back end as the page speaks to it. The types are the server's own: importing types costs the page no byte.

import type { Changes, DecideRequest, PhotoDetail, Review } from "@ballsight/server";

export type {
  Changes,
  DecideRequest as Decision,
  LastStep,
  Neighbour,
  PhotoDetail as Detail,
  PhotoFacts,
  Review,
  ReviewPhoto as Photo,
} from "@ballsight/server";

export type Action = DecideRequest["action"];

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
export const getDetail = (id: number) => ask<PhotoDetail>(`api/photos/${id}`);
export const postDecision = (decision: DecideRequest) => ask<Changes>("api/decisions", decision);
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
