// `ballsight apply`: photos moved as decided, looked at beforehand, taken back byte for byte, and what stands in its way.

import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CREDITS_MARK } from "../../src/collect/credits.ts";
import { applyDecisions, previewApply } from "../../src/decisions/apply.ts";
import { holdReview } from "../../src/decisions/lock.ts";
import { previewUndo, type Undone, undoApply } from "../../src/decisions/undo.ts";
import { fill, picture } from "../helpers/dataset.ts";
import { decide, decidedBalls, photosAndRecords, withCredits } from "../helpers/decided.ts";
import { sha256 } from "../helpers/review.ts";
import { ballsight, errorOf } from "../helpers/training.ts";

let folder: string;
let root: string;
let n = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-apply-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  root = join(folder, `balls${n++}`);
  await decidedBalls(root);
});

const run = (...args: string[]) => ballsight(args, { cwd: folder });
async function applied(...args: string[]) {
  const { code, stdout, stderr } = await run("apply", root, "--json", ...args);
  return { code, stderr, ...(JSON.parse(stdout || "{}") as Result) };
}
interface Result {
  readonly moved: { file: string; to: string; action: string }[];
  readonly left: { reason: string; file: string }[];
  readonly failed: { file: string; outcome: string }[];
  readonly passed_over: number;
  readonly held_out?: number;
}
const pairs = ({ moved }: Result) => moved.map(({ file, to }) => [file, to]);
const rows = async () => (await readFile(join(root, "metadata.jsonl"), "utf8")).trimEnd().split(/\r?\n/);

const MOVES = [
  ["Golf/a.jpg", "Tennis/a-2.jpg"],
  ["Golf/b.jpg", ".trash/Golf/b.jpg"],
  ["Golf/c.jpg", "Rugby/c.jpg"],
];

describe("there and back", () => {
  test("a dry run says exactly what will be done, and does nothing", async () => {
    const before = await photosAndRecords(root);
    const dry = await applied("--dry-run");
    expect(pairs(dry)).toEqual(MOVES);
    const { stdout } = await run("apply", root, "--dry-run");
    for (const [file, to] of MOVES) expect(stdout).toContain(`${file} -> ${to}`);
    expect(await photosAndRecords(root)).toEqual(before);
    const real = await applied();
    expect(pairs(real)).toEqual(pairs(dry));
    expect(real.code).toBe(0);
  });

  test("photos are moved, metadata.jsonl follows, and doing it again does nothing", async () => {
    const before = await photosAndRecords(root);
    await applied();
    const after = await photosAndRecords(root);
    for (const [file, to] of MOVES) {
      expect(after[to!]).toBe(before[file!]);
      expect(after).not.toHaveProperty([file!]);
    }
    expect(Object.keys(after)).toHaveLength(Object.keys(before).length);
    expect(await rows()).toEqual([
      '{"file_name":"Tennis/a-2.jpg","label":"Tennis","creator":"Ada","license":"by"}',
      "not a row",
      // Without a label of its own the folder is its label.
      '{"file_name":"Rugby/c.jpg","creator":"Cleo"}',
      '{"file_name": "Tennis/a.jpg", "label": "Tennis", "creator": "Dora", "license": "by"}',
      '{"file_name": "Golf/gone.jpg", "label": "Golf"}',
    ]);
    expect(await applied()).toMatchObject({ code: 0, moved: [], left: [], failed: [] });
    expect(await photosAndRecords(root)).toEqual(after);
  });

  test("undo restores the folder byte for byte, and apply does it all again", async () => {
    await withCredits(root, `${CREDITS_MARK}\nold words\n`);
    const before = await photosAndRecords(root);
    await applied();
    const after = await photosAndRecords(root);
    expect(after["CREDITS.md"]).not.toBe(before["CREDITS.md"]);
    const preview = await applied("--undo", "--dry-run");
    expect(await photosAndRecords(root)).toEqual(after);
    const undone = await applied("--undo");
    expect(pairs(undone)).toEqual(pairs(preview));
    expect(pairs(undone)).toEqual(MOVES.toReversed());
    expect(await photosAndRecords(root)).toEqual(before);
    expect(await applied("--undo")).toMatchObject({ code: 0, moved: [] });
    expect(pairs(await applied())).toEqual(MOVES);
    expect(await photosAndRecords(root)).toEqual(after);
  });

  test("two applies are undone one after the other", async () => {
    const start = await photosAndRecords(root);
    await applied();
    await decide(root, "Tennis/a.jpg", "exclude");
    const between = await photosAndRecords(root);
    expect(pairs(await applied())).toEqual([["Tennis/a.jpg", ".trash/Tennis/a.jpg"]]);
    await applied("--undo");
    expect(await photosAndRecords(root)).toEqual(between);
    await applied("--undo");
    const { "decisions.jsonl": _, ...now } = await photosAndRecords(root);
    const { "decisions.jsonl": __, ...then } = start;
    expect(now).toEqual(then);
  });

  test("metadata.jsonl that somebody changed meanwhile keeps the change", async () => {
    await applied();
    await appendFile(join(root, "metadata.jsonl"), '{"file_name":"Tennis/new.jpg","label":"Tennis"}\n');
    await applied("--undo");
    const now = await rows();
    expect(now).toContain('{"file_name":"Tennis/new.jpg","label":"Tennis"}');
    const names = now.flatMap((line) => (line.startsWith("{") ? [JSON.parse(line).file_name] : []));
    expect(names.sort()).toEqual([
      "Golf/a.jpg",
      "Golf/b.jpg",
      "Golf/c.jpg",
      "Golf/gone.jpg",
      "Tennis/a.jpg",
      "Tennis/new.jpg",
    ]);
  });
});

describe("with the trash", () => {
  test("`restore` brings a photo back with its row, and apply leaves it there", async () => {
    await applied();
    const { stdout } = await run("restore", root, "--list");
    expect(stdout).toContain("Golf/b.jpg  review, blurred");
    await run("restore", root, "Golf/b.jpg");
    expect((await rows()).some((line) => line.includes("Golf/b.jpg"))).toBe(true);
    expect(await applied()).toMatchObject({ moved: [], left: [{ reason: "restored", file: "Golf/b.jpg" }] });
    expect(await applied("--undo")).toMatchObject({ code: 0 });
    expect(Object.keys(await photosAndRecords(root))).toContain("Golf/b.jpg");
  });

  test("a photo in the way stays, the other waits, and undo goes on once it is gone", async () => {
    const before = await photosAndRecords(root);
    await applied();
    await writeFile(join(root, "Golf/b.jpg"), "another");
    expect(await applied("--undo")).toMatchObject({ code: 1, failed: [{ file: "Golf/b.jpg", outcome: "blocked" }] });
    expect(await readFile(join(root, "Golf/b.jpg"), "utf8")).toBe("another");
    await rm(join(root, "Golf/b.jpg"));
    expect(await applied("--undo")).toMatchObject({ code: 0, failed: [] });
    expect(await photosAndRecords(root)).toEqual(before);
  });
});

describe("photos that somebody changed meanwhile", () => {
  const silent = { onProgress: () => undefined };
  const outcomes = ({ failed }: Pick<Undone, "failed">) => failed.map(({ move, outcome }) => [move.file, outcome]);

  test("an apply that was cut off finishes without what is not the photo that was decided about", async () => {
    // As after a kill: the plan is on the disk, and not one photo was moved.
    await applyDecisions(root, silent);
    await undoApply(root, silent);
    const plan = join(root, ".review/applied/000001.jsonl");
    await writeFile(plan, (await readFile(plan, "utf8")).replaceAll(/\{"status".*\n/g, ""));
    await writeFile(join(root, "Golf/b.jpg"), "another");
    await writeFile(join(root, "Golf/c.jpg"), "a third one");
    const dry = await previewApply(root, silent);
    const real = await applyDecisions(root, silent);
    expect(outcomes(real)).toEqual([
      ["Golf/b.jpg", "changed"],
      ["Golf/c.jpg", "changed"],
    ]);
    expect([dry.failed, dry.moved, dry.resumed]).toEqual([real.failed, real.moved, real.resumed]);
    const now = await photosAndRecords(root);
    expect(Object.keys(now)).toContain("Tennis/a-2.jpg");
    expect(await readFile(join(root, "Golf/b.jpg"), "utf8")).toBe("another");
    expect((await rows()).some((line) => line.includes("Golf/b.jpg"))).toBe(true);
  });

  test("undo leaves them where they are, and its dry run says so", async () => {
    await applyDecisions(root, silent);
    await writeFile(join(root, "Tennis/a-2.jpg"), "edited");
    await rm(join(root, ".trash/Golf/b.jpg"));
    await writeFile(join(root, "Golf/c.jpg"), "in the way");
    const dry = await previewUndo(root);
    const real = await undoApply(root, silent);
    expect(outcomes(real)).toEqual([
      ["Golf/c.jpg", "blocked"],
      ["Golf/b.jpg", "missing"],
      ["Golf/a.jpg", "changed"],
    ]);
    expect([dry.moved, dry.failed]).toEqual([real.moved, real.failed]);
    expect(await readFile(join(root, "Tennis/a-2.jpg"), "utf8")).toBe("edited");
  });

  test.each([true, false])(
    "a CREDITS.md that somebody wrote by hand is theirs, with metadata.jsonl: %s",
    async (has) => {
      if (!has) await rm(join(root, "metadata.jsonl"));
      await withCredits(root, "thanks to everybody\n");
      await applyDecisions(root, silent);
      await withCredits(root, "thanks to Ada\n");
      await undoApply(root, silent);
      expect(await readFile(join(root, "CREDITS.md"), "utf8")).toBe("thanks to Ada\n");
    },
  );
});

describe("after a new collection", () => {
  test("what was taken out goes again under any name, what was relabelled too, and the rest is left", async () => {
    await applied();
    await fill(root, {
      "Golf/again.jpg": picture("Golf", 2).jpeg(),
      "Golf/tennis.jpg": picture("Tennis", 1).jpeg(),
      "Golf/fresh.jpg": picture("Golf", 9).jpeg(),
      "Golf/d2.jpg": picture("Golf", 4).jpeg(),
    });
    expect(pairs(await applied())).toEqual([
      ["Golf/again.jpg", ".trash/Golf/again.jpg"],
      ["Golf/tennis.jpg", "Tennis/tennis.jpg"],
    ]);
  });
});

describe("bad input", () => {
  test("a torn last line costs that line alone", async () => {
    const text = await readFile(join(root, "decisions.jsonl"), "utf8");
    await writeFile(join(root, "decisions.jsonl"), `${text}${text.slice(0, 70)}`);
    expect(await applied()).toMatchObject({ code: 0, passed_over: 1 });
  });

  test("photos that changed or vanished since: one line, the others are moved", async () => {
    await writeFile(join(root, "Golf/a.jpg"), await picture("Golf", 30).jpeg().toBuffer());
    await rm(join(root, "Golf/b.jpg"));
    const { code, stdout } = await run("apply", root);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toEqual([
      "Golf/c.jpg -> Rugby/c.jpg  (label)",
      "Golf/a.jpg, Golf/b.jpg are not there any more, deleted or changed since",
      "1 photo moved to another class; take it back with --undo",
    ]);
  });

  test("a class that loses its last photo is named", async () => {
    await decide(root, "Tennis/a.jpg", "exclude");
    await decide(root, "Golf/a.jpg", "keep");
    expect(await applied("--dry-run")).toMatchObject({ code: 0, emptied: ["Tennis"] });
    expect((await run("apply", root)).stdout).toContain("Tennis: no photo is left there\n");
  });

  test("a data set without decisions, a folder that is none, one that is under review", async () => {
    await rm(join(root, "decisions.jsonl"));
    expect(await run("apply", root)).toMatchObject({ code: 0, stdout: "nothing to do: no decision asks for a move\n" });
    expect(Object.keys(await photosAndRecords(root))).not.toContain(".trash/journal.jsonl");
    expect(errorOf(await run("apply", join(folder, "nowhere"))).code).toBe("DATA_NOT_A_FOLDER");
    await decide(root, "Golf/a.jpg", "exclude");
    const lock = await holdReview(root);
    expect(errorOf(await run("apply", root)).code).toBe("DATA_BUSY");
    expect(await applied("--dry-run")).toMatchObject({ code: 0, moved: [{ file: "Golf/a.jpg" }] });
    await lock.release();
  });

  test("a plan of a stranger leads nowhere else", async () => {
    await applied();
    const plan = join(root, ".review/applied/000001.jsonl");
    const outside = join(folder, "outside.jpg");
    await writeFile(outside, "precious");
    const evil = { action: "move", file: "Golf/x.jpg", to: "../outside.jpg", sha256: "0".repeat(64), why: [] };
    await writeFile(
      plan,
      `${JSON.stringify({ ballsight: "apply", at: "2026", made: ["../x"] })}\n${JSON.stringify(evil)}\n`,
    );
    await applied("--undo");
    expect(await readFile(outside, "utf8")).toBe("precious");
  });
});

describe("photos that models are measured on", () => {
  test("are counted as the list says, before they are moved and when they are", async () => {
    const line = async (file: string, split: string) =>
      `${JSON.stringify({ kind: "label", file, label: "Golf", split, sha256: sha256(await readFile(join(root, file))) })}\n`;
    await writeFile(
      join(root, "issues.jsonl"),
      (await line("Golf/a.jpg", "valid")) + (await line("Golf/b.jpg", "train")),
    );
    for (const args of [["--dry-run"], []]) {
      const { held_out, stderr } = await applied(...args);
      expect(held_out).toBe(1);
      expect(stderr).toBe(
        "ballsight: 1 photo is held out: what is changed there changes what accuracy is measured on\n",
      );
    }
    expect((await applied("--undo")).stderr).toBe("");
  });

  test("are those of train's own split where no run is known", async () => {
    const { held_out, stderr } = await applied("--dry-run");
    // A tenth of five photos is none.
    expect([held_out, stderr]).toEqual([0, ""]);
    for (let i = 0; i < 5; i++) await writeFile(join(root, `Tennis/b${i}.jpg`), `${i}`);
    const more = await applied("--dry-run");
    // fastai holds out the first of torch.randperm(10): torch 1.13 gives 2 with seed 42, which is Golf/c.jpg.
    expect(more.held_out).toBe(1);
    expect(more.stderr).toContain("held out by the split that `train` makes by default");
  });
});
