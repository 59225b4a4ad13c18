// history.csv as text: columns, digits, times.

import { describe, expect, it } from "vitest";
import { clock, formatHistory, type HistoryRow, sixDecimals } from "../../src/run/history.ts";

const row: HistoryRow = {
  epoch: 0,
  trainLoss: 1.9348124,
  validLoss: 0.75,
  errorRate: 1 / 128,
  accuracy: 127 / 128,
  seconds: 83.9,
  phase: "frozen",
  lr: 2e-3,
};

describe("history.csv", () => {
  it("has fastai's columns, then phase and lr", () => {
    const later = { ...row, phase: "unfrozen", validLoss: Number.NaN, seconds: 3723, lr: 9.99e-9 };
    expect(formatHistory([row, later])).toBe(
      "epoch,train_loss,valid_loss,error_rate,accuracy,time,phase,lr\n" +
        "0,1.934812,0.750000,0.007812,0.992188,01:23,frozen,2.000000e-3\n" +
        "0,1.934812,nan,0.007812,0.992188,1:02:03,unfrozen,9.990000e-9\n",
    );
  });

  it("quotes a phase that holds a comma", () => {
    expect(formatHistory([{ ...row, phase: 'a,"b"' }])).toContain(',"a,""b""",');
  });
});

describe("sixDecimals", () => {
  it.each([
    // python3 -c 'for v in (1/128, 3/128, 127/128, 129/128, -1/128, .1234565, 2.0000005, 0, 12345678.9): print("%.6f" % v)'
    [1 / 128, "0.007812"],
    [3 / 128, "0.023438"],
    [127 / 128, "0.992188"],
    [129 / 128, "1.007812"],
    [-1 / 128, "-0.007812"],
    [0.1234565, "0.123456"],
    [2.0000005, "2.000001"],
    [0, "0.000000"],
    [12345678.9, "12345678.900000"],
    [Number.NaN, "nan"],
    [Number.POSITIVE_INFINITY, "inf"],
    [Number.NEGATIVE_INFINITY, "-inf"],
  ])("writes %d as Python does: %s", (value, expected) => {
    expect(sixDecimals(value)).toBe(expected);
  });
});

describe("clock", () => {
  it.each([
    [0, "00:00"],
    [59.99, "00:59"],
    [3599, "59:59"],
    [3600, "1:00:00"],
    [36_061, "10:01:01"],
    [Number.POSITIVE_INFINITY, "--:--"],
  ])("writes %d seconds as %s", (seconds, expected) => {
    expect(clock(seconds)).toBe(expected);
  });
});
