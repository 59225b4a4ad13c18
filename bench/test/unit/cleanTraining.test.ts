// `bench clean-training`: labels planted in what is trained on alone, and what became of them.

import { describe, expect, it } from "vitest";
import { compare, spoil } from "../../src/clean/training.ts";
import type { DataVersion } from "../../src/internals.ts";

const photo = (n: number, label: string, split: "train" | "valid" | "out" = "train") => ({
  sha256: `${n}`.padStart(64, "0"),
  label,
  split,
  file: `${label}/${n}.jpg`,
});

const truth: DataVersion = Array.from({ length: 200 }, (_, n) =>
  photo(n, ["Golf", "Rugby", "Tennis"][n % 3]!, n < 50 ? "valid" : "train"),
);

describe("spoil", () => {
  it("changes the portion of the training labels, each to another class, and no held-out one", () => {
    const spoilt = spoil(truth, 0.1, 1);
    const changed = spoilt.flatMap(({ label }, i) => (label === truth[i]!.label ? [] : [truth[i]!.split]));
    expect(changed).toEqual(Array(15).fill("train"));
    expect(spoilt.map(({ file }) => file)).toEqual(truth.map(({ file }) => file));
    expect(spoil(truth, 0.1, 1)).toEqual(spoilt);
    expect(spoil(truth, 0.1, 2)).not.toEqual(spoilt);
  });
});

describe("compare", () => {
  it("counts planted labels by what became of them, and what else was changed", () => {
    const version = [photo(1, "Golf"), photo(2, "Golf"), photo(3, "Golf"), photo(4, "Golf"), photo(5, "Golf")];
    const wrong = new Set([0, 1, 2]);
    const spoilt = version.map((one, i) => (wrong.has(i) ? { ...one, label: "Rugby" } : one));
    const after: DataVersion = [
      version[0]!,
      { ...spoilt[1]!, split: "out" },
      spoilt[2]!,
      { ...version[3]!, label: "Tennis" },
      { ...version[4]!, split: "out" },
    ];
    expect(compare(version, spoilt, after)).toEqual({
      planted: 3,
      corrected: 1,
      taken_out: 1,
      others_changed: 1,
      others_out: 1,
    });
  });
});
