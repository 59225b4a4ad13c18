// What verify and the trash are made of: rows kept as they are, journals that lead nowhere else, copies in groups, tables, sheets.

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Metadata } from "../../src/data/metadata.ts";
import { ALIKE, likeness, sketchOf } from "../../src/hash/likeness.ts";
import { Looks } from "../../src/hash/looks.ts";
import { countTable } from "../../src/output/countTable.ts";
import { verifyTable } from "../../src/output/verifyTable.ts";
import { text } from "../../src/report/html.ts";
import { classSection, countSection, togetherSection } from "../../src/sheet/page.ts";
import { pickPhotos } from "../../src/sheet/pick.ts";
import { appendJournal, type JournalEntry, readJournal } from "../../src/trash/journal.ts";
import type { GoodPhoto } from "../../src/verify/check.ts";
import { findCopies } from "../../src/verify/copies.ts";
import { problemsLeft, type VerifyResult, verifyResult } from "../../src/verify/result.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ballsight-unit-"));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

describe("metadata.jsonl", () => {
  const read = () => readFile(join(root, "metadata.jsonl"), "utf8");

  test("lines that nobody changes stay byte for byte", async () => {
    const file = fc.constantFrom("a/1.jpg", "a/2.jpg", "b/3.jpg", "b/4.jpg");
    const line = fc.oneof(
      fc.record({ file_name: file, note: fc.string() }).map((row) => JSON.stringify(row)),
      fc.constantFrom("no JSON", "[1]", "null", '{"file_name": 3}', '  {"file_name" : "c/5.jpg"}'),
    );
    const change = fc.tuple(fc.constantFrom("delete", "set"), file, file);
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(change, { maxLength: 4 }), async (lines, changes) => {
        await writeFile(join(root, "metadata.jsonl"), lines.join("\n"));
        const metadata = await Metadata.read(root);
        // What it must come to: names and their lines, in order.
        let model = lines.map((one) => ({ one, name: nameOf(one) }));
        for (const [action, from, to] of changes) {
          if (action === "delete") {
            metadata.delete(from);
            model = model.filter(({ name }) => name !== from);
          } else {
            const row = { file_name: to, changed: true };
            metadata.set(from, row);
            const at = model.findIndex(({ name }) => name === from);
            const entry = { one: JSON.stringify(row), name: to };
            const spot = at < 0 ? model.length : at;
            model = [...model.slice(0, spot), entry, ...model.slice(spot + (at < 0 ? 0 : 1))].filter(
              (other) => other === entry || (other.name !== from && other.name !== to),
            );
          }
        }
        await metadata.save();
        const changed = model.length !== lines.length || model.some(({ one }, i) => one !== lines[i]);
        const expected = changed ? model.map(({ one }) => `${one}\n`).join("") : lines.join("\n");
        expect((await read()).replace(/\n$/, "")).toBe(expected.replace(/\n$/, ""));
      }),
    );
  });

  const nameOf = (line: string): unknown => {
    try {
      return (JSON.parse(line) as { file_name?: unknown } | null)?.file_name;
    } catch {
      return undefined;
    }
  };

  test("two spellings of an accent are one name; a folder without the file gets none", async () => {
    const metadata = await Metadata.read(root);
    expect(metadata.isThere).toBe(false);
    await metadata.save();
    await expect(read()).rejects.toThrow("ENOENT");
    metadata.set("Pelé/1.jpg", { file_name: "Pele\u0301/1.jpg" });
    expect(metadata.get("Pel\u00e9/1.jpg")).toEqual({ file_name: "Pele\u0301/1.jpg" });
  });
});

describe("the journal", () => {
  const entry = (over: object = {}): JournalEntry =>
    ({ action: "trash", file: "Golf/a.jpg", trash: ".trash/Golf/a.jpg", why: ["empty"], ...over }) as JournalEntry;

  beforeEach(() => mkdir(join(root, ".trash")));

  test("survives a torn line, at the end and in the middle", async () => {
    const path = join(root, ".trash/journal.jsonl");
    expect(await readJournal(root)).toEqual([]);
    await appendJournal(root, [entry()]);
    const whole = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 2), async (length) => {
        await writeFile(path, whole.subarray(0, length));
        await appendJournal(root, [entry({ file: "Golf/b.jpg" })]);
        expect(await readJournal(root)).toMatchObject([{ file: "Golf/b.jpg" }]);
      }),
      { numRuns: 20 },
    );
  });

  test.each([
    ["a path out of the folder", { file: "../a.jpg" }],
    ["one through the folder", { file: "Golf/../../a.jpg" }],
    ["an absolute path", { file: "/etc/passwd" }],
    ["a Windows path", { file: "C:\\a.jpg" }],
    ["a dot-folder", { file: ".git/config" }],
    ["a trash elsewhere", { trash: "Golf/a.jpg" }],
    ["a trash out of the folder", { trash: ".trash/../../a.jpg" }],
    [
      "a stand-in out of the folder",
      { action: "reencode", became: { file: "../b.jpg", sha256: "", width: 1, height: 1 } },
    ],
    ["a new name out of the folder", { action: "rename", became: { file: "../b.jpg" } }],
    ["no name", { file: 7 }],
    ["another action", { action: "burn" }],
  ])("passes over %s", async (_, over) => {
    await appendJournal(root, [entry(over), entry({ file: "Golf/good.jpg" })]);
    expect(await readJournal(root)).toMatchObject([{ file: "Golf/good.jpg" }]);
  });
});

describe("likeness", () => {
  const grey = (value: (x: number, y: number) => number) =>
    Float32Array.from({ length: 1024 }, (_, i) => value(i % 32, Math.floor(i / 32)));
  const scene = (x: number, y: number) => 120 + 60 * Math.sin(x / 5) + 40 * Math.cos((x + 2 * y) / 7);

  test("is 1 for what is turned, mirrored, darker or of less contrast", () => {
    const sketch = sketchOf(grey(scene));
    for (const way of [(x: number, y: number) => scene(y, x), (x: number, y: number) => scene(31 - x, 31 - y)]) {
      expect(likeness(sketch, sketchOf(grey(way)))).toBeCloseTo(1, 6);
    }
    expect(likeness(sketch, sketchOf(grey((x, y) => 0.5 * scene(x, y) + 20)))).toBeGreaterThan(0.999);
  });

  test("is Pearson's correlation", () => {
    // By hand: halves 0 and 200 against thirds of the same; 256 values, 128 and 64 of them high, 64 of these in common.
    const a = sketchOf(grey((x) => (x < 16 ? 0 : 200)));
    const b = sketchOf(grey((x) => (x < 24 ? 0 : 200)));
    expect(likeness(a, b)).toBeCloseTo((64 / 256 - 1 / 8) / Math.sqrt((1 / 2) * (1 / 2) * (1 / 4) * (3 / 4)), 6);
    expect(likeness(a, b)).toBeLessThan(ALIKE);
  });

  test("knows nothing of a single colour", () => {
    expect(likeness(sketchOf(grey(scene)), sketchOf(grey(() => 7)))).toBe(0);
  });
});

const photo = (file: string, over: Partial<GoodPhoto> = {}): GoodPhoto => ({
  file,
  label: file.split("/")[0]!,
  named: true,
  sha256: file,
  bytes: 1,
  width: 10,
  height: 10,
  extension: ".jpg",
  odd: [],
  at: 0,
  ...over,
});

describe("copies", () => {
  test("every photo of a repeated content is named once, whatever classes it is in", () => {
    const photos = fc.array(fc.tuple(fc.constantFrom("A", "B", "C"), fc.nat(5), fc.boolean()), { maxLength: 20 });
    fc.assert(
      fc.property(photos, (list) => {
        const all = list.map(([label, content], i) => photo(`${label}/${i}.jpg`, { sha256: `${content}` }));
        const known = new Set(all.filter((_, i) => list[i]![2]).map(({ file }) => file));
        const { exact, conflicts } = findCopies(all, new Looks(1), (file) => known.has(file));
        const dropped = exact.flatMap(({ copies }) => copies);
        expect(new Set(dropped).size).toBe(dropped.length);
        const stays = all.filter(({ file }) => !dropped.includes(file));
        // One of each content per class stays, a known one where there is any.
        const kinds = new Set(all.map(({ label, sha256 }) => `${label} ${sha256}`));
        expect(stays.map(({ label, sha256 }) => `${label} ${sha256}`).sort()).toEqual([...kinds].sort());
        for (const { kept, copies } of exact) if (copies.some((file) => known.has(file))) expect(known).toContain(kept);
        const labels = (sha256: string) =>
          new Set(all.filter((one) => one.sha256 === sha256).map(({ label }) => label));
        const expected = all.filter(({ sha256 }) => labels(sha256).size > 1).map(({ file }) => file);
        expect(conflicts.flat().sort()).toEqual(expected.sort());
      }),
    );
  });

  test("near copies are tied to the largest, and to none that is a copy itself", () => {
    const sketch = Uint8Array.from({ length: 256 }, (_, i) => (i * 97) % 251);
    const other = sketch.toReversed().map((value, i) => (i % 2 === 0 ? value : 0));
    const looks = new Looks(5);
    for (const [at, low] of [0b1111, 0, 0b11, 0b11111111, 0].entries()) {
      looks.set(at, Array(8).fill({ high: 0, low }), at === 4 ? other : sketch);
    }
    const photos = [
      photo("A/small.jpg", { at: 0, width: 5 }),
      photo("A/large.jpg", { at: 1, width: 50 }),
      photo("A/between.jpg", { at: 2, width: 20 }),
      // Six bits from the one between, eight from the largest: a photo of its own.
      photo("A/chain.jpg", { at: 3, width: 4 }),
      // Its hash is the largest's, and nothing else of it.
      photo("A/other.jpg", { at: 4, width: 30 }),
    ];
    const { near } = findCopies(photos, looks, () => false);
    expect(near.map(({ file, of, distance }) => [file, of, distance]).sort()).toEqual([
      ["A/between.jpg", "A/large.jpg", 2],
      ["A/small.jpg", "A/large.jpg", 4],
    ]);
  });
});

describe("the result", () => {
  const error = { code: "EMPTY_FILE", message: "expected content in `Golf/\u001b[2Jx.jpg`" };
  const result: VerifyResult = verifyResult("/data/balls", {
    good: [
      photo("Golf/a.jpg"),
      photo("Golf/b.png", { odd: ["wrong-extension", "cmyk"] }),
      photo("Golf/c.jpg"),
      photo("Tennis/a.jpg"),
    ],
    broken: [{ file: "Golf/\u001b[2Jx.jpg", label: "Golf", named: true, kind: "empty", error }],
    copies: {
      exact: [{ kept: "Golf/a.jpg", copies: ["Golf/c.jpg"] }],
      conflicts: [["Golf/a.jpg", "Golf/c.jpg", "Tennis/a.jpg"]],
      near: [{ file: "Golf/b.png", of: "Tennis/a.jpg", distance: 2, likeness: 0.99 }],
    },
    rowsWithoutFile: [],
    changed: [],
  });

  test("counts per class", () => {
    expect(result.classes).toEqual([
      {
        label: "Golf",
        photos: 4,
        readable: 3,
        broken: { empty: 1 },
        odd: { "wrong-extension": 1, cmyk: 1 },
        copies: 1,
        near_copies: 1,
        two_classes: 2,
      },
      { label: "Tennis", photos: 1, readable: 1, broken: {}, odd: {}, copies: 0, near_copies: 0, two_classes: 1 },
    ]);
    expect(result.near_copies[0]!.two_classes).toBe(true);
  });

  test("counts each file once that is left to be looked at", () => {
    expect(problemsLeft(result, new Set())).toBe(5);
    expect(problemsLeft(result, new Set(["Golf/\u001b[2Jx.jpg", "Golf/b.png", "Golf/c.jpg"]))).toBe(2);
  });

  test("is shown with the columns that it needs, and without a stranger's escape sequences", () => {
    const shown = verifyTable(result);
    expect(shown).not.toContain("\u001b");
    expect(shown.split("\n\n").at(-1)).toBe(
      `class   photos  readable  empty  extension  CMYK  copies  near  two classes
Golf         4         3      1          1     1       1     1            2
Tennis       1         1      ·          ·     ·       ·     ·            1
all          5         4      1          1     1       1     1            3`,
    );
    const many = { ...result, broken: Array.from({ length: 40 }, () => result.broken[0]!) };
    expect(verifyTable(many)).toContain("zero bytes (40)");
    expect(verifyTable(many)).toContain("and 28 more; --json names all");
  });
});

test("a table of one class has no sum", () => {
  expect(countTable({ heads: ["wanted"], rows: [{ label: "Rugby", counts: [3] }] })).toBe(
    "class  wanted\nRugby       3",
  );
});

describe("the sheet", () => {
  test("shows photos of each class evenly", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 50 }), (total, most) => {
        const photos = Array.from({ length: total }, (_, i) => ({ file: `A/${i}`, label: "A" }));
        const [only] = pickPhotos(photos, most);
        const at = only!.photos.map(({ file }) => Number(file.slice(2)));
        expect(at).toHaveLength(Math.min(most, total));
        expect(at[0]).toBe(0);
        const gaps = at.slice(1).map((value, i) => value - at[i]!);
        expect(gaps.every((gap) => Math.abs(gap - total / at.length) < 1)).toBe(true);
      }),
    );
  });

  test("escapes what strangers named, and shows no picture but data of one", () => {
    const evil = `"><script>alert(1)</script>`;
    const page = [
      classSection(evil, 2, [{ file: `A/${evil}`, thumbnail: "javascript:alert(1)" }]),
      togetherSection("Copies", evil, [{ photos: [{ file: evil }], words: evil }], 1),
      countSection("Found", { heads: [evil], rows: [{ label: evil, counts: [0] }] }),
    ].map(text);
    expect(page.join("")).not.toMatch(/<script|javascript:|<img/);
    expect(page[0]).toContain("1 of 2 photos");
  });
});
