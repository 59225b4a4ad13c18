// What the review page works on: the contract between its routes and whoever keeps photos and decisions.

export type ReviewAction = "keep" | "relabel" | "exclude";

export interface ReviewDecision {
  readonly action: ReviewAction;
  /** Of `relabel`. */
  readonly to?: string;
  readonly who: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface PhotoState {
  /** What was decided last, also where it is asked again. */
  readonly decision: ReviewDecision | null;
  /** Whether somebody has to look at it. */
  readonly open: boolean;
  /** Since `clean` looked at it. */
  readonly missing: "gone" | "changed" | null;
}

export interface Suggestion {
  readonly action: string;
  readonly label?: string;
  readonly probability?: number;
}

/** A doubtful photo. The list is in the order in which photos are worth a look. */
export interface ReviewPhoto {
  /** Its place in the list, from 0. */
  readonly id: number;
  readonly sha256: string;
  readonly file: string;
  readonly label: string;
  /** What is wrong with it, the gravest first. */
  readonly kinds: readonly string[];
  readonly suggestion: Suggestion;
  /** Whether there is another photo that it is a copy of. */
  readonly compares: boolean;
  /** The other label, where it is a copy of a photo that is called otherwise. */
  readonly rival?: string;
  /** Cross-entropy of its label by models that did not see it, nats. */
  readonly loss?: number;
  /** `out`: in neither part of a run. */
  readonly part: "train" | "valid" | "out";
  readonly state: PhotoState;
}

export interface Neighbour {
  readonly sha256: string;
  readonly file: string;
  readonly label: string;
  readonly cosine: number;
}

export interface PhotoFacts {
  readonly sha256: string;
  readonly file: string;
  readonly label: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly bytes: number | null;
}

export interface PhotoDetail extends PhotoFacts {
  readonly reasons: readonly { readonly kind: string; readonly reason: string }[];
  /** Out of fold, of the given label. */
  readonly probability: number | null;
  readonly nearest: { readonly given: readonly Neighbour[]; readonly suggested: readonly Neighbour[] } | null;
  /** The photo that it is a copy of. */
  readonly of: (PhotoFacts & { readonly why: string }) | null;
  /** Where it is from, as far as metadata.jsonl tells. */
  readonly origin: string | null;
}

/** Decisions in the order in which they can be undone: the last one. */
export interface LastStep {
  readonly step: string;
  readonly action: ReviewAction;
  readonly to?: string;
  readonly photos: number;
  /** The first of the photos: its place in the list, null where it is not on it. */
  readonly id: number | null;
  readonly file: string;
}

export interface Changes {
  /** Of the journal. */
  readonly revision: number;
  readonly last: LastStep | null;
  readonly changes: readonly { readonly id: number; readonly state: PhotoState }[];
}

export interface Undone extends Changes {
  /** Photos of the step that `apply` has moved already: undoing the decision brings none of them back. */
  readonly applied: number;
}

export interface Review extends Omit<Changes, "changes"> {
  /** Another one means: the list was made anew. */
  readonly session: string;
  readonly data: string;
  readonly who: string;
  readonly classes: readonly string[];
  readonly photos: readonly ReviewPhoto[];
}

export interface DecideRequest {
  /** Made by the page, so that asking twice decides once. */
  readonly step: string;
  /** The revision that the page had seen. */
  readonly base: number;
  readonly action: ReviewAction;
  readonly to?: string | undefined;
  /** `of`: what is taken out is a copy of that content, and goes only while that one is there. */
  readonly photos: readonly { readonly sha256: string; readonly file: string; readonly of?: string | undefined }[];
}

export interface ReviewDesk {
  /** Where the page is, without the list. */
  head(): Pick<Review, "session" | "revision">;
  review(): Review;
  /** What has changed after a revision. */
  changesSince(revision: number): Changes;
  /** Undefined where there is no such photo. */
  detail(id: number): Promise<PhotoDetail | undefined>;
  /** A JPEG of a photo of the data set, by its content; undefined where there is none. */
  picture(sha256: string, size: "small" | "large"): Promise<Uint8Array | undefined>;
  /** On the disk when it returns: all that has changed after `base`. @throws DECISION_OUTDATED, PHOTO_UNKNOWN, BAD_OPTION */
  decide(request: DecideRequest): Promise<Changes>;
  /** Returns what this alone has changed. @param step the one that the page shows as the last. @throws DECISION_OUTDATED */
  undo(step: string): Promise<Undone>;
  /** Told of every change, whoever made it. Returns what ends it. */
  subscribe(listener: (changes: Changes) => void): () => void;
}
