// HTML as a template tag: what is filled in is escaped, unless it is HTML made by the same tag.

class Fragment {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

/** Markup that is safe to put into a page. Made by `html` and `join` alone. */
export type Html = Fragment;

/** @example html`<p>${fileName}</p>` */
export function html(parts: TemplateStringsArray, ...values: readonly (string | number | Html)[]): Html {
  return new Fragment(parts.reduce((markup, part, i) => markup + fill(values[i - 1]!) + part));
}

export function join(parts: readonly Html[]): Html {
  return new Fragment(parts.map(text).join(""));
}

/** The markup itself, for writing to a file. */
export function text(markup: Html): string {
  return markup.markup;
}

/** 0.97123 as "97.1 %" with a space that does not break; "-" for what is no number, as the accuracy of a class without photos. */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)}\u00a0%` : "-";
}

function fill(value: string | number | Html): string {
  if (value instanceof Fragment) return value.markup;
  return String(value).replace(/[&<>"']/g, (char) => ESCAPES[char]!);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
