// Decisions as data: what lines of the journal may say, what they add up to, and which moves follow from them.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Metadata } from "../../src/data/metadata.ts";
import { asksAgain } from "../../src/decisions/asksAgain.ts";
import { type Decision, type Entry, parseEntry } from "../../src/decisions/entries.ts";
import { type Move, makePlan } from "../../src/decisions/plan.ts";
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
    more: { trashed?: string[]; restored?: [string, string][]; applied?: readonly (readonly Move[])[] } = {},
  ) => {
    const decisions = new Decisions(made);
    for (const moves of more.applied ?? []) decisions.noteMoves(moves);
    const taken = new Set(photos.map(({ file }) => file));
    return makePlan({
      photos,
      decisions,
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
    // The other one is what stays, and nothing is to be said of it.
    expect(await moved(both.slice(0, 1), made)).toEqual([[], []]);
    const renamed = [photo("Golf/y.jpg", HASH.a), photo("Golf/z.jpg", HASH.a)];
    expect(await moved(renamed, made)).toEqual([["Golf/y.jpg > .trash/Golf/y.jpg"], []]);
    const each = both.map(({ file }) => decision({ action: "exclude", file, of: HASH.a }));
    expect(await moved(both, each)).toEqual([["Golf/a.jpg > .trash/Golf/a.jpg"], ["Golf/b.jpg only"]]);
  });

  /** What `apply` leaves: the photos after the moves. */
  const after = (photos: readonly KnownPhoto[], moves: readonly Move[]) => {
    const moved = new Map(moves.map(({ file, to }) => [file, to]));
    const now = photos.map(({ file, sha256 }) => photo(moved.get(file) ?? file, sha256));
    return now.filter(({ label }) => label !== ".trash");
  };

  test.each<[string, Partial<Decision> & Pick<Decision, "action">]>([
    ["taken out", { action: "exclude" }],
    ["taken out as a copy", { action: "exclude", of: HASH.a }],
    ["relabelled", { action: "relabel", to: "Tennis" }],
    ["taken out, renamed before", { action: "exclude", file: "Golf/old.jpg" }],
  ])("a second pass leaves alone what lay beside a photo that was %s, until it comes back", async (_, what) => {
    const photos = ["Golf/a.jpg", "Golf/b.jpg", "Golf/c.jpg"].map((file) => photo(file, HASH.a));
    // Decided about the twin itself, so that of the three one alone is meant.
    const kept = ["Golf/b.jpg", "Golf/c.jpg"].map((file) => decision({ action: "keep", file }));
    const made = decision(what);
    const { moves } = await plan(photos, what.file === undefined ? [made] : [...kept, made]);
    expect(moves).toHaveLength(1);
    const left = after(photos, moves);
    // Twice: what a plan says of a photo holds after later ones too.
    for (const applied of [[moves], [moves, []]]) expect(await moved(left, [made], { applied })).toEqual([[], []]);
    expect(new Decisions([made]).for(left.at(-1)!, new Set(left.map(({ file }) => file)))).toBeDefined();
    const again = [...left, photo("Golf/again.jpg", HASH.a)];
    const { moves: more } = await plan(again, [made], { applied: [moves] });
    expect(more.map(({ file }) => file)).toEqual(["Golf/again.jpg"]);
  });

  test("copies that were relabelled by one plan keep each its own decision", async () => {
    const photos = ["Golf/a.jpg", "Golf/b.jpg"].map((file) => photo(file, HASH.a));
    const made = [
      decision({ action: "relabel", to: "Tennis", file: "Golf/b.jpg" }),
      decision({ action: "relabel", to: "Rugby", file: "Golf/a.jpg" }),
    ];
    const { moves } = await plan(photos, made);
    expect(moves.map(({ to }) => to)).toEqual(["Rugby/a.jpg", "Tennis/b.jpg"]);
    expect(await moved(after(photos, moves), made, { applied: [moves] })).toEqual([[], []]);
  });

  test("whether a copy goes does not depend on its name", async () => {
    const exclude = (name: string, sha256: string, of?: string) =>
      decision({ action: "exclude", file: `Golf/${name}.jpg`, sha256, ...(of !== undefined && { of }) });
    for (const [copy, original] of [
      ["1", "2"],
      ["2", "1"],
    ] as const) {
      const photos = [photo(`Golf/${copy}.jpg`, HASH.a), photo(`Golf/${original}.jpg`, HASH.b)].sort((x, y) =>
        x.file < y.file ? -1 : 1,
      );
      // The original is dark, so the copy is all that is left of it.
      expect(await moved(photos, [exclude(copy, HASH.a, HASH.b), exclude(original, HASH.b)])).toEqual([
        [`Golf/${original}.jpg > .trash/Golf/${original}.jpg`],
        [`Golf/${copy}.jpg only`],
      ]);
    }
    // A copy of a copy of what stays: its own original goes, whichever comes first.
    for (const names of ["abc", "acb", "bac", "bca", "cab", "cba"]) {
      const [one, two, three] = [...names] as [string, string, string];
      const photos = [photo(`Golf/${one}.jpg`, HASH.a), photo(`Golf/${two}.jpg`, HASH.b)];
      const all = [...photos, photo(`Golf/${three}.jpg`, HASH.c)].sort((x, y) => (x.file < y.file ? -1 : 1));
      expect(await moved(all, [exclude(one, HASH.a, HASH.b), exclude(two, HASH.b, HASH.c)])).toEqual([
        [`Golf/${two}.jpg > .trash/Golf/${two}.jpg`],
        [`Golf/${one}.jpg only`],
      ]);
    }
  });

  test("of copies of one another, one stays for each that goes", async () => {
    const hashes = Object.values(HASH);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ hash: fc.nat(2), of: fc.option(fc.nat(2)) }), { minLength: 1, maxLength: 8 }),
        async (list) => {
          const photos = list.map(({ hash }, i) => photo(`Golf/${i}.jpg`, hashes[hash]!));
          const made = list.flatMap(({ hash, of }, i) =>
            of === null
              ? []
              : [decision({ action: "exclude", file: `Golf/${i}.jpg`, sha256: hashes[hash]!, of: hashes[of]! })],
          );
          const { moves } = await plan(photos, made);
          const gone = new Set(moves.map(({ file }) => file));
          const left = new Set(photos.flatMap(({ file, sha256 }) => (gone.has(file) ? [] : [sha256])));
          for (const { file } of moves) {
            const { of } = made.find((one) => one.file === file)!;
            expect(left.has(of!)).toBe(true);
          }
        },
      ),
    );
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
