// What a person sees while it trains, character by character.

import { describe, expect, it } from "vitest";
import { Progress, progressText } from "../../src/output/progress.ts";
import { tableHeader, tableRow } from "../../src/output/trainTable.ts";

describe("the training table", () => {
  it("has fastai's columns, widths and formats", () => {
    const row = { trainLoss: 1.110512, validLoss: 0.3292123, errorRate: 0.0978512, accuracy: 0.9021488, lr: 1 };
    const lines = [
      tableHeader(),
      tableRow({ ...row, epoch: 0, seconds: 26.7, phase: "frozen" }),
      tableRow({ ...row, epoch: 12, seconds: 3700, phase: "unfrozen", trainLoss: 12.5, validLoss: Number.NaN }),
    ];
    expect(lines).toEqual([
      "epoch     train_loss  valid_loss  error_rate  accuracy  time",
      "0         1.110512    0.329212    0.097851    0.902149  00:26",
      "12        12.500000   nan         0.097851    0.902149  1:01:40",
    ]);
  });
});

describe("progressText", () => {
  it.each([
    [{ done: 9, total: 20, smoothLoss: 1.23449 }, 4, "45.00% [9/20 00:04<00:04 1.2345]"],
    [{ done: 0, total: 20 }, 0, "0.00% [0/20 00:00<--:--]"],
    [{ done: 1, total: 3 }, 3600, "33.33% [1/3 1:00:00<2:00:00]"],
    [{ done: 0, total: 0 }, 1, "100.00% [0/0 00:01<--:--]"],
    [{ done: 1, total: 2, smoothLoss: Number.NaN }, 1, "50.00% [1/2 00:01<00:01 nan]"],
  ])("of %o after %d s is %s", (state, elapsed, expected) => {
    expect(progressText(state, elapsed)).toBe(expected);
  });

  it("what an earlier run did says nothing about the time that is left", () => {
    expect(progressText({ done: 210, total: 300, before: 200 }, 10)).toBe("70.00% [210/300 00:10<01:30]");
    expect(progressText({ done: 200, total: 300, before: 200 }, 1)).toMatch(/^66\.67% \[200\/300 00:01</);
  });
});

/** A stream that remembers, and a clock that the test moves. */
function setUp(stream: { isTTY?: boolean; columns?: number }, silent = false) {
  const written: string[] = [];
  let time = 0;
  const progress = new Progress({
    stream: { ...stream, write: (text) => written.push(text) },
    silent,
    now: () => time,
  });
  return { progress, written, advance: (ms: number) => (time += ms) };
}

describe("Progress on a terminal", () => {
  it("draws over its own line, at most ten times a second, and the last state always", () => {
    const { progress, written, advance } = setUp({ isTTY: true, columns: 100 });
    progress.start("Epoch 1/5");
    for (let done = 1; done <= 20; done++) {
      advance(30);
      progress.update({ done, total: 20, smoothLoss: 0.5 });
    }
    expect(written[0]).toBe(`\r\x1b[KEpoch 1/5: |██${"-".repeat(28)}| 5.00% [1/20 00:00<00:00 0.5000]`);
    expect(written.at(-1)).toBe(`\r\x1b[KEpoch 1/5: |${"█".repeat(30)}| 100.00% [20/20 00:00<00:00 0.5000]`);
    expect(written).toHaveLength(6);
  });

  it("leaves the bar away where the line would wrap", () => {
    const { progress, written } = setUp({ isTTY: true, columns: 40 });
    progress.start("Epoch 1/5");
    progress.update({ done: 1, total: 2, smoothLoss: 0.5 });
    expect(written).toEqual(["\r\x1b[KEpoch 1/5: 50.00% [1/2 00:00<00:00 0.50"]);
  });

  it("gets out of the way of a table row, and comes back", () => {
    const { progress, written } = setUp({ isTTY: true });
    progress.start("x");
    progress.update({ done: 1, total: 4 });
    progress.clear();
    progress.clear();
    progress.update({ done: 2, total: 4 });
    expect(written.slice(1)).toEqual(["\r\x1b[K", expect.stringContaining("50.00% [2/4")]);
  });
});

describe("Progress elsewhere", () => {
  it("writes a plain line every ten seconds", () => {
    const { progress, written, advance } = setUp({});
    progress.start("Epoch 1/5");
    for (let done = 1; done <= 25; done++) {
      advance(1000);
      progress.update({ done, total: 25 });
    }
    expect(written).toEqual(["Epoch 1/5: 40.00% [10/25 00:10<00:15]\n", "Epoch 1/5: 80.00% [20/25 00:20<00:05]\n"]);
  });

  it("writes nothing with --json", () => {
    for (const isTTY of [true, false]) {
      const { progress, written, advance } = setUp({ isTTY }, true);
      progress.start("x");
      advance(60_000);
      progress.update({ done: 1, total: 1 });
      progress.clear();
      expect(written).toEqual([]);
    }
  });
});
