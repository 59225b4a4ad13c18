// lr-find.html: the curve of a range test on one page, with the suggestions as dots on it.

import { lineChart } from "./chart.ts";
import { html, join } from "./html.ts";
import { headline, renderPage, type Settings, settingsTable } from "./page.ts";

/** What the page's title says behind its name. */
export const LR_KIND = "learning rates";

export interface LrReport {
  readonly title: string;
  readonly program: string;
  /** ISO 8601 */
  readonly finishedAt: string;
  /** Rate and smoothed loss, in the order of the test. */
  readonly points: readonly (readonly [lr: number, loss: number])[];
  readonly suggestions: readonly LrDot[];
  readonly remarks: readonly string[];
  readonly settings: Settings;
}

export interface LrDot {
  readonly name: string;
  /** As text where there is none. */
  readonly suggested: string;
  /** Where its dot stands; left away where there is none. */
  readonly at?: readonly [lr: number, loss: number];
  /** What the rule looks for. */
  readonly meaning: string;
}

/** The whole page. Pure: the same report gives the same text. */
export function renderLrReport({ points, suggestions, ...report }: LrReport): string {
  const logarithmic = ([lr, loss]: readonly [number, number]): [number, number] => [Math.log10(lr), loss];
  const dots = suggestions.flatMap(({ at }) => (at === undefined ? [] : [logarithmic(at)])).sort(([a], [b]) => a - b);
  const chart = lineChart({
    title: "Smoothed loss by learning rate",
    xLabel: "learning rate",
    series: [
      { name: "loss", points: points.map(logarithmic) },
      { name: "suggestions", points: dots, marks: true, apart: true },
    ],
    formatX: (power) =>
      Number((10 ** power).toPrecision(2))
        .toExponential()
        .replace("e+", "e"),
  });
  const rows = suggestions.map(
    ({ name, suggested, meaning }) =>
      html`<tr><th scope="row">${name}</th><td>${suggested}</td><td class="words">${meaning}</td></tr>`,
  );
  return renderPage(report.title, LR_KIND, [
    headline({
      ...report,
      kind: "Learning rates",
      figures: suggestions.map(({ name, suggested, at }) => [at === undefined ? "-" : suggested, name]),
    }),
    html`<section><h2>Curve</h2>${chart}</section>`,
    html`<section><h2>Suggestions</h2><div class="scroll"><table class="numbers">${join(rows)}</table></div></section>`,
    settingsTable(report.settings),
  ]);
}
