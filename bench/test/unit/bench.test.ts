// What the benchmarks do apart from measuring: options, statistics, tables, ratios.

import { BallsightError } from "@ballsight/vision";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { architectureOf, choice, dataFolder, share, sideFor, wholeNumber } from "../../src/options.ts";
import { milliseconds, rate, rounded, seconds, table, times } from "../../src/output.ts";
import { findPeer, peerRatio, type StepTimes } from "../../src/peer.ts";
import { median, percentile, spread } from "../../src/stats.ts";
import { epochClock, reached } from "../../src/timeToAccuracy.ts";

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof BallsightError) return error.code;
    throw error;
  }
  return "no error";
}

describe("statistics", () => {
  test("the median is the middle, and the upper middle of an even number, as the peer's script takes it", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(3);
    expect(median([7])).toBe(7);
  });

  test("numbers sort as numbers", () => expect(median([10, 9, 100])).toBe(10));

  test("nearest-rank percentiles", () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(percentile(hundred, 0.95)).toBe(95);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile(hundred, 0)).toBe(1);
    expect(percentile([5, 6], 0.95)).toBe(6);
  });

  test("at least the share lies at or below its percentile, and nothing is changed in place", () => {
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, part) => {
        const before = [...all];
        const limit = percentile(all, part);
        expect(all).toEqual(before);
        expect(all.filter((value) => value <= limit).length).toBeGreaterThanOrEqual(part * all.length - 1e-9);
        expect(spread(all).min).toBeLessThanOrEqual(median(all));
      }),
    );
  });

  test("no values are an error, not NaN", () => expect(() => median([])).toThrow(RangeError));
});

describe("options", () => {
  test("whole numbers in their range pass, all else names the option", () => {
    expect(wholeNumber("steps", "12", 1)).toBe(12);
    for (const text of ["", "0", "-1", "1.5", "1e3", " 12", "twelve", "65"]) {
      expect(codeOf(() => wholeNumber("steps", text, 1, 64))).toBe("BAD_OPTION");
    }
    expect(() => wholeNumber("steps", "65", 1, 64)).toThrow(/from 1 to 64 for `--steps` but received 65/);
  });

  test("shares lie between 0 and 1", () => {
    expect(share("accuracy", "0.9")).toBe(0.9);
    for (const text of ["0", "1", "90", "", "high"]) expect(codeOf(() => share("accuracy", text))).toBe("BAD_OPTION");
  });

  test("choices name what there is", () => {
    expect(choice("mode", "train", ["train", "frozen_bn"])).toBe("train");
    expect(() => choice("mode", "eval", ["train", "frozen_bn"])).toThrow(/one of train, frozen_bn/);
  });

  test("architectures by name, with what lies near", () => {
    expect(architectureOf("mobilenet_v2").features).toBe(1280);
    expect(() => architectureOf("mobilnet_v2")).toThrow(/mobilenet_v2/);
    expect(sideFor(architectureOf("mobilenet_v2"), "128")).toBe(128);
    expect(codeOf(() => sideFor(architectureOf("mobilenet_v2"), "100"))).toBe("BAD_OPTION");
  });

  test("a data folder that was named is taken as it is", () => expect(dataFolder("photos")).toBe("photos"));
});

describe("tables", () => {
  test("names to the left, numbers to the right, nothing behind", () => {
    const rows = [["step", "min", "median"], ["Ballsight", "0.2 s", "12.5 s"], ["PyTorch skipped"]] as const;
    expect(table(rows)).toBe(
      ["step               min  median", "Ballsight        0.2 s  12.5 s", "PyTorch skipped"].join("\n"),
    );
  });

  test("units", () => {
    expect(seconds(0.1234)).toBe("0.123 s");
    expect(seconds(83.26)).toBe("83.3 s");
    expect(milliseconds(12.34)).toBe("12.3 ms");
    expect(rate(18.64)).toBe("18.6/s");
    expect(rate(2504.3)).toBe("2504/s");
    expect(times(0.5)).toBe("0.50 x");
    expect(rounded(0.123456)).toBe(0.1235);
  });
});

describe("the peer", () => {
  const step = (middle: number) => ({
    train_step_s: { min: middle / 2, median: middle },
    forward_batch_s: middle / 4,
    forward_one_s: 2 - middle,
  });

  test("the ratio of medians, ours by the mean of the two beside it", () => {
    const ratio = (value: (times: StepTimes) => number) => peerRatio(step(0.2), step(0.3), step(0.5), value);
    expect(ratio((times) => times.train_step_s.median)).toBeCloseTo(0.5, 12);
    expect(ratio((times) => times.forward_one_s)).toBeCloseTo(1.8 / 1.6, 12);
  });

  test("one that is not there is skipped in one line", async () => {
    expect(await findPeer("torch_train_step.py", "/nowhere")).toEqual({
      skipped: "no torch_train_step.py in /nowhere",
    });
  });
});

describe("time to accuracy", () => {
  const points = [0.5, 0.91, 0.89, 0.93].map((accuracy, epoch) => ({
    phase: "unfrozen",
    epoch,
    accuracy,
    seconds: 10 * (epoch + 1),
  }));

  test("the first epoch that reaches the target counts, even if a later one falls back", () => {
    expect(reached(points, 0.9)).toMatchObject({ seconds: 20, best: 0.93 });
    expect(reached(points, 0.91)).toMatchObject({ seconds: 20 });
  });

  test("a target out of reach is null, with the best there was", () => {
    expect(reached(points, 0.95)).toMatchObject({ seconds: null, best: 0.93 });
    expect(reached([], 0.95)).toMatchObject({ seconds: null, best: 0 });
  });

  test("the clock starts with the first epoch, not with reading photos, and counts what lies between epochs", () => {
    const clock = epochClock();
    expect(clock(100, 8)).toBe(8); // 92 seconds of reading photos before
    expect(clock(112, 9)).toBe(20); // 9 of training and 3 for the checkpoint
  });
});
