// The curve of a training: every step of a short run, every tenth of a long one.

import { expect, test } from "vitest";
import { START, stepped } from "../../src/learner/position.ts";

test("the first hundred steps are points of the curve, then every tenth, with the smoothed loss and the rate", () => {
  let position = START;
  for (let step = 1; step <= 125; step++) position = stepped(position, 2, step / 1000);
  const first = Array.from({ length: 100 }, (_, i) => i + 1);
  expect(position.curve.map(({ step }) => step)).toEqual([...first, 110, 120]);
  expect(position.curve.at(-1)!.lr).toBe(0.12);
  // A constant loss, smoothed and freed of its bias, is itself.
  for (const { loss } of position.curve) expect(loss).toBeCloseTo(2, 12);
});
