// Decisions as data: what lines of the journal may say, what they add up to, and which moves follow from them.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Metadata } from "../../src/data/metadata.ts";
import { asksAgain } from "../../src/decisions/asksAgain.ts";
import { type Decision, type Entry, parseEntry } from "../../src/decisions/entries.ts";
import { makePlan } from "../../src/decisions/plan.ts";
import { Decisions, type KnownPhoto, standing } from "../../src/decisions/state.ts";

const HASH = { a: "a".repeat(64), b: "b".repeat(64), c: "c".repeat(64) } as const;

let steps = 0;
const decision = (more: Partial<Decision> & Pick<Decision, "action">): Decision => ({
  at: "2026-11-23T08:00:00.000Z",
  who: "ada",
  step: `step-${steps++}`,
  sha256: HASH.a,
  file: "Golf/a.jpg",
  from: "Golf",
  why: [],
  ...more,
});
const undo = ({ step }: Decision): Entry => ({ at: "2026-11-23T09:00:00.000Z", who: "ada", action: "undo", step });
const photo = (file: string, sha256: string): KnownPhoto => ({ file, sha256, label: file.slice(0, file.indexOf("/")) });

describe("lines of the journal", () => {
  test("are read as they were written", () => {
    const entries = [
      decision({ action: "keep", why: [{ kind: "label", score: 0.1, label: "Tennis" }] }),
      decision({ action: "relabel", to: "Tennis" }),
      decision({ action: "exclude", of: HASH.b }),
    ];
    for (const entry of [...entries, undo(entries[0]!)]) expect(parseEntry(JSON.stringify(entry))).toEqual(entry);
  });

  test.each([
    ["half a line", JSON.stringify(decision({ action: "keep" })).slice(0, 60)],
    ["another program's", '{"action":"keep","note":"hello"}'],
    ["no object", "null"],
    ["no hash", JSON.stringify(decision({ action: "keep", sha256: "../../etc/passwd" }))],
    ["no new label", JSON.stringify(decision({ action: "relabel" }))],
    ["a label that leads out", JSON.stringify(decision({ action: "relabel", to: "../elsewhere" }))],
    ["a label that is a hidden folder", JSON.stringify(decision({ action: "relabel", to: ".trash" }))],
    ["a label of two folders", JSON.stringify(decision({ action: "relabel", to: "Golf\\x" }))],
  ])("%s is passed over", (_, line) => {
    expect(parseEntry(line)).toBeUndefined();
  });

  test("never throw", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => void parseEntry(line)));
  });
});

describe("what stands", () => {
  test("undoing everything, in the order that is shown, leaves nothing", () => {
    const step = fc.record({ hash: fc.constantFrom(HASH.a, HASH.b, HASH.c), undo: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (acts) => {
        const decisions = new Decisions();
        const model: Decision[] = [];
        for (const act of acts) {
          const last = decisions.lastStep();
          expect(last?.step).toBe(model.at(-1)?.step);
          if (act.undo && last !== undefined) {
            decisions.add(undo(model.pop()!));
          } else {
            const made = decision({ action: "keep", sha256: act.hash });
            decisions.add(made);
            model.push(made);
          }
          for (const hash of Object.values(HASH)) {
            expect(decisions.of(hash)).toEqual(model.filter(({ sha256 }) => sha256 === hash));
          }
        }
      }),
    );
  });

  test("a photo that was renamed keeps its decision, a copy of it has its own", () => {
    const made = decision({ action: "exclude" });
    const decisions = new Decisions([made]);
    const renamed = photo("Golf/z.jpg", HASH.a);
    expect(decisions.for(renamed, new Set(["Golf/z.jpg"]))).toBe(made);
    expect(decisions.for(renamed, new Set(["Golf/z.jpg", "Golf/a.jpg"]))).toBeUndefined();
  });

  test("a decision is about a photo under one label", () => {
    const relabel = decision({ action: "relabel", to: "Tennis" });
    expect(["Golf", "Tennis", "Rugby"].map((label) => standing(relabel, label))).toEqual([
      "pending",
      "settled",
      "none",
    ]);
    const keep = decision({ action: "keep" });
    expect(["Golf", "Tennis"].map((label) => standing(keep, label))).toEqual(["settled", "none"]);
  });

  test("changes since a revision are what another tab has to hear of", () => {
    const first = decision({ action: "keep" });
    const decisions = new Decisions([first, decision({ action: "keep", sha256: HASH.b })]);
    expect(decisions.changedSince(1)).toEqual([HASH.b]);
    decisions.add(undo(first));
    expect(decisions.changedSince(2)).toEqual([HASH.a]);
  });
});

test("what was kept is asked again only where the opinion has changed a lot", () => {
  const before = [{ kind: "label", score: 0.4, label: "Tennis" }];
  const now = (score: number, label = "Tennis", kind = "label") => asksAgain(before, [{ kind, score, label }]);
  expect([now(0.4), now(0.9), now(0.2)]).toEqual([false, false, false]);
  expect(now(0.1)).toBe(true);
  expect(now(0.4, "Rugby")).toBe(true);
  expect(now(0.4, "Tennis", "conflict")).toBe(true);
  expect(asksAgain(before, [])).toBe(false);
});

describe("plan", () => {
  const plan = (
    photos: readonly KnownPhoto[],
    made: readonly Entry[],
    more: { trashed?: string[]; restored?: [string, string][] } = {},
  ) => {
    const taken = new Set(photos.map(({ file }) => file));
    return makePlan({
      photos,
      decisions: new Decisions(made),
      metadata: { get: () => undefined } as unknown as Metadata,
      trashed: new Set(more.trashed),
      restored: new Map(more.restored),
      trashPlace: async (file) => `.trash/${file}`,
      freeName: async (file) => {
        const free = taken.has(file) ? file.replace(".", "-2.") : file;
        taken.add(free);
        return free;
      },
    });
  };
  const moved = async (...args: Parameters<typeof plan>) => {
    const { moves, left } = await plan(...args);
    return [moves.map(({ file, to }) => `${file} > ${to}`), left.map(({ file, reason }) => `${file} ${reason}`)];
  };

  test("relabelled photos go to their class, under another name where theirs is taken", async () => {
    const photos = [photo("Golf/a.jpg", HASH.a), photo("Golf/b.jpg", HASH.b), photo("Tennis/a.jpg", HASH.c)];
    const made = [
      decision({ action: "relabel", to: "Tennis" }),
      decision({ action: "relabel", to: "Rugby", sha256: HASH.b, file: "Golf/b.jpg" }),
      decision({ action: "keep", sha256: HASH.c, file: "Tennis/a.jpg", from: "Tennis" }),
    ];
    expect(await moved(photos, made)).toEqual([["Golf/a.jpg > Tennis/a-2.jpg", "Golf/b.jpg > Rugby/b.jpg"], []]);
  });

  test("of copies byte for byte, the one that was named goes, and the last one never", async () => {
    const both = [photo("Golf/a.jpg", HASH.a), photo("Golf/b.jpg", HASH.a)];
    const made = [decision({ action: "exclude", file: "Golf/b.jpg", of: HASH.a })];
    expect(await moved(both, made)).toEqual([["Golf/b.jpg > .trash/Golf/b.jpg"], []]);
    expect(await moved(both.slice(0, 1), made)).toEqual([[], ["Golf/a.jpg only"]]);
    const renamed = [photo("Golf/y.jpg", HASH.a), photo("Golf/z.jpg", HASH.a)];
    expect(await moved(renamed, made)).toEqual([["Golf/y.jpg > .trash/Golf/y.jpg"], ["Golf/z.jpg only"]]);
  });

  test("what cannot be done is named", async () => {
    const made = decision({ action: "exclude" });
    expect(await moved([photo("Tennis/a.jpg", HASH.a)], [made])).toEqual([[], ["Tennis/a.jpg elsewhere"]]);
    expect(await moved([], [made])).toEqual([[], ["Golf/a.jpg gone"]]);
    expect(await moved([], [made], { trashed: [HASH.a] })).toEqual([[], []]);
    const back: [string, string][] = [["Golf/a.jpg", "2026-11-23T10:00:00.000Z"]];
    expect(await moved([photo("Golf/a.jpg", HASH.a)], [made], { restored: back })).toEqual([
      [],
      ["Golf/a.jpg restored"],
    ]);
  });

  test("the last word counts", async () => {
    const made = [decision({ action: "exclude" }), decision({ action: "keep" })];
    expect(await moved([photo("Golf/a.jpg", HASH.a)], made)).toEqual([[], []]);
    expect(await moved([photo("Golf/a.jpg", HASH.a)], [...made, undo(made[1]!)])).toEqual([
      ["Golf/a.jpg > .trash/Golf/a.jpg"],
      [],
    ]);
  });
});
