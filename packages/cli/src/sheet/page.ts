// The parts of a contact sheet's page: classes as tiles, pairs of photos that are copies, a table of counts, a list of files.

import type { CountTable } from "../output/countTable.ts";
import { withSum } from "../output/countTable.ts";
import { type Html, html, join } from "../report/html.ts";
import { pictureOf } from "../report/photos.ts";

export interface Tile {
  readonly file: string;
  /** A `data:image/...` URL. */
  readonly thumbnail?: string | undefined;
}

export function classSection(label: string, total: number, tiles: readonly Tile[]): Html {
  const shown = tiles.length === total ? "" : `${tiles.length} of ${total} photos, evenly spread`;
  const words = shown === "" ? `${total} ${total === 1 ? "photo" : "photos"}` : shown;
  const items = tiles.map(
    ({ file, thumbnail }) =>
      html`<li>${pictureOf(thumbnail)}<code>${file.slice(file.lastIndexOf("/") + 1)}</code></li>\n`,
  );
  return html`<section><h2>${label}</h2>
<p class="quiet">${words}</p>
<ul class="photos tiles">${join(items)}</ul></section>`;
}

/** Photos that belong together, side by side, with a line below. */
export interface Together {
  readonly photos: readonly Tile[];
  readonly words: string;
}

/** @param total how many there are, of which `groups` are shown */
export function togetherSection(title: string, words: string, groups: readonly Together[], total: number): Html {
  if (groups.length === 0) return html``;
  const items = groups.map(
    ({ photos, words }) =>
      html`<li><ul>${join(photos.map(({ file, thumbnail }) => html`<li>${pictureOf(thumbnail)}<code>${file}</code></li>`))}</ul>
<p class="quiet">${words}</p></li>\n`,
  );
  const some = groups.length < total ? ` ${groups.length} of ${total} are shown.` : "";
  return html`<section><h2>${title}</h2>
<p class="quiet">${words}${some}</p>
<ul class="photos together">${join(items)}</ul></section>`;
}

export function countSection(title: string, table: CountTable): Html {
  const heads = table.heads.map((head) => html`<th scope="col">${head}</th>`);
  const rows = withSum(table).map(({ label, counts }) => {
    const cells = counts.map((count) => html`<td>${count === 0 ? "·" : count}</td>`);
    return html`<tr><th scope="row">${label}</th>${join(cells)}</tr>\n`;
  });
  return html`<section><h2>${title}</h2>
<div class="scroll"><table class="numbers"><thead><tr><th scope="col" class="words">class</th>${join(heads)}</tr></thead><tbody>
${join(rows)}</tbody></table></div></section>`;
}

export function fileSection(title: string, files: readonly { readonly file: string; readonly words: string }[]): Html {
  if (files.length === 0) return html``;
  const items = files.map(({ file, words }) => html`<li><code>${file}</code> ${words}</li>\n`);
  return html`<section><details><summary>${title} (${files.length})</summary>
<ul>${join(items)}</ul></details></section>`;
}
