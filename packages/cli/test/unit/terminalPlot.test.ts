// The curve in the terminal: every point in its cell, letters over it, ends of both axes named.

import { expect, test } from "vitest";
import { terminalPlot } from "../../src/output/terminalPlot.ts";

const format = { formatX: (x: number) => `x${x}`, formatY: (y: number) => y.toFixed(1) };

test("points stand where they belong, and a letter covers the one it marks", () => {
  const points = [
    [0, 0],
    [1, 1],
    [2, 2],
    [4, 0],
  ] as const;
  const lines = terminalPlot({ points, marks: [{ x: 2, y: 2, letter: "v" }], ...format, columns: 5, rows: 3 });
  expect(lines).toEqual(["2.0 │  v", "    │ ·", "0.0 │·   ·", "    └─────", "     x0 x4"]);
});

test("what is no number is left out, and too little is not drawn", () => {
  const points = [
    [0, 1],
    [1, Number.NaN],
    [2, 3],
  ] as const;
  expect(terminalPlot({ points, marks: [], ...format, columns: 3, rows: 2 })).toEqual([
    "3.0 │  ·",
    "1.0 │·",
    "    └───",
    "     x0 x2",
  ]);
  expect(terminalPlot({ points: points.slice(0, 2), marks: [], ...format })).toEqual([]);
});

test("a level curve is one row", () => {
  const points = [0, 1, 2].map((x): [number, number] => [x, 7]);
  const lines = terminalPlot({ points, marks: [], ...format, columns: 3, rows: 2 });
  expect(lines.slice(0, 2)).toEqual(["7.0 │", "7.0 │···"]);
});
