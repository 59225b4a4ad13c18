// A few named dots with upright error bars over two axes, as inline SVG: what accuracy costs.

import { axes, FLOOR, fixed, HEIGHT, plain, TOP, ticks, WIDTH } from "./axes.ts";
import { toneOf } from "./chart.ts";
import { type Html, html, join } from "./html.ts";

export interface Dot {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** The ends of the error bar. */
  readonly low: number;
  readonly high: number;
  /** Which colour, counted as the series of a line chart. */
  readonly tone: number;
}

export interface Scatter {
  readonly title: string;
  readonly xLabel: string;
  readonly dots: readonly Dot[];
  readonly formatY: (value: number) => string;
}

/** Between the lines of text of two labels. */
const LINE = 14;
const GAP = 7;

export function scatterChart({ title, xLabel, dots, formatY }: Scatter): Html {
  if (dots.length === 0) return html`<figure><figcaption>${title}</figcaption><p class="quiet">No values.</p></figure>`;
  const xTicks = ticks(0, Math.max(...dots.map((dot) => dot.x)), 5);
  const yTicks = ticks(Math.min(...dots.map((dot) => dot.low)), Math.max(...dots.map((dot) => dot.high)), 5);
  const { x, y, markup } = axes(
    { from: 0, to: xTicks.at(-1)!, ticks: xTicks, format: plain },
    { from: yTicks[0]!, to: yTicks.at(-1)!, ticks: yTicks, format: formatY },
    xLabel,
  );
  const heights = apart(dots.map((dot) => y(dot.y) + 4));
  const drawn = dots.map((dot, i) => {
    const [px, py] = [x(dot.x), y(dot.y)];
    // To the side that has more room: names are long, and a phone is narrow.
    const left = px > WIDTH * 0.55;
    const at = left ? px - GAP : px + GAP;
    const said = `${dot.name}: ${formatY(dot.y)} (${formatY(dot.low)} to ${formatY(dot.high)}), ${plain(dot.x)} ${xLabel}`;
    return html`<g class="dot ${toneOf(dot.tone)}"><title>${said}</title><line x1="${fixed(px)}" x2="${fixed(px)}" y1="${fixed(y(dot.low))}" y2="${fixed(y(dot.high))}"/><circle cx="${fixed(px)}" cy="${fixed(py)}" r="5"/><text x="${fixed(at)}" y="${fixed(heights[i]!)}" text-anchor="${left ? "end" : "start"}">${dot.name}</text></g>`;
  });
  const described = dots.map((dot) => `${dot.name} ${formatY(dot.y)} at ${plain(dot.x)} ${xLabel}`);
  return html`<figure><figcaption>${title}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${`${title}: ${described.join(", ")}`}">${markup}${join(drawn)}</svg></figure>`;
}

/** Heights of labels, moved so that none covers another and all stay inside. */
function apart(wanted: readonly number[]): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]!);
  const placed = [...wanted];
  let next = TOP + LINE / 2;
  for (const i of order) {
    placed[i] = Math.max(wanted[i]!, next);
    next = placed[i]! + LINE;
  }
  let last = FLOOR - 2;
  for (const i of order.toReversed()) {
    placed[i] = Math.min(placed[i]!, last);
    last = placed[i]! - LINE;
  }
  return placed;
}
