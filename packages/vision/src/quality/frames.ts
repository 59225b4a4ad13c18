// Straight lines from side to side that no scene has: bars and frames around a picture, seams between the pictures of a collage.

import type { Pixels } from "./pixels.ts";

export interface FrameFigures {
  /** Share of the area under bars of one colour along the sides, 0 to 1. */
  readonly border: number;
  /** Share of its length over which the clearest straight line across the inner picture is a jump, 0 to 1. */
  readonly seam: number;
}

/** Most deviation from its mean of what is one colour: a JPEG's noise beside an edge. */
const PLAIN = 12;
/** Of a line's pixels, that may be off (logos, dust). */
const MOST_OFF = 0.02;
/** Share of the first line inside that is not of the bar's colour: a bar ends in a straight line, the paper behind a ball does not. */
const STRAIGHT = 0.6;
/** Bars end before the middle. */
const DEEPEST = 0.4;
/** Least jump of a channel. */
const JUMP = 16;
/** Seams are looked for here, as shares of a side: nearer to the edges are bars. */
const INNER = [0.12, 0.88] as const;

/** Lines to the next bar or edge: a jump is looked at with three more on either side. */
const MARGIN = 4;

/** A picture, or the same turned by a quarter: its lines are rows. */
interface View {
  readonly lines: number;
  readonly length: number;
  readonly data: Uint8Array;
  /** Steps in `data` from line to line and along a line. */
  readonly down: number;
  readonly along: number;
}

export function frameFigures({ width, height, data }: Pixels): FrameFigures {
  const rows: View = { lines: height, length: width, data, down: 3 * width, along: 3 };
  const columns: View = { lines: width, length: height, data, down: 3, along: 3 * width };
  const [top, bottom] = barsOf(rows);
  const [left, right] = barsOf(columns);
  const inside = (1 - (top + bottom) / height) * (1 - (left + right) / width);
  const seam = Math.max(seamOf(rows, [top, bottom], [left, right]), seamOf(columns, [left, right], [top, bottom]));
  return { border: 1 - inside, seam };
}

function barsOf(view: View): [number, number] {
  const last = view.lines - 1;
  return [depth(view, 0, 1), depth(view, last, -1)];
}

/** Lines of one colour from `from` on; 0 where they do not end in a straight line. */
function depth(view: View, from: number, step: number): number {
  const colour = meanOf(view, from);
  let line = 0;
  while (line < DEEPEST * view.lines && offIn(view, from + step * line, colour) <= MOST_OFF) line += 1;
  if (line === 0 || line >= DEEPEST * view.lines) return 0;
  // Scaling has mixed the first line inside with the bar.
  return Math.max(offIn(view, from + step * line, colour), offIn(view, from + step * (line + 1), colour)) >= STRAIGHT
    ? line
    : 0;
}

function meanOf({ data, length, down, along }: View, line: number): number[] {
  const sums = [0, 0, 0];
  for (let i = 0; i < length; i++) {
    for (let c = 0; c < 3; c++) sums[c]! += data[line * down + i * along + c]! / length;
  }
  return sums;
}

function offIn({ data, length, down, along }: View, line: number, colour: readonly number[]): number {
  let off = 0;
  for (let i = 0; i < length; i++) {
    const at = line * down + i * along;
    const isOff = [0, 1, 2].some((c) => Math.abs(data[at + c]! - colour[c]!) > PLAIN);
    if (isOff) off += 1;
  }
  return off / length;
}

/** Inside of the bars, the largest share of a line whose pixels differ from those two lines before by more than what is on either side does within itself. */
function seamOf(view: View, bars: readonly [number, number], across: readonly [number, number]): number {
  const { data, lines, length, down, along } = view;
  const first = Math.max(Math.ceil(INNER[0] * lines), bars[0] + MARGIN);
  const last = Math.min(Math.floor(INNER[1] * lines), lines - bars[1] - MARGIN);
  const [from, to] = [across[0], length - across[1]];
  let best = 0;
  for (let line = first; line < last; line++) {
    let jumps = 0;
    for (let i = from; i < to; i++) {
      const at = line * down + i * along;
      const jump = difference(data, at - down, at + down);
      if (jump < JUMP) continue;
      const around = Math.max(difference(data, at - 3 * down, at - down), difference(data, at + down, at + 3 * down));
      if (jump > around) jumps += 1;
    }
    best = Math.max(best, jumps / (to - from));
  }
  return best;
}

/** Of the channel that differs most. */
function difference(data: Uint8Array, a: number, b: number): number {
  return Math.max(
    Math.abs(data[a]! - data[b]!),
    Math.abs(data[a + 1]! - data[b + 1]!),
    Math.abs(data[a + 2]! - data[b + 2]!),
  );
}
