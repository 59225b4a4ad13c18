// Padding that keeps or halves a size: TensorFlow's SAME by its definition, torch's by its size.

import { Graph } from "@ballsight/grad";
import { expect, test } from "vitest";
import { samePadding } from "../../src/models/padding.ts";

const picture = (h: number, w: number) => new Graph().input("x", "float32", [1, 3, h, w]);

test("torch pads both sides alike", () => {
  expect(samePadding(picture(224, 113), 5, 2, "symmetric")).toEqual([2, 2, 2, 2]);
  expect(samePadding(picture(8, 8), 3, 1, "symmetric")).toEqual([1, 1, 1, 1]);
});

// tf.nn's "SAME": of (ceil(size / stride) - 1) · stride + kernel - size zeros, the smaller half goes first.
test.each([
  [224, 3, 2, 0, 1],
  [225, 3, 2, 1, 1],
  [112, 5, 2, 1, 2],
  [113, 5, 2, 2, 2],
  [7, 3, 1, 1, 1],
  [7, 5, 1, 2, 2],
  [1, 3, 2, 1, 1],
  [2, 5, 2, 1, 2],
])("TensorFlow pads %i pixels, kernel %i, stride %i by %i and %i", (size, kernel, stride, before, after) => {
  expect(samePadding(picture(size, 9), kernel, stride, "tf-same").filter((_, i) => i % 2 === 0)).toEqual([
    before,
    after,
  ]);
  expect(samePadding(picture(9, size), kernel, stride, "tf-same").filter((_, i) => i % 2 === 1)).toEqual([
    before,
    after,
  ]);
});
