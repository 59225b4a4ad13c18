// Where somebody is, in the address: after a reload the same filter and the same photo.

import type { Store } from "./store.ts";
import { type Filter, NO_FILTER } from "./view.ts";

export function placeOf(hash: string): { readonly filter: Filter; readonly at: string | undefined } {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const show = values.get("show");
  return {
    filter: {
      show: show === "decided" || show === "all" ? show : NO_FILTER.show,
      label: values.get("class") ?? "",
      kind: values.get("reason") ?? "",
      part: values.get("part") ?? "",
      order: values.get("order") === "loss" ? "loss" : NO_FILTER.order,
    },
    at: values.get("photo") ?? undefined,
  };
}

/** The back button leaves the page, it does not walk through photos. */
export function keepPlace({ filter, current }: Store): void {
  const { show, label, kind, part, order } = filter;
  const values = {
    show,
    class: label,
    reason: kind,
    part,
    order: order === NO_FILTER.order ? "" : order,
    photo: current?.sha256 ?? "",
  };
  const set = Object.entries(values).filter(([, value]) => value !== "");
  const hash = `#${new URLSearchParams(set)}`;
  if (hash !== location.hash) history.replaceState(null, "", hash);
}
