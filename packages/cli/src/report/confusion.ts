// What was taken for what: the confusion matrix, precision and recall per class, and the most frequent mistakes.

import { classScores, mostConfused } from "@ballsight/vision";
import { type Html, html, join, percent } from "./html.ts";

/** A wider matrix is more than a screen shows; the lists below it say the same. */
const MOST_COLUMNS = 50;
const MOST_MISTAKES = 12;

/** @param everyLabel names of the matrix' rows and columns, [actual][predicted]; of many, those that nothing is or was named are left away */
export function confusionSection(everyLabel: readonly string[], everyCount: readonly (readonly number[])[]): Html {
  if (everyLabel.length === 0 || everyCount.length === 0) return html``;
  const { classes, confusion } = seen(everyLabel, everyCount);
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
  const rows = classScores(confusion).map(({ precision, recall, f1, support }, i) => {
    // 0 of 0 is no failure.
    const found = support > 0 ? recall : Number.NaN;
    const width = (100 * recall).toFixed(1);
    return html`<tr><th scope="row">${classes[i]!}</th><td class="bar"><span style="width:${width}%"></span></td><td>${percent(found)}</td><td class="quiet">${confusion[i]![i]!} of ${support}</td><td>${percent(precision)}</td><td>${percent(f1)}</td></tr>`;
  });
  return html`<section><h2>Per class</h2>
<p class="quiet">Recall: of the photos of a class, how many were named so. Precision: of those named so, how many are. F1: their harmonic mean.</p>
<div class="scroll"><table class="numbers bars"><thead><tr><td></td><td class="bar"></td><th scope="col">recall</th><td></td><th scope="col">precision</th><th scope="col">F1</th></tr></thead><tbody>${join(rows)}</tbody></table></div></section>`;
}

function mistakes(classes: readonly string[], confusion: readonly (readonly number[])[]): Html {
  const all = mostConfused(confusion);
  if (all.length === 0) return html`<section><h2>Most confused</h2><p>No mistakes on these photos.</p></section>`;
  const rows = all
    .slice(0, MOST_MISTAKES)
    .map(
      (one) =>
        html`<tr><td>${one.count}</td><th scope="row">${classes[one.actual]!}</th><td class="words">named ${classes[one.predicted]!}</td></tr>`,
    );
  return html`<section><h2>Most confused</h2><table class="numbers">${join(rows)}</table></section>`;
}

/** A model of a thousand classes, measured on photos of ten, shows those ten and what they were taken for. */
function seen(labels: readonly string[], confusion: readonly (readonly number[])[]) {
  const kept = labels.map((_, k) => k).filter((k) => sum(confusion[k]!) + sum(confusion.map((row) => row[k]!)) > 0);
  const shown = kept.length > 0 && labels.length > MOST_COLUMNS ? kept : labels.map((_, k) => k);
  return { classes: shown.map((k) => labels[k]!), confusion: shown.map((a) => shown.map((p) => confusion[a]![p]!)) };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
