// The page of a range test: rates on a logarithmic axis, a dot for each suggestion, and what is missing said in words.

import { expect, test } from "vitest";
import { renderLrReport } from "../../src/report/lrReport.ts";

const page = renderLrReport({
  title: "mobilenet_v2 on <photos>",
  program: "ballsight 0.1.0",
  finishedAt: "2026-11-23T09:14:40",
  points: [1e-4, 1e-3, 1e-2].map((lr, i): [number, number] => [lr, 3 - i]),
  suggestions: [
    { name: "minimum", suggested: "1e-3", at: [1e-2, 1], meaning: "a tenth" },
    { name: "valley", suggested: "1e-3", at: [1e-3, 2], meaning: "half-way" },
    { name: "slide", suggested: "not enough points (3 of 16)", meaning: "slope" },
  ],
  remarks: ["The head alone was trained."],
  settings: [["arch", "mobilenet_v2"]],
});

test("asks nothing of the network", () => {
  expect(page).not.toMatch(/https?:|\/\/\w|<link|<script|url\(/i);
  expect(page).toContain("mobilenet_v2 on &lt;photos&gt;");
});

test("steps of ten are equally far apart, and the dots lie on the curve", () => {
  const [, path] = /<g class="series s1"><path d="([^"]+)"/.exec(page)!;
  const curve = path!
    .split(/[ML]/)
    .slice(1)
    .map((pair) => pair.split(" ").map(Number) as [number, number]);
  expect(curve[1]![0] - curve[0]![0]).toBeCloseTo(curve[2]![0] - curve[1]![0], 5);
  const dots = [...page.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
  expect(dots).toEqual([curve[1], curve[2]]);
  for (const tick of ["1e-4", "1e-3", "1e-2"]) expect(page).toContain(`>${tick}<`);
});

test("names all suggestions, and the lack of one", () => {
  for (const text of ["valley", "not enough points (3 of 16)", "half-way", "The head alone was trained."])
    expect(page).toContain(text);
});
