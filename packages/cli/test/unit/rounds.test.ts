// From one version of a data set to the next: what people decided, by the rules of `apply`, and what is accepted unseen.

import { describe, expect, test } from "vitest";
import type { Issue } from "../../src/clean/issues.ts";
import type { DataVersion, Part } from "../../src/data/version.ts";
import type { Decision } from "../../src/decisions/entries.ts";
import { Decisions } from "../../src/decisions/state.ts";
import { countOpen, decide, nearlyCertain } from "../../src/rounds/decisions.ts";

const hash = (name: string) => name.repeat(64).slice(0, 64);
const photo = (file: string, content: string, split: Part = "train") => ({
  sha256: hash(content),
  label: file.slice(0, file.indexOf("/")),
  split,
  file,
});
let steps = 0;
const decision = (file: string, content: string, more: Partial<Decision> & Pick<Decision, "action">): Decision => ({
  at: "2026-11-23T08:00:00.000Z",
  who: "ada",
  step: `step-${steps++}`,
  sha256: hash(content),
  file,
  from: file.slice(0, file.indexOf("/")),
  why: [],
  ...more,
});
const after = (version: DataVersion, made: readonly Decision[]) => {
  const decided = decide(version, new Decisions(made));
  const changed = decided.version.filter((now, i) => now !== version[i]);
  return { ...decided, changed: changed.map(({ file, label, split }) => [file, label, split]) };
};

describe("decisions on a version", () => {
  const twins = [photo("Golf/c.jpg", "a"), photo("Golf/twin.jpg", "a")];
  const out = decision("Golf/twin.jpg", "a", { action: "exclude", of: hash("a") });

  test("of two copies byte for byte the one that was named goes, also where the other was kept after it", () => {
    const kept = decision("Golf/c.jpg", "a", { action: "keep" });
    for (const made of [[out], [out, kept], [kept, out]])
      expect(after(twins, made).changed).toEqual([["Golf/twin.jpg", "Golf", "out"]]);
  });

  test("the one that stays, stays: alone in the folder, and in the round after", () => {
    expect(after(twins.slice(0, 1), [out]).changed).toEqual([]);
    expect(after(after(twins, [out]).version, [out]).changed).toEqual([]);
  });

  test("a copy whose original goes stays, and one whose original was never there", () => {
    const version = [photo("Golf/1.jpg", "a"), photo("Golf/2.jpg", "b")];
    const copy = decision("Golf/1.jpg", "a", { action: "exclude", of: hash("b") });
    const dark = decision("Golf/2.jpg", "b", { action: "exclude" });
    expect(after(version, [copy, dark]).changed).toEqual([["Golf/2.jpg", "Golf", "out"]]);
    expect(after(version.slice(0, 1), [copy]).changed).toEqual([]);
  });

  test("labels change, held-out ones are counted, and what changed nothing is not named", () => {
    const version = [photo("Golf/1.jpg", "a"), photo("Golf/2.jpg", "b", "valid"), photo("Golf/3.jpg", "c")];
    const made = [
      decision("Golf/1.jpg", "a", { action: "relabel", to: "Tennis" }),
      decision("Golf/2.jpg", "b", { action: "exclude" }),
      decision("Golf/3.jpg", "c", { action: "keep" }),
    ];
    const { changed, made: named, heldOut } = after(version, made);
    expect(changed).toEqual([
      ["Golf/1.jpg", "Tennis", "train"],
      ["Golf/2.jpg", "Golf", "out"],
    ]);
    expect([named, heldOut]).toEqual([made.slice(0, 2), 1]);
  });
});

const version = [photo("Golf/1.jpg", "a"), photo("Golf/2.jpg", "b"), photo("Golf/3.jpg", "c", "valid")];
const copyOf = (file: string, of: string, content: string, how: "pixels" | "near" = "pixels"): Issue => ({
  ...{ kind: "copy", file, sha256: hash(content), label: "Golf", score: 0, reason: "" },
  suggestion: { action: "exclude" },
  of: { file: of, label: "Golf", how, why: "" },
});
const wrong = (file: string, content: string, score = 0.05): Issue => ({
  ...{ kind: "label", file, sha256: hash(content), label: "Golf", score, reason: "" },
  suggestion: { action: "relabel", label: "Tennis", probability: 0.95 },
  nearest: { given: [{ file: "", cosine: 0.5 }], suggested: [{ file: "", cosine: 0.8 }] },
});

describe("what is nearly certain", () => {
  const accepted = (issues: readonly Issue[], made: readonly Decision[] = []) =>
    nearlyCertain(issues, version, new Decisions(made), { step: "round-0", at: "" }).map((one) => [
      one.file,
      one.action,
      one.to ?? one.of,
    ]);

  test("is a clear label and a copy of the same pixels, among photos that are trained on", () => {
    expect(accepted([wrong("Golf/1.jpg", "a"), copyOf("Golf/2.jpg", "Golf/3.jpg", "b")])).toEqual([
      ["Golf/1.jpg", "relabel", "Tennis"],
      ["Golf/2.jpg", "exclude", hash("c")],
    ]);
    expect(accepted([wrong("Golf/3.jpg", "c"), copyOf("Golf/3.jpg", "Golf/1.jpg", "c")])).toEqual([]);
    expect(accepted([wrong("Golf/1.jpg", "a", 0.2), copyOf("Golf/2.jpg", "Golf/3.jpg", "b", "near")])).toEqual([]);
  });

  test("is nothing that somebody has decided about", () => {
    const made = [
      decision("Golf/1.jpg", "a", { action: "keep" }),
      decision("Golf/2.jpg", "b", { action: "relabel", to: "Rugby" }),
    ];
    expect(accepted([wrong("Golf/1.jpg", "a"), copyOf("Golf/2.jpg", "Golf/3.jpg", "b")], made)).toEqual([]);
  });
});

test("photos that wait are those that nobody has decided about, and those that look otherwise by now", () => {
  const doubtful = ["a", "b"].map((content, i) => {
    const { file, sha256, label } = version[i]!;
    return { file, sha256, label, issues: [wrong(file, content, 0.4)] as const };
  });
  const open = (...made: Decision[]) => countOpen(doubtful, version, new Decisions(made));
  expect(open()).toBe(2);
  const why = (score: number) => [{ kind: "label", score, label: "Tennis" }];
  expect(open(decision("Golf/1.jpg", "a", { action: "keep", why: why(0.4) }))).toBe(1);
  expect(open(decision("Golf/1.jpg", "a", { action: "keep", why: why(0.9) }))).toBe(2);
  expect(open(decision("Golf/1.jpg", "a", { action: "exclude" }))).toBe(1);
  expect(countOpen(doubtful, [], new Decisions())).toBe(0);
});
