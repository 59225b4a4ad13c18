// What was taken for what: the confusion matrix, accuracy per class, and the most frequent mistakes.

import { type Html, html, join, percent } from "./html.ts";

/** A wider matrix is more than a screen shows; the lists below it say the same. */
const MOST_COLUMNS = 50;
const MOST_MISTAKES = 12;

export interface Mistake {
  readonly actual: string;
  readonly predicted: string;
  readonly count: number;
}

/** Off-diagonal counts, most first, ties in row-major order; `confusion` is [actual][predicted]. */
export function mostConfused(classes: readonly string[], confusion: readonly (readonly number[])[]): Mistake[] {
  return confusion
    .flatMap((row, a) => row.map((count, p) => ({ actual: classes[a]!, predicted: classes[p]!, count, off: a !== p })))
    .filter(({ count, off }) => off && count > 0)
    .sort((a, b) => b.count - a.count)
    .map(({ actual, predicted, count }) => ({ actual, predicted, count }));
}

export function confusionSection(classes: readonly string[], confusion: readonly (readonly number[])[]): Html {
  if (classes.length === 0 || confusion.length === 0) return html``;
  return html`${matrix(classes, confusion)}
<div class="pair">${perClass(classes, confusion)}${mistakes(classes, confusion)}</div>`;
}

function matrix(classes: readonly string[], confusion: readonly (readonly number[])[]): Html {
  if (classes.length > MOST_COLUMNS) return html``;
  const head = classes.map((label) => html`<th scope="col"><span>${label}</span></th>`);
  const rows = confusion.map((row, actual) => {
    const most = Math.max(1, sum(row));
    const cells = row.map((count, predicted) => {
      const share = count / most;
      // fastai's rule: light text on what is darker than the middle.
      const kind = `${actual === predicted ? "hit" : "miss"}${share > 0.5 ? " strong" : ""}`;
      const title = `${count} of ${classes[actual]} named ${classes[predicted]}`;
      return count === 0
        ? html`<td class="none">·</td>`
        : html`<td class="${kind}" style="--share:${share.toFixed(3)}" title="${title}">${count}</td>`;
    });
    return html`<tr><th scope="row">${classes[actual]!}</th>${join(cells)}</tr>`;
  });
  return html`<section><h2>Confusion</h2>
<p class="quiet">Rows: what the photo shows. Columns: what the model named it. Colour: share of the row.</p>
<div class="scroll"><table class="matrix"><thead><tr><td></td>${join(head)}</tr></thead><tbody>${join(rows)}</tbody></table></div></section>`;
}

function perClass(classes: readonly string[], confusion: readonly (readonly number[])[]): Html {
  const rows = classes.map((label, i) => {
    const row = confusion[i] ?? [];
    const count = sum(row);
    const right = row[i] ?? 0;
    const share = count > 0 ? right / count : Number.NaN;
    const width = Number.isNaN(share) ? "0" : (100 * share).toFixed(1);
    return html`<tr><th scope="row">${label}</th><td class="bar"><span style="width:${width}%"></span></td><td>${percent(share)}</td><td class="quiet">${right} of ${count}</td></tr>`;
  });
  return html`<section><h2>Accuracy per class</h2><table class="numbers bars">${join(rows)}</table></section>`;
}

function mistakes(classes: readonly string[], confusion: readonly (readonly number[])[]): Html {
  const all = mostConfused(classes, confusion);
  if (all.length === 0) return html`<section><h2>Most confused</h2><p>No mistakes on these photos.</p></section>`;
  const rows = all
    .slice(0, MOST_MISTAKES)
    .map(
      (one) =>
        html`<tr><td>${one.count}</td><th scope="row">${one.actual}</th><td class="words">named ${one.predicted}</td></tr>`,
    );
  return html`<section><h2>Most confused</h2><table class="numbers">${join(rows)}</table></section>`;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
