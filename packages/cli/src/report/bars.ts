// Bar charts over ranges of one axis from 0 to 1, as inline SVG: how sure, how often right.

import { axes, FLOOR, fixed, HEIGHT, plain, ticks, WIDTH } from "./axes.ts";
import { type Html, html, join } from "./html.ts";

export interface Bar {
  /** Where the bar stands, 0..1. */
  readonly from: number;
  readonly to: number;
  /** A share with `diagonal`, else a count. */
  readonly value: number;
  /** Appears under the pointer. */
  readonly title: string;
  /** Drawn lighter: rests on too little to be relied on. */
  readonly pale?: boolean;
}

export interface BarChart {
  readonly title: string;
  readonly xLabel: string;
  readonly bars: readonly Bar[];
  /** For those who do not see it. */
  readonly description: string;
  /** Values are shares too: the axis goes to 100 %, and a line shows where both are the same. */
  readonly diagonal?: true;
}

const SHARES = [0, 0.2, 0.4, 0.6, 0.8, 1];

export function barChart({ title, xLabel, bars, description, diagonal }: BarChart): Html {
  // Counts are whole: at least four of them keep the axis so.
  const counts = ticks(0, Math.max(4, ...bars.map(({ value }) => value)), 4);
  const { x, y, markup } = axes(
    { from: 0, to: 1, ticks: SHARES, format: share },
    diagonal
      ? { from: 0, to: 1, ticks: SHARES, format: share }
      : { from: 0, to: counts.at(-1)!, ticks: counts, format: plain },
    xLabel,
  );
  const drawn = bars
    .filter(({ value }) => Number.isFinite(value))
    .map(
      (bar) =>
        html`<rect class="bin${bar.pale ? " pale" : ""}" x="${fixed(x(bar.from) + 1)}" width="${fixed(Math.max(1, x(bar.to) - x(bar.from) - 2))}" y="${fixed(Math.min(y(bar.value), FLOOR - 1))}" height="${fixed(Math.max(1, FLOOR - y(bar.value)))}"><title>${bar.title}</title></rect>`,
    );
  const line = diagonal
    ? html`<line class="diagonal" x1="${fixed(x(0))}" y1="${fixed(y(0))}" x2="${fixed(x(1))}" y2="${fixed(y(1))}"/>`
    : html``;
  return html`<figure><figcaption>${title}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${description}">${markup}${join(drawn)}${line}</svg></figure>`;
}

const share = (value: number) => `${+(100 * value).toFixed(1)} %`;
