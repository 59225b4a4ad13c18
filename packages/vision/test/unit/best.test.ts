// The best epoch and when to stop waiting for a better one, by fastai's rules: an improvement must exceed min_delta.

import type { TensorData } from "@ballsight/grad";
import { describe, expect, test } from "vitest";
import {
  type Best,
  type BestOptions,
  bestAfter,
  forgetBest,
  isStale,
  keepBest,
  restoreBest,
} from "../../src/learner/best.ts";
import type { EpochRow } from "../../src/learner/position.ts";

const LOSS: BestOptions = { monitor: "valid_loss", minDelta: 0, patience: 0, saveBest: true };
const ACCURACY: BestOptions = { ...LOSS, monitor: "accuracy" };

const row = (epoch: number, value: number) => ({ epoch, validLoss: value, accuracy: value }) as EpochRow;

/** The best epoch after each of these values. */
function bests(values: readonly number[], options: BestOptions): (number | null)[] {
  let best: Best | null = null;
  return values.map((value, epoch) => {
    best = bestAfter(best, row(epoch, value), options);
    return best === null ? null : best.epoch;
  });
}

describe("the best epoch", () => {
  test.each<[string, BestOptions, number[], (number | null)[]]>([
    ["lower losses are better, equal ones are not", LOSS, [0.9, 0.8, 0.8, 0.85, 0.7], [0, 1, 1, 1, 4]],
    ["higher accuracies are better", ACCURACY, [0.5, 0.7, 0.7, 0.6, 0.71], [0, 1, 1, 1, 4]],
    // .75 is exactly .25 better than 1: not more.
    ["by more than min_delta", { ...LOSS, minDelta: 0.25 }, [1, 0.75, 0.74, 0.6, 0.4], [0, 0, 2, 2, 4]],
    ["accuracy by more than min_delta", { ...ACCURACY, minDelta: 0.25 }, [0.25, 0.5, 0.51, 0.7], [0, 0, 2, 2]],
    ["no number is never better", LOSS, [Number.NaN, 0.9, Number.NaN, 0.8], [null, 1, 1, 3]],
  ])("%s", (_, options, values, expected) => {
    expect(bests(values, options)).toEqual(expected);
  });

  test("keeps its value", () => {
    expect(bestAfter(null, row(3, 0.25), ACCURACY)).toEqual({ epoch: 3, value: 0.25 });
  });
});

describe("waiting", () => {
  test.each<[patience: number, best: number | null, epochs: number, stale: boolean]>([
    [0, 0, 100, false],
    [1, 0, 1, false],
    [1, 0, 2, true],
    [3, 4, 7, false],
    [3, 4, 8, true],
    [2, null, 1, false],
    [2, null, 2, true],
  ])("with patience %i and the best epoch %s, %i epochs are enough: %s", (patience, best, epochs, stale) => {
    const at = best === null ? null : { epoch: best, value: 1 };
    expect(isStale(at, epochs, { ...LOSS, patience })).toBe(stale);
  });
});

test("the best tensors lie in the state until they are restored; moments and what did not train have none", () => {
  const tensor = (value: number): TensorData => ({ dtype: "float32", dims: [1], data: Float32Array.of(value) });
  const state = new Map([
    ["body", tensor(1)],
    ["head", tensor(2)],
    ["average.head", tensor(3)],
    ["exp_avg.head", tensor(4)],
  ]);
  keepBest(state, ["head", "average.head", "exp_avg.head"]);
  expect([...state.keys()]).toEqual(["body", "head", "average.head", "exp_avg.head", "best.head", "best.average.head"]);
  for (const name of ["head", "average.head", "exp_avg.head"]) state.set(name, tensor(9));
  restoreBest(state);
  forgetBest(state);
  const values = [...state].map(([name, { data }]) => [name, data[0]]);
  expect(values).toEqual([
    ["body", 1],
    ["head", 2],
    ["average.head", 3],
    ["exp_avg.head", 9],
  ]);
});
