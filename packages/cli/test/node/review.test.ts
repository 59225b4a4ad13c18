// The review's desk on a real data set: what it lists, what it takes, what it refuses, and what it does not ask again.

import { existsSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DecideRequest } from "@ballsight/server";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DataVersion, Part } from "../../src/data/version.ts";
import { readEntries } from "../../src/decisions/journal.ts";
import { openInBrowser } from "../../src/review/browser.ts";
import { Desk } from "../../src/review/desk.ts";
import { type DoubtfulPhoto, readIssues } from "../../src/review/issues.ts";
import { partsOf } from "../../src/review/parts.ts";
import { picture } from "../helpers/dataset.ts";
import { copyOf, dark, type Photo, put, sha256, startReview, writeIssues, wrongLabel } from "../helpers/review.ts";
import { ballsight, errorOf } from "../helpers/training.ts";

let folder: string;
let root: string;
let photos: Record<"a" | "b" | "c" | "twin" | "tennis", Photo>;
let desk: Desk | undefined;
let n = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-desk-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  root = join(folder, `balls${n++}`);
  const add = async (file: string, seed: number) =>
    await put(root, file, await picture("Golf", seed, 40).jpeg().toBuffer());
  photos = {
    a: await add("Golf/a.jpg", 1),
    b: await add("Golf/b.jpg", 2),
    c: await add("Golf/c.jpg", 3),
    twin: await add("Golf/twin.jpg", 3),
    tennis: await add("Tennis/t.jpg", 4),
  };
});
afterEach(() => desk?.close());

async function open(issues: Parameters<typeof writeIssues>[1]): Promise<Desk> {
  await desk?.close();
  await writeIssues(root, issues);
  const { photos: doubtful } = await readIssues(join(root, "issues.jsonl"));
  desk = await Desk.open({
    root,
    doubtful,
    who: "ada",
    cache: join(folder, "pictures"),
    parts: () => ({ of: () => "train" }),
  });
  return desk;
}

let step = 0;
const request = (of: Desk, action: DecideRequest["action"], photo: Photo, to?: string): DecideRequest => ({
  step: `step-number-${step++}`,
  base: of.head().revision,
  action,
  to,
  photos: [photo],
});
const states = (of: Desk) =>
  of.review().photos.map(({ file, state: { open, decision, missing } }) => [file, open, decision?.action ?? missing]);
const journal = async () =>
  (await readFile(join(root, "decisions.jsonl"), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("the list", () => {
  test("is by photo, in the file's order; kinds and fields of later versions are taken as they come", async () => {
    await writeIssues(root, [
      { kind: "sticker", file: "Golf/b.jpg", sha256: photos.b.sha256, label: "Golf", extra: { deep: [1] } },
      wrongLabel(photos.a, "Tennis", 0.1, Object.values(photos)),
      dark(photos.b),
    ]);
    await appendFile(
      join(root, "issues.jsonl"),
      'null\n{"kind":"dark","file":"Golf/c.jpg","sha256":"short","label":"x"}\n{"kind":',
    );
    const { photos: doubtful, passedOver } = await readIssues(join(root, "issues.jsonl"));
    expect(passedOver).toBe(3);
    desk = await Desk.open({ root, doubtful, who: "ada", cache: folder, parts: () => ({ of: () => "valid" }) });
    const { photos: listed, classes } = desk.review();
    expect(listed.map(({ file, kinds, part }) => [file, kinds, part])).toEqual([
      ["Golf/b.jpg", ["sticker", "dark"], "valid"],
      ["Golf/a.jpg", ["label"], "valid"],
    ]);
    expect(classes).toEqual(["Golf", "Tennis"]);
    expect(await desk.detail(1)).toMatchObject({
      file: "Golf/a.jpg",
      width: 40,
      height: 40,
      probability: 0.02,
      nearest: {
        given: [{ file: "Golf/b.jpg", sha256: photos.b.sha256 }, {}, {}],
        suggested: [{ file: "Tennis/t.jpg" }],
      },
    });
  });

  test("photos that changed, vanished or moved since are seen by their content", async () => {
    await rename(join(root, "Golf/a.jpg"), join(root, "Tennis/renamed.jpg"));
    await rm(join(root, "Golf/b.jpg"));
    await writeFile(join(root, "Golf/c.jpg"), "something else");
    const of = await open([wrongLabel(photos.a, "Tennis", 0.1), dark(photos.b), dark(photos.c), dark(photos.tennis)]);
    expect(await of.check()).toEqual({ gone: 1, changed: 0 });
    // The twin has the same bytes as what was c, so that photo is still there.
    expect(states(of)).toEqual([
      ["Tennis/renamed.jpg", true, null],
      ["Golf/b.jpg", false, "gone"],
      ["Golf/twin.jpg", true, null],
      ["Tennis/t.jpg", true, null],
    ]);
    await expect(of.decide(request(of, "keep", photos.b))).rejects.toMatchObject({ code: "PHOTO_UNKNOWN" });
  });

  test("nothing outside of the data set is shown, whatever the list says", async () => {
    const outside = await put(folder, "outside.jpg", photos.a.bytes);
    const evil = { ...dark(photos.b), file: "../outside.jpg", sha256: outside.sha256 };
    await mkdir(join(root, ".trash"), { recursive: true });
    const of = await open([
      evil,
      { ...copyOf(photos.b, photos.a), of: { file: "../outside.jpg", label: "x", how: "near", why: "" } },
    ]);
    expect(await of.picture(outside.sha256, "large")).toBeUndefined();
    expect((await of.detail(1))?.of).toBeNull();
    const there = { sha256: outside.sha256, file: "../outside.jpg" };
    await expect(of.decide({ ...request(of, "exclude", photos.b), photos: [there] })).rejects.toMatchObject({
      code: "PHOTO_UNKNOWN",
    });
  });

  test("pictures are JPEGs, made once, and of that content only", async () => {
    const of = await open([dark(photos.a), dark(photos.b)]);
    const jpeg = await of.picture(photos.a.sha256, "small");
    expect(await sharp(jpeg).metadata()).toMatchObject({ format: "jpeg", width: 40 });
    const kept = join(folder, "pictures", photos.a.sha256.slice(0, 2), `${photos.a.sha256}.jpg`);
    expect(sha256(await readFile(kept))).toBe(sha256(jpeg!));
    await writeFile(join(root, "Golf/b.jpg"), photos.c.bytes);
    expect(await of.picture(photos.b.sha256, "small")).toBeUndefined();
    await writeFile(join(root, "Golf/b.jpg"), "no photo");
    expect(await of.picture(sha256(Buffer.from("no photo")), "large")).toBeUndefined();
  });
});

describe("parts", () => {
  // fastai's RandomSplitter(0.25, seed=42) on 8 items holds out the first two of torch.randperm(8): torch 1.13 gives 6 and 3.
  const files = Array.from({ length: 8 }, (_, i) => `Golf/${i}.jpg`);
  const content = (i: number) => i.toString(16).repeat(64);
  const heldOut = (lines: readonly object[], version: DataVersion = []) => {
    const doubtful = lines.map((line) => {
      const issue = { kind: "copy", label: "Golf", score: 0, reason: "", suggestion: { action: "look" }, ...line };
      return { ...issue, issues: [issue] } as unknown as DoubtfulPhoto;
    });
    const parts = partsOf({ files, doubtful, version, valid: 0.25, seed: 42 });
    return files.filter((file, i) => parts.of({ file, sha256: content(i) }) === "valid");
  };
  const about = (i: number) => ({ file: files[i], sha256: content(i) });
  const copy = (i: number, of: number, how: string) => ({
    ...about(i),
    of: { file: files[of], label: "Golf", how, why: "" },
  });

  test("as the seed splits, with copies on one side", () => {
    expect(heldOut([])).toEqual([files[3], files[6]]);
    expect(heldOut([copy(0, 6, "near")])).toEqual([files[0], files[6]]);
    expect(heldOut([copy(0, 6, "crop")])).toEqual([files[3], files[6]]);
    // Three have no room.
    expect(heldOut([copy(0, 6, "bytes"), copy(0, 7, "near")])).toHaveLength(2);
    expect(heldOut([copy(0, 6, "bytes"), copy(0, 7, "near")])).not.toContain(files[6]);
  });

  test("as the list says; what it does not say is not held out", () => {
    expect(
      heldOut([
        { ...about(1), split: "valid" },
        { ...about(6), split: "out" },
      ]),
    ).toEqual([files[1]]);
    expect(heldOut([{ ...about(1), split: "sideways" }])).toEqual([files[3], files[6]]);
  });

  test("as the run says that somebody named, of bytes under two names too", () => {
    const line = (i: number, split: Part, sha256 = content(i)) => ({ sha256, file: files[i]!, label: "Golf", split });
    const version = [line(1, "train"), line(2, "valid"), line(4, "valid", content(5)), line(5, "train")];
    expect(
      heldOut(
        [
          { ...about(1), split: "valid" },
          { ...about(7), split: "valid" },
        ],
        version,
      ),
    ).toEqual([files[2], files[7]]);
  });
});

test("the other label of a copy, and what its own costs", async () => {
  const lines = [
    { ...copyOf(photos.a, photos.tennis), loss: 3.5 },
    wrongLabel(photos.b, "Tennis", 0.1),
    { ...wrongLabel(photos.c, "Tennis", 0.2), loss: 5 },
    dark(photos.tennis),
  ];
  const { photos: listed } = (await open(lines)).review();
  expect(listed.map(({ rival }) => rival)).toEqual(["Tennis", undefined, undefined, undefined]);
  // Of a probability of 0.02: -ln 0.02 is 3.912.
  expect(listed.map(({ loss }) => loss?.toFixed(3))).toEqual(["3.500", "3.912", "5.000", undefined]);
});

test("small pictures of other data sets, kept in the same folder, are not shown", async () => {
  const of = await open([dark(photos.a)]);
  const stranger = "ab".repeat(32);
  await mkdir(join(folder, "pictures", "ab"), { recursive: true });
  await writeFile(join(folder, "pictures", "ab", `${stranger}.jpg`), photos.b.bytes);
  expect(await of.picture(stranger, "small")).toBeUndefined();
});

test.skipIf(process.platform !== "linux")(
  "the browser is told of a file for this user's eyes, not of the token",
  async () => {
    const bin = join(folder, "bin");
    const heard = join(folder, "heard");
    await mkdir(bin);
    await writeFile(
      join(bin, "xdg-open"),
      `#!/bin/sh\nprintf '%s' "$*" > '${heard}.part' && mv '${heard}.part' '${heard}'\n`,
      {
        mode: 0o755,
      },
    );
    const path = process.env.PATH;
    process.env.PATH = `${bin}:${path}`;
    const address = "http://127.0.0.1:7861/a-secret-token/";
    const close = await openInBrowser(address, join(folder, "doors"));
    process.env.PATH = path;
    await expect.poll(() => existsSync(heard), { timeout: 30_000 }).toBe(true);
    const door = await readFile(heard, "utf8");
    expect(door).not.toContain("secret");
    expect((await stat(door)).mode & 0o777).toBe(0o600);
    expect(await readFile(door, "utf8")).toContain(`url=${address}"`);
    await close();
    expect(existsSync(door)).toBe(false);
  },
);

describe("decisions", () => {
  test("say who, when, why, from and to, and survive the desk", async () => {
    const of = await open([wrongLabel(photos.a, "Tennis", 0.1), dark(photos.b)]);
    await of.decide(request(of, "relabel", photos.a, "Tennis"));
    const [line] = await journal();
    expect(line).toMatchObject({
      who: "ada",
      action: "relabel",
      sha256: photos.a.sha256,
      file: "Golf/a.jpg",
      from: "Golf",
      to: "Tennis",
      why: [{ kind: "label", score: 0.1, label: "Tennis" }],
    });
    expect(Math.abs(Date.now() - Date.parse(line.at))).toBeLessThan(600_000);
    const again = await open([wrongLabel(photos.a, "Tennis", 0.1), dark(photos.b)]);
    expect(states(again)).toEqual([
      ["Golf/a.jpg", false, "relabel"],
      ["Golf/b.jpg", true, null],
    ]);
    const { step: last } = again.review().last!;
    await again.undo(last);
    await again.undo(last);
    expect(states(again)[0]).toEqual(["Golf/a.jpg", true, null]);
    expect((await journal()).map(({ action }) => action)).toEqual(["relabel", "undo"]);
  });

  test("sent twice are made once; outdated ones are refused with how things stand", async () => {
    const of = await open([dark(photos.a), dark(photos.b)]);
    const base = of.head().revision;
    const first = request(of, "keep", photos.a);
    await of.decide(first);
    await of.decide(first);
    expect(await journal()).toHaveLength(1);
    const late = { ...request(of, "exclude", photos.a), base };
    await expect(of.decide(late)).rejects.toMatchObject({
      code: "DECISION_OUTDATED",
      details: { changes: { revision: 1, changes: [{ id: 0, state: { decision: { action: "keep" } } }] } },
    });
    // Another photo's decision is nobody's conflict.
    await of.decide({ ...request(of, "exclude", photos.b), base });
    await expect(of.undo(first.step)).rejects.toMatchObject({ code: "DECISION_OUTDATED" });
    await expect(of.decide(request(of, "relabel", photos.a, "../elsewhere"))).rejects.toMatchObject({
      code: "BAD_OPTION",
    });
    expect(await journal()).toHaveLength(2);
  });

  test("answers say all that others decided since what the tab knew, so that nothing is taken for seen", async () => {
    const of = await open([dark(photos.a), dark(photos.b), dark(photos.c)]);
    const base = of.head().revision;
    await of.decide(request(of, "keep", photos.a));
    const heard: number[] = [];
    of.subscribe(({ changes }) => heard.push(...changes.map(({ id }) => id)));
    const answer = await of.decide({ ...request(of, "exclude", photos.b), base });
    expect(answer.revision).toBe(2);
    expect(answer.changes.map(({ id, state }) => [id, state.decision?.action])).toEqual([
      [0, "keep"],
      [1, "exclude"],
    ]);
    // Other tabs had the first one told before.
    expect(heard).toEqual([1]);
    const refused = of.decide({ ...request(of, "keep", photos.b), base });
    await expect(refused).rejects.toMatchObject({
      details: { changes: { revision: 2, changes: [{ id: 0 }, { id: 1 }] } },
    });
  });

  test("a step that a kill cut off in the middle is written to its end when it is sent again", async () => {
    const all = [photos.a, photos.b, photos.c, photos.twin, photos.tennis];
    let of = await open(all.map(dark));
    const step = { ...request(of, "exclude", photos.a), photos: all };
    await of.decide(step);
    const path = join(root, "decisions.jsonl");
    const lines = (await readFile(path, "utf8")).split("\n");
    await of.close();
    await writeFile(path, `${lines.slice(0, 2).join("\n")}\n${lines[2]!.slice(0, 40)}`);
    of = await open(all.map(dark));
    await of.decide(step);
    await of.decide(step);
    expect(states(of).map(([, , action]) => action)).toEqual(Array(5).fill("exclude"));
    const { entries, passedOver } = await readEntries(root);
    expect(entries.map((entry) => entry.action !== "undo" && [entry.step, entry.file])).toEqual(
      all.map(({ file }) => [step.step, file]),
    );
    expect(passedOver).toBe(1);
    await of.undo(step.step);
    expect(states(of).map(([, isOpen]) => isOpen)).toEqual(Array(5).fill(true));
  });

  test("of two at the same moment one is refused", async () => {
    const of = await open([dark(photos.a)]);
    const both = [request(of, "keep", photos.a), request(of, "exclude", photos.a)];
    const outcomes = await Promise.allSettled(both.map((one) => of.decide(one)));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(await journal()).toHaveLength(1);
  });

  test("of copies byte for byte each has its own, and tells which content must stay", async () => {
    const of = await open([copyOf(photos.twin, photos.c, "bytes"), dark(photos.c)]);
    await of.decide(request(of, "exclude", photos.twin));
    expect(states(of)).toEqual([
      ["Golf/twin.jpg", false, "exclude"],
      ["Golf/c.jpg", true, null],
    ]);
    expect((await journal())[0]).toMatchObject({ file: "Golf/twin.jpg", of: photos.c.sha256 });
  });

  test("what was kept is not asked again, unless the opinion changed a lot", async () => {
    let of = await open([wrongLabel(photos.a, "Tennis", 0.4)]);
    await of.decide(request(of, "keep", photos.a));
    of = await open([wrongLabel(photos.a, "Tennis", 0.3)]);
    expect(states(of)).toEqual([["Golf/a.jpg", false, "keep"]]);
    of = await open([wrongLabel(photos.a, "Tennis", 0.05)]);
    expect(states(of)).toEqual([["Golf/a.jpg", true, "keep"]]);
    await of.decide(request(of, "keep", photos.a));
    expect(states(of)).toEqual([["Golf/a.jpg", false, "keep"]]);
  });

  test("after a copy was taken out, the photo that stayed waits for its own decision", async () => {
    let of = await open([copyOf(photos.twin, photos.c, "bytes"), dark(photos.c)]);
    await of.decide(request(of, "exclude", photos.twin));
    await of.close();
    for (const moved of [1, 0]) {
      const { stdout } = await ballsight(["apply", root, "--json"], { cwd: folder });
      expect(JSON.parse(stdout)).toMatchObject({ left: [] });
      expect(JSON.parse(stdout).moved).toHaveLength(moved);
    }
    of = await open([dark(photos.c)]);
    expect(states(of)).toEqual([["Golf/c.jpg", true, null]]);
  });

  test("undoing what was applied says that this brings nothing back", async () => {
    let of = await open([dark(photos.a), dark(photos.b)]);
    await of.decide(request(of, "exclude", photos.a));
    await of.close();
    await ballsight(["apply", root], { cwd: folder });
    of = await open([dark(photos.b)]);
    const applied = of.review().last!.step;
    const later = request(of, "keep", photos.b);
    await of.decide(later);
    expect((await of.undo(later.step)).applied).toBe(0);
    expect((await of.undo(applied)).applied).toBe(1);
    // The same answer where it was lost on the way.
    expect((await of.undo(applied)).applied).toBe(1);
  });

  test("after apply the photo is found where it is, and its label is settled", async () => {
    let of = await open([wrongLabel(photos.a, "Tennis", 0.1)]);
    await of.decide(request(of, "relabel", photos.a, "Tennis"));
    await of.close();
    await ballsight(["apply", root], { cwd: folder });
    of = await open([wrongLabel(photos.a, "Tennis", 0.1)]);
    await of.check();
    expect(states(of)).toEqual([["Tennis/a.jpg", false, "relabel"]]);
  });
});

describe("the command", () => {
  const run = (...args: string[]) => ballsight(["review", ...args, "--no-open"], { cwd: folder });

  test("says what is missing or wrong", async () => {
    expect(errorOf(await run(root)).code).toBe("ISSUES_MISSING");
    expect(errorOf(await run(join(folder, "nowhere"))).code).toBe("DATA_NOT_A_FOLDER");
    await writeIssues(root, []);
    expect(errorOf(await run(root, "--port", "99999")).code).toBe("BAD_OPTION");
    expect(errorOf(await run(root, "--valid", "1")).code).toBe("BAD_OPTION");
    const version = await run(root, "--data-version", join(root, "issues.jsonl"));
    expect(errorOf(version).code).toBe("DATA_VERSION_INVALID");
  });

  test("one review at a time; what has gone is one line", async () => {
    await writeIssues(root, [dark(photos.a), dark(photos.b)]);
    await rm(join(root, "Golf/b.jpg"));
    const review = await startReview(root, join(folder, "cache"));
    try {
      expect(errorOf(await run(root)).code).toBe("DATA_BUSY");
      await expect
        .poll(review.said, { timeout: 60_000 })
        .toMatch(/^ballsight: photos that are not as `clean` saw them: 1 gone; .*\n$/);
      expect((await fetch(review.address)).status).toBe(200);
      expect((await fetch(new URL("/", review.address))).status).toBe(404);
    } finally {
      expect(await review.end()).toBe(0);
    }
  });
});
