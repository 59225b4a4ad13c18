// Line charts as inline SVG: axes with round numbers, a legend, and values that appear under the pointer.

import { axes, FLOOR, fixed, HEIGHT, plain, type Scale, TOP, ticks, WIDTH } from "./axes.ts";
import { type Html, html, join } from "./html.ts";

export interface Series {
  readonly name: string;
  /** x ascending. A y that is not finite breaks the line. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Draws a dot at each point, for series with few of them. */
  readonly marks?: boolean;
  /** No line between the marks. */
  readonly apart?: boolean;
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly series: readonly Series[];
  /** Upright lines, as where the network was unfrozen; the label stands to the right of the line. */
  readonly boundaries?: readonly { readonly x: number; readonly label: string }[];
  readonly format?: (value: number) => string;
  /** Of the axis to the right, as where its values are logarithms. */
  readonly formatX?: (value: number) => string;
}

/** Colours that the style sheet has. */
const TONES = 8;

/** The class that colours what belongs to the series of that index; a ninth one looks like the first. */
export const toneOf = (index: number) => `s${(index % TONES) + 1}`;

/** More points than pixels say nothing more and make the file heavy. */
const MOST_POINTS = 500;

export function lineChart(chart: Chart): Html {
  const { title, xLabel, series, boundaries = [], format = plain, formatX = plain } = chart;
  const points = series.flatMap((one) => one.points);
  const ys = finite(points.map(([, y]) => y));
  if (ys.length === 0) return html`<figure><figcaption>${title}</figcaption><p class="quiet">No values.</p></figure>`;
  const yTicks = ticks(...extent(ys), 5);
  const xs = extent(finite(points.map(([x]) => x)));
  // A first point at step 1 belongs on the axis.
  const xTicks = ticks(Math.min(0, xs[0]), xs[1], 5).filter((tick) => tick <= xs[1]);
  const { x, y, markup } = axes(
    { from: Math.min(xTicks[0]!, xs[0]), to: Math.max(xs[1], xTicks.at(-1)!), ticks: xTicks, format: formatX },
    { from: yTicks[0]!, to: yTicks.at(-1)!, ticks: yTicks, format },
    xLabel,
  );
  const walls = boundaries.map(
    (wall) =>
      html`<line class="wall" x1="${fixed(x(wall.x))}" x2="${fixed(x(wall.x))}" y1="${fixed(TOP)}" y2="${fixed(FLOOR)}"/><text x="${fixed(x(wall.x) + 4)}" y="${fixed(TOP + 9)}">${wall.label}</text>`,
  );
  const lines = series.map((one, i) => drawSeries(one, i, x, y, (px, py) => `${xLabel} ${formatX(px)}: ${format(py)}`));
  return html`<figure><figcaption>${title}${legend(series)}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${describe(chart, format)}">${markup}${join(walls)}${join(lines)}</svg></figure>`;
}

function drawSeries(one: Series, index: number, x: Scale, y: Scale, name: (x: number, y: number) => string): Html {
  const points = thin(one.points);
  let path = "";
  let pen = false;
  for (const [px, py] of one.apart ? [] : points) {
    if (Number.isFinite(py)) path += `${pen ? "L" : "M"}${fixed(x(px))} ${fixed(y(py))}`;
    pen = Number.isFinite(py);
  }
  const marks = points
    .filter(([, py]) => one.marks && Number.isFinite(py))
    .map(
      ([px, py]) =>
        html`<circle cx="${fixed(x(px))}" cy="${fixed(y(py))}" r="3"><title>${one.name}, ${name(px, py)}</title></circle>`,
    );
  return html`<g class="series ${toneOf(index)}"><path d="${path}"/>${join(marks)}</g>`;
}

function legend(series: readonly Series[]): Html {
  if (series.length < 2) return html``;
  return join(series.map((one, i) => html` <span class="key ${toneOf(i)}">${one.name}</span>`));
}

/** For those who do not see it: where each line starts and ends. */
function describe({ title, series }: Chart, format: (value: number) => string): string {
  const said = series.flatMap(({ name, points }) => {
    const ys = finite(points.map(([, y]) => y));
    return ys.length === 0 ? [] : [`${name} from ${format(ys[0]!)} to ${format(ys.at(-1)!)}`];
  });
  return `${title}: ${said.join(", ")}`;
}

function thin<T>(points: readonly T[]): readonly T[] {
  if (points.length <= MOST_POINTS) return points;
  const every = (points.length - 1) / (MOST_POINTS - 1);
  return Array.from({ length: MOST_POINTS }, (_, i) => points[Math.round(i * every)]!);
}

function extent(values: readonly number[]): [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

const finite = (values: readonly number[]) => values.filter(Number.isFinite);
