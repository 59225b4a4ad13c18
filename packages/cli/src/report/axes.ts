// The frame of a chart: its size, scales, grid and the numbers along both axes.

import { type Html, html, join } from "./html.ts";

// Small, so that on a phone (about 360 CSS pixels) the text keeps its size.
export const WIDTH = 400;
export const HEIGHT = 250;
const LEFT = 56;
const RIGHT = 10;
export const TOP = 12;
const BOTTOM = 38;
export const FLOOR = HEIGHT - BOTTOM;

/** Where a value lies, in the drawing's units. */
export type Scale = (value: number) => number;

export interface Axis {
  /** Where its ends are. */
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
}

export interface Axes {
  readonly x: Scale;
  readonly y: Scale;
  readonly markup: Html;
}

export function axes(horizontal: Axis, vertical: Axis, xLabel: string): Axes {
  const x = scale(horizontal, LEFT, WIDTH - RIGHT);
  const y = scale(vertical, FLOOR, TOP);
  const grid = vertical.ticks.map(
    (tick) =>
      html`<line class="grid" x1="${fixed(LEFT)}" x2="${fixed(WIDTH - RIGHT)}" y1="${fixed(y(tick))}" y2="${fixed(y(tick))}"/><text x="${fixed(LEFT - 6)}" y="${fixed(y(tick) + 4)}" text-anchor="end">${vertical.format(tick)}</text>`,
  );
  const bottom = horizontal.ticks.map((tick) => {
    // The last number may be wider than the margin beside it.
    const [at, anchor] = x(tick) > WIDTH - 24 ? [WIDTH, "end"] : [x(tick), "middle"];
    return html`<text x="${fixed(at)}" y="${fixed(FLOOR + 18)}" text-anchor="${anchor}">${horizontal.format(tick)}</text>`;
  });
  const name = html`<text x="${fixed(WIDTH - RIGHT)}" y="${fixed(HEIGHT - 3)}" text-anchor="end">${xLabel}</text>`;
  return { x, y, markup: html`${join(grid)}${join(bottom)}${name}` };
}

/** Round numbers (1, 2 or 5 times a power of ten apart) that enclose low..high; about `count` of them. */
export function ticks(low: number, high: number, count: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  // Multiplied, not added up: 0.1 + 0.2 would be printed in full.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function scale({ from, to }: Axis, start: number, end: number): Scale {
  return (value) => start + ((value - from) / (to - from || 1)) * (end - start);
}

export const fixed = (value: number) => Number(value.toFixed(1));
export const plain = (value: number) => String(Number(value.toPrecision(4)));
