// Which photos are in view: filters, how many of each there are, and where the cursor goes next.

import type { Photo } from "./api.ts";

export interface Filter {
  readonly show: "open" | "decided" | "all";
  /** Empty: all of them. */
  readonly label: string;
  readonly kind: string;
  readonly part: string;
  /** By what they are worth, as `clean` lists them; or by what they cost, as fastai's cleaner shows them. */
  readonly order: "worth" | "loss";
}

export const NO_FILTER: Filter = { show: "open", label: "", kind: "", part: "", order: "worth" };

export function matches({ label, kinds, part, state, suggestion, rival }: Photo, filter: Filter): boolean {
  if (filter.show === "open" && !state.open) return false;
  if (filter.show === "decided" && state.decision === null) return false;
  // "All that has to do with tennis": called so, or perhaps to be called so.
  if (filter.label !== "" && ![label, suggestion.label, rival].includes(filter.label)) return false;
  if (filter.kind !== "" && !kinds.includes(filter.kind)) return false;
  return filter.part === "" || filter.part === part;
}

export function inView(photos: readonly Photo[], filter: Filter): number[] {
  const ids = photos.filter((photo) => matches(photo, filter)).map(({ id }) => id);
  return filter.order === "worth" ? ids : ids.sort(comparing(photos, filter));
}

/** Which of two ids comes first; what nobody judged, last. */
export function comparing(photos: readonly Photo[], { order }: Filter): (a: number, b: number) => number {
  if (order === "worth") return (a, b) => a - b;
  const loss = (id: number) => photos[id]?.loss ?? -1;
  return (a, b) => loss(b) - loss(a) || a - b;
}

export function countsOf(photos: readonly Photo[], filter: Filter): Readonly<Record<Filter["show"], number>> {
  const counts = { open: 0, decided: 0, all: 0 };
  for (const photo of photos) {
    if (!matches(photo, { ...filter, show: "all" })) continue;
    counts.all++;
    if (photo.state.open) counts.open++;
    if (photo.state.decision !== null) counts.decided++;
  }
  return counts;
}

/** The next place in the view, after `from`, that waits for a decision; from the start again; where there is none, `from`. */
export function nextOpen(list: readonly number[], photos: readonly Photo[], from: number): number {
  for (let n = 1; n <= list.length; n++) {
    const at = (from + n) % list.length;
    if (photos[list[at]!]?.state.open) return at;
  }
  return from;
}

/** Where `id` belongs in an ordered list that does not have it. */
export function placeFor(list: readonly number[], id: number, compare: (a: number, b: number) => number): number {
  const at = list.findIndex((other) => compare(other, id) > 0);
  return at === -1 ? list.length : at;
}

const KIND_WORDS: Readonly<Record<string, string>> = {
  conflict: "two labels",
  label: "wrong label?",
  "off-topic": "off topic",
  copy: "copy",
  dark: "dark",
  light: "nearly white",
  blurred: "blurred",
  "low-information": "hardly any content",
  grey: "no colour",
  drawn: "drawn",
  collage: "several in one",
  border: "framed",
  text: "text over it",
  "odd-aspect": "a strip",
  "odd-size": "odd size",
};

/** Kinds that came later than this page are shown as they are called. */
export const kindWords = (kind: string) => KIND_WORDS[kind] ?? kind.replaceAll("-", " ");

export const share = (value: number) => `${Math.round(value * 100)} %`;

/** What was decided, or is to be: "Tennis", "kept", "out". */
export function decisionWords({ decision }: Photo["state"]): string {
  if (decision === null) return "";
  if (decision.action === "keep") return "kept";
  return decision.action === "exclude" ? "out" : `→ ${decision.to}`;
}
