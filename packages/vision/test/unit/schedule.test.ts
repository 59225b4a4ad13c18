// Schedules against fastai's numbers (T4, T5, its own scheduler check) and the rates of fine_tune per group.

import { describe, expect, test } from "vitest";
import { broadcastLr, fineTunePlan, flatCos, hypersAt, oneCycle, progressiveSize } from "../../src/learner/schedule.ts";

const relative = (values: readonly number[], expected: readonly number[], tolerance = 3e-7) => {
  expect(values).toHaveLength(expected.length);
  for (const [i, value] of values.entries()) expect(Math.abs(value / expected[i]! - 1)).toBeLessThan(tolerance);
};

const run = (schedule: Parameters<typeof hypersAt>[0], lrMax: number, batches: number) =>
  Array.from({ length: batches }, (_, i) => hypersAt(schedule, [lrMax], i / batches));

describe("one cycle", () => {
  test("ten batches, max 1e-3, div 5, pct .3 (T4)", () => {
    const values = run(oneCycle({ div: 5, divFinal: 1e5, pctStart: 0.3 }), 1e-3, 10);
    relative(
      values.map(({ lr }) => lr[0]!),
      [2e-4, 4e-4, 8e-4, 1e-3, 9.504849e-4, 8.117468e-4, 6.112644e-4, 3.887456e-4, 1.882632e-4, 4.952507e-5],
    );
    relative(
      values.map(({ momentum }) => momentum),
      [0.95, 0.925, 0.875, 0.85, 0.854952, 0.868826, 0.888874, 0.911126, 0.931174, 0.945048],
      1e-6,
    );
  });

  test("cosines .5 -> 1 -> 0 meeting at .25: fastai's own check (T4)", () => {
    const schedule = oneCycle({ div: 2, divFinal: Number.POSITIVE_INFINITY, pctStart: 0.25 });
    const values = [0, 0.1, 0.25, 0.5, 1].map((position) => hypersAt(schedule, [1], position).lr[0]!);
    for (const [i, expected] of [0.5, 0.67275, 1, 0.75, 0].entries()) expect(values[i]).toBeCloseTo(expected, 5);
  });

  test("frozen phase, five batches, max 2e-3 (T5)", () => {
    const values = run(oneCycle({ pctStart: 0.99 }), 2e-3, 5);
    relative(
      values.map(({ lr }) => lr[0]!),
      [8e-5, 2.669406e-4, 7.549564e-4, 1.353985e-3, 1.83073e-3],
    );
  });

  test("each group has its own rate", () => {
    const { lr } = hypersAt(oneCycle({ div: 5 }), [1e-5, 1e-3], 0);
    relative(lr, [2e-6, 2e-4]);
  });
});

test("flat cosine: flat for three quarters, half-way between them and the end half the rate", () => {
  const at = (position: number) => hypersAt(flatCos(), [4e-3], position);
  expect(at(0).lr[0]).toBe(4e-3);
  expect(at(0.74).lr[0]).toBe(4e-3);
  relative([at(0.875).lr[0]!, at(1).lr[0]!], [(4e-3 + 4e-8) / 2, 4e-8], 1e-9);
  expect(at(0.9).momentum).toBe(0.9);
});

test("learning rate over groups: number, slice(high), slice(low, high)", () => {
  relative(broadcastLr(3e-3, 2), [3e-3, 3e-3]);
  relative(broadcastLr({ high: 2e-3 }, 3), [2e-4, 2e-4, 2e-3]);
  relative(broadcastLr({ low: 1e-5, high: 1e-3 }, 3), [1e-5, 1e-4, 1e-3]);
  relative(broadcastLr({ low: 1e-5, high: 1e-3 }, 1), [1e-3]);
});

describe("fine_tune", () => {
  test("defaults for three groups: frozen at 2e-3, then 1e-5, 1e-4, 1e-3", () => {
    const [frozen, unfrozen] = fineTunePlan({ epochs: 5, groups: 3 });
    expect([frozen!.name, frozen!.epochs, unfrozen!.name, unfrozen!.epochs]).toEqual(["frozen", 1, "unfrozen", 5]);
    relative(frozen!.lrMax, [2e-4, 2e-4, 2e-3]);
    relative(unfrozen!.lrMax, [1e-5, 1e-4, 1e-3]);
    expect(frozen!.schedule).toEqual({
      kind: "oneCycle",
      pctStart: 0.99,
      div: 25,
      divFinal: 1e5,
      momentums: [0.95, 0.85, 0.95],
    });
    expect(unfrozen!.schedule).toMatchObject({ pctStart: 0.3, div: 5 });
  });

  test("a phase without epochs is left out, the rate is halved all the same", () => {
    const plan = fineTunePlan({ epochs: 3, groups: 2, freezeEpochs: 0, lr: 4e-3 });
    expect(plan.map(({ name }) => name)).toEqual(["unfrozen"]);
    relative(plan[0]!.lrMax, [2e-5, 2e-3]);
  });

  test("with flat-cos: the frozen phase warms up all the same, then full rates for three quarters", () => {
    const [frozen, unfrozen] = fineTunePlan({ epochs: 4, groups: 3, schedule: "flat-cos" });
    expect(frozen!.schedule).toEqual(oneCycle({ pctStart: 0.99 }));
    relative(hypersAt(unfrozen!.schedule, unfrozen!.lrMax, 0).lr, [1e-5, 1e-4, 1e-3]);
    relative(hypersAt(unfrozen!.schedule, unfrozen!.lrMax, 0.7).lr, [1e-5, 1e-4, 1e-3]);
    relative(hypersAt(unfrozen!.schedule, unfrozen!.lrMax, 1).lr, [1e-10, 1e-9, 1e-8]);
  });

  test("is plain data", () => {
    const plan = fineTunePlan({ epochs: 5, groups: 3 });
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });
});

test("progressive sizes grow in steps of 32 and end at the full size in time", () => {
  const sizes = Array.from({ length: 10 }, (_, epoch) => progressiveSize(epoch, 10, { start: 128, end: 224 }));
  expect(sizes).toEqual([128, 160, 160, 192, 192, 224, 224, 224, 224, 224]);
  expect(progressiveSize(0, 1, { start: 128, end: 224 })).toBe(224);
});
