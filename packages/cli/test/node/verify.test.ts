// `ballsight verify`: every kind of fault found and put right, copies, metadata, the sheet; and `restore`, which takes it all back.

import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "@ballsight/server/photos";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CREDITS_MARK } from "../../src/collect/credits.ts";
import { tryLock } from "../../src/run/lock.ts";
import { fill, picture, snapshot, withSize } from "../helpers/dataset.ts";
import { ballsight, errorOf } from "../helpers/training.ts";

let folder: string;
let root: string;
let serial = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-verify-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  root = join(folder, `set${serial++}`);
  await mkdir(root);
});

const run = (...args: string[]) => ballsight(args, { cwd: folder });

async function verify(...args: string[]) {
  const outcome = await run("verify", root, "--json", ...args);
  return { code: outcome.code, stderr: outcome.stderr, result: JSON.parse(outcome.stdout || "null") };
}

const kindsOf = (result: { broken: { file: string; kind: string }[] }) =>
  Object.fromEntries(result.broken.map(({ file, kind }) => [file, kind]));

/** Two classes of two whole photos each. */
const healthy = () => ({
  "Golf/a.jpg": picture("Golf", 1).jpeg(),
  "Golf/b.png": picture("Golf", 2).png(),
  "Tennis/a.jpg": picture("Tennis", 3).jpeg(),
  "Tennis/b.webp": picture("Tennis", 4).webp(),
});

async function brokenFiles() {
  const jpeg = await picture("Golf", 10).jpeg().toBuffer();
  const png = await picture("Golf", 11).png().toBuffer();
  return {
    "Golf/bomb.png": withSize(png, 30_000, 30_000),
    "Golf/cut.jpg": jpeg.subarray(0, jpeg.length / 2),
    "Golf/drawing.png": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "Golf/empty.jpg": "",
    "Golf/page.jpg": "<!doctype html><title>404</title>",
    "Tennis/narrow.png": withSize(png, 20_000, 10),
    "Tennis/noise.jpg": Buffer.from("\xff\xd8\xff\xe0 and nothing that follows", "latin1"),
  };
}

async function oddFiles() {
  const frames = await Promise.all([20, 21].map((seed) => picture("Golf", seed).png().toBuffer()));
  return {
    "Golf/film.gif": sharp(frames, { join: { animated: true } }).gif(),
    "Golf/really.png": picture("Golf", 22).jpeg(),
    "Golf/noending": picture("Golf", 23).jpeg(),
    "Golf/notes.txt": "bought at the second-hand shop",
    "Tennis/cmyk.jpg": picture("Tennis", 24).toColourspace("cmyk").jpeg(),
    "Tennis/deep.png": picture("Tennis", 25).toColourspace("rgb16").png(),
    "Tennis/turned.jpg": picture("Tennis", 26).withMetadata({ orientation: 6 }).jpeg(),
  };
}

test("nothing to be put right", async () => {
  await fill(root, healthy());
  const before = await snapshot(root);
  const { code, stdout, stderr } = await run("verify", root);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toBe(`class   photos  readable
Golf         2         2
Tennis       2         2
all          4         4

4 of 4 photos can be read; nothing to be put right
`);
  expect(await snapshot(root)).toEqual(before);
});

describe("what is broken", () => {
  test("is said by kind, and moved by --fix alone", async () => {
    await fill(root, { ...healthy(), ...(await brokenFiles()) });
    const before = await snapshot(root);
    const { code, result, stderr } = await verify();
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    const kinds = {
      "Golf/bomb.png": "too-large",
      "Golf/cut.jpg": "truncated",
      "Golf/drawing.png": "unsupported",
      "Golf/empty.jpg": "empty",
      "Golf/page.jpg": "not-an-image",
      "Tennis/narrow.png": "too-narrow",
      "Tennis/noise.jpg": "truncated",
    };
    expect(kindsOf(result)).toEqual(kinds);
    expect([result.photos, result.readable, result.left]).toEqual([11, 4, 7]);
    expect(result.classes).toMatchObject([
      { label: "Golf", photos: 7, readable: 2, broken: { "too-large": 1, truncated: 1, empty: 1 }, copies: 0 },
      { label: "Tennis", photos: 4, readable: 2, broken: { "too-narrow": 1, truncated: 1 } },
    ]);
    expect(await snapshot(root)).toEqual(before);

    const fixed = await verify("--fix");
    expect(fixed.code).toBe(0);
    expect(fixed.result.fixes).toEqual({
      done: Object.entries(kinds).map(([file, kind]) => ({ action: "trash", file, now: null, why: [kind] })),
      failed: [],
    });
    const { ".trash/journal.jsonl": _, ...after } = await snapshot(root);
    const moved = Object.entries(before).map(([file, hash]) => [file in kinds ? `.trash/${file}` : file, hash]);
    expect(after).toEqual(Object.fromEntries(moved));
    expect(await verify()).toMatchObject({ code: 0, result: { photos: 4, readable: 4, broken: [] } });

    expect((await run("restore", root)).code).toBe(0);
    const { ".trash/journal.jsonl": __, ...restored } = await snapshot(root);
    expect(restored).toEqual(before);
  });

  test.skipIf(process.getuid?.() === 0)("stays where it is when it only cannot be read", async () => {
    await fill(root, healthy());
    await chmod(join(root, "Golf/a.jpg"), 0);
    expect(await verify("--fix")).toMatchObject({
      code: 1,
      result: { broken: [{ file: "Golf/a.jpg", kind: "unreadable" }] },
    });
  });

  test("a link that leads nowhere is reported and stays", async () => {
    await fill(root, healthy());
    await symlink("nowhere.jpg", join(root, "Golf/link.jpg"));
    const { code, result } = await verify("--fix");
    expect({ code, kinds: kindsOf(result) }).toEqual({ code: 1, kinds: { "Golf/link.jpg": "unreadable" } });
    expect(result.fixes.done).toEqual([]);
  });
});

describe("what only looks wrong", () => {
  test("is named, and nothing is changed", async () => {
    await fill(root, { ...healthy(), ...(await oddFiles()) });
    const before = await snapshot(root);
    const { code, result } = await verify();
    const kinds = Object.fromEntries(
      result.odd.map(({ file, kinds }: { file: string; kinds: string[] }) => [file, kinds]),
    );
    expect(kinds).toEqual({
      "Golf/film.gif": ["animated"],
      "Golf/noending": ["wrong-extension"],
      "Golf/really.png": ["wrong-extension"],
      "Tennis/cmyk.jpg": ["cmyk"],
      "Tennis/deep.png": ["16-bit"],
      "Tennis/turned.jpg": ["exif-rotated"],
    });
    // Training does not see a file without a photo's name: that is worth a 1. The others are read as they should be.
    expect({ code, left: result.left, photos: result.photos }).toEqual({ code: 1, left: 2, photos: 10 });
    expect(await snapshot(root)).toEqual(before);
  });

  test("--fix renames, --reencode stores anew what looks the same", async () => {
    await fill(root, { ...healthy(), ...(await oddFiles()), "Golf/really.jpg": picture("Golf", 30).jpeg() });
    const before = await snapshot(root);
    const files = ["Golf/film.gif", "Tennis/cmyk.jpg", "Tennis/deep.png", "Tennis/turned.jpg"];
    const seen = await Promise.all(files.map(async (file) => decode(await readFile(join(root, file)), file)));
    const { code, result } = await verify("--fix", "--reencode");
    expect(code).toBe(0);
    expect(result.fixes.done).toEqual([
      { action: "rename", file: "Golf/noending", now: "Golf/noending.jpg", why: ["wrong-extension"] },
      { action: "rename", file: "Golf/really.png", now: "Golf/really-2.jpg", why: ["wrong-extension"] },
      { action: "reencode", file: "Golf/film.gif", now: "Golf/film.png", why: ["animated"] },
      { action: "reencode", file: "Tennis/cmyk.jpg", now: "Tennis/cmyk.jpg", why: ["cmyk"] },
      { action: "reencode", file: "Tennis/deep.png", now: "Tennis/deep.png", why: ["16-bit"] },
      { action: "reencode", file: "Tennis/turned.jpg", now: "Tennis/turned.jpg", why: ["exif-rotated"] },
    ]);
    for (const [i, { now }] of result.fixes.done.slice(2).entries()) {
      const bytes = await readFile(join(root, now));
      const { pages = 1, depth, space, orientation = 1 } = await sharp(bytes).metadata();
      expect({ pages, depth, space, orientation }).toEqual({ pages: 1, depth: "uchar", space: "srgb", orientation: 1 });
      const { width, height, data } = await decode(bytes, now);
      const was = seen[i]!;
      expect([width, height]).toEqual([was.width, was.height]);
      const differences = was.data.map((value, at) => Math.abs(value - data[at]!));
      expect(differences.reduce((sum, value) => sum + value, 0) / differences.length).toBeLessThan(1.5);
    }
    expect(await verify()).toMatchObject({ code: 0, result: { odd: [], photos: 11 } });

    // Originals come back, and what was made of them goes.
    const { restored } = JSON.parse((await run("restore", root, "--json")).stdout);
    expect(restored.map(({ file }: { file: string }) => file)).toEqual(files);
    const { ".trash/journal.jsonl": _, ...after } = await snapshot(root);
    const names: Record<string, string> = {
      "Golf/noending": "Golf/noending.jpg",
      "Golf/really.png": "Golf/really-2.jpg",
    };
    expect(after).toEqual(
      Object.fromEntries(Object.entries(before).map(([file, hash]) => [names[file] ?? file, hash])),
    );
  });

  test("transparency survives, and raw files of cameras are left alone", async () => {
    const translucent = sharp({
      create: { width: 50, height: 50, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0.5 } },
    });
    const tiff = await picture("Golf", 5).tiff().toBuffer();
    await fill(root, {
      ...healthy(),
      "Golf/glass.png": translucent.toColourspace("rgb16").png(),
      "Golf/raw.nef": tiff,
    });
    const { result } = await verify("--fix", "--reencode");
    expect(result.fixes.done.map(({ file }: { file: string }) => file)).toEqual(["Golf/glass.png"]);
    const { channels, depth } = await sharp(join(root, "Golf/glass.png")).metadata();
    expect({ channels, depth }).toEqual({ channels: 4, depth: "uchar" });
  });
});

describe("copies", () => {
  test("within a class, under two classes, and near ones", async () => {
    await fill(root, {
      ...healthy(),
      "Golf/copy.jpg": picture("Golf", 1).jpeg(),
      "Tennis/conflict.png": picture("Golf", 2).png(),
      "Tennis/mirrored.jpg": picture("Tennis", 4).resize(48).flop().jpeg(),
      "Golf/wrong.webp": picture("Tennis", 3).webp(),
      "metadata.jsonl": `{"file_name": "Golf/copy.jpg", "license": "cc0"}\n`,
    });
    const { code, result } = await verify();
    expect(result.copies).toEqual([{ kept: "Golf/copy.jpg", copies: ["Golf/a.jpg"] }]);
    expect(result.two_classes).toEqual([["Golf/b.png", "Tennis/conflict.png"]]);
    const near = result.near_copies.map(({ file, of, two_classes }: Record<string, unknown>) => [
      file,
      of,
      two_classes,
    ]);
    expect(near.sort()).toEqual([
      ["Tennis/a.jpg", "Golf/wrong.webp", true],
      ["Tennis/mirrored.jpg", "Tennis/b.webp", false],
    ]);
    expect({ code, left: result.left }).toEqual({ code: 1, left: 3 });

    const fixed = await verify("--fix", "--drop-copies");
    expect(fixed.result.fixes.done).toEqual([{ action: "trash", file: "Golf/a.jpg", now: null, why: ["copy"] }]);
    expect({ code: fixed.code, left: fixed.result.left }).toEqual({ code: 1, left: 2 });
  });

  test("pictures of one colour are no near copies of each other", async () => {
    const plain = (grey: number) =>
      sharp({ create: { width: 64, height: 64, channels: 3, background: { r: grey, g: grey, b: grey } } });
    await fill(root, { ...healthy(), "Golf/black.png": plain(0).png(), "Golf/white.png": plain(255).png() });
    expect((await verify()).result.near_copies).toEqual([]);
  });
});

describe("metadata.jsonl", () => {
  const rows = async () =>
    (await readFile(join(root, "metadata.jsonl"), "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => (line.startsWith("{") ? JSON.parse(line) : line));

  test("keeps telling the truth, there and back", async () => {
    const deep = await picture("Tennis", 25).toColourspace("rgb16").png().toBuffer();
    const sha256 = "0".repeat(64);
    const lines = [
      { file_name: "Golf/a.jpg", creator: "A" },
      { file_name: "Golf/cut.jpg", creator: "B", sha256 },
      "a line that is no JSON",
      { file_name: "Golf/page.png", creator: "C" },
      { file_name: "Tennis/deep.png", creator: "D", sha256, width: 1, height: 1 },
    ];
    const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
    await fill(root, {
      ...healthy(),
      "Golf/cut.jpg": (await picture("Golf", 10).jpeg().toBuffer()).subarray(0, 500),
      "Golf/page.png": picture("Golf", 12).jpeg(),
      "Tennis/deep.png": deep,
      "metadata.jsonl": text,
      "CREDITS.md": `# Credits\n\n${CREDITS_MARK}\n`,
    });
    const { result } = await verify("--fix", "--reencode");
    expect(result.metadata).toEqual({ rows_without_file: [], changed: ["Tennis/deep.png"] });
    const now = await rows();
    const hashes = await snapshot(root);
    expect(now.slice(0, 3)).toEqual([lines[0], lines[2], { ...(lines[3] as object), file_name: "Golf/page.jpg" }]);
    expect(now[3]).toMatchObject({ file_name: "Tennis/deep.png", creator: "D", width: 64, height: 64 });
    expect(now[3].sha256).toBe(hashes["Tennis/deep.png"]);
    expect(now[3].original_sha256).toBe(hashes[".trash/Tennis/deep.png"]);
    expect(await readFile(join(root, "CREDITS.md"), "utf8")).toMatch(/\n\n3 photos/);

    await run("restore", root);
    const back = await rows();
    expect(back).toHaveLength(5);
    expect(back).toContainEqual(lines[1]);
    expect(back).toContainEqual(lines[4]);
    expect(await readFile(join(root, "CREDITS.md"), "utf8")).toMatch(/\n\n4 photos/);
  });

  test("credits of somebody else stay; a class may be called as the trash's lock", async () => {
    const cut = (await picture("Golf", 10).jpeg().toBuffer()).subarray(0, 500);
    const credits = "# Credits\n\nThanks to Ann.\n";
    await fill(root, {
      ...healthy(),
      "lock/cut.jpg": cut,
      "lock/a.jpg": picture("Golf", 12).jpeg(),
      "metadata.jsonl": '{"file_name":"lock/cut.jpg"}\n{"file_name":"Golf/a.jpg"}\n',
      "CREDITS.md": credits,
    });
    const { result } = await verify("--fix");
    expect(result.fixes).toMatchObject({ done: [{ file: "lock/cut.jpg", now: null }], keeps_credits: true });
    expect(await readFile(join(root, "CREDITS.md"), "utf8")).toBe(credits);
    expect(Object.keys(await snapshot(root))).toContain(".trash/lock-2/cut.jpg");
    await run("restore", root);
    expect(Object.keys(await snapshot(root))).toContain("lock/cut.jpg");
  });

  test("names that nothing is under are told of", async () => {
    await fill(root, { ...healthy(), "metadata.jsonl": `{"file_name":"Golf/gone.jpg"}\n{"file_name":"Golf/a.jpg"}\n` });
    expect((await verify("--fix")).result.metadata.rows_without_file).toEqual(["Golf/gone.jpg"]);
    expect(await rows()).toHaveLength(2);
  });
});

describe("restore", () => {
  const taken = async () => {
    await fill(root, { ...healthy(), "Golf/empty.jpg": "", "Golf/page.jpg": "<html>", "Tennis/none.jpg": "" });
    await verify("--fix");
  };

  test("says what is there", async () => {
    await taken();
    expect((await run("restore", root, "--list")).stdout).toBe(
      "Golf/empty.jpg  empty\nGolf/page.jpg  not-an-image\nTennis/none.jpg  empty\n3 photos in the trash\n",
    );
  });

  test.each([
    ["a photo", "Golf/empty.jpg", ["Golf/empty.jpg"]],
    ["a photo in the trash", ".trash/Golf/empty.jpg", ["Golf/empty.jpg"]],
    ["a class", "Golf/", ["Golf/empty.jpg", "Golf/page.jpg"]],
  ])("brings back %s alone", async (_, name, files) => {
    await taken();
    const { code, stdout } = await run("restore", root, name, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout).restored.map(({ file }: { file: string }) => file)).toEqual(files);
    expect(Object.keys(await snapshot(root))).toEqual(expect.arrayContaining(files));
  });

  test("takes a path from here too", async () => {
    await taken();
    const outcome = await ballsight(["restore", ".", "./Golf/page.jpg"], { cwd: root });
    expect(outcome).toMatchObject({ code: 0, stdout: "Golf/page.jpg\n1 photo is back\n", stderr: "" });
  });

  test("never writes over another photo", async () => {
    await taken();
    await writeFile(join(root, "Golf/empty.jpg"), "something else");
    const outcome = await run("restore", root);
    expect(outcome.code).toBe(1);
    expect(errorOf(outcome).code).toBe("RESTORE_BLOCKED");
    expect(await readFile(join(root, "Golf/empty.jpg"), "utf8")).toBe("something else");
    expect(Object.keys(await snapshot(join(root, ".trash")))).toEqual(["Golf/empty.jpg", "journal.jsonl"]);
  });

  test("of two photos that had one name keeps both", async () => {
    await taken();
    await writeFile(join(root, "Golf/page.jpg"), "<html>another");
    await verify("--fix");
    const trash = await snapshot(join(root, ".trash/Golf"));
    expect(Object.keys(trash)).toEqual(["empty.jpg", "page-2.jpg", "page.jpg"]);
  });

  test("brings back what somebody put there by hand", async () => {
    await fill(root, { ...healthy(), ".trash/Golf/mine.jpg": picture("Golf", 40).jpeg() });
    expect((await run("restore", root)).stdout).toBe("Golf/mine.jpg\n1 photo is back\n");
  });

  test("knows an empty trash, a name that is not there, and what is no folder", async () => {
    await fill(root, healthy());
    expect(await run("restore", root)).toMatchObject({ code: 0, stdout: "the trash is empty\n", stderr: "" });
    const unknown = await run("restore", root, "Golf/a.jpg");
    expect([unknown.code, errorOf(unknown).code]).toEqual([1, "NOT_IN_TRASH"]);
    const missing = await run("restore", join(root, "nothing"));
    expect([missing.code, errorOf(missing).code]).toEqual([2, "DATA_NOT_A_FOLDER"]);
    expect(Object.keys(await snapshot(root))).toEqual(Object.keys(healthy()));
  });

  test("follows no journal out of the folder", async () => {
    await fill(root, {
      ...healthy(),
      ".trash/x.jpg": "",
      ".trash/journal.jsonl": `${JSON.stringify({ action: "trash", file: "../outside.jpg", trash: ".trash/x.jpg", why: [] })}\n`,
    });
    expect((await run("restore", root)).stdout).toBe("x.jpg\n1 photo is back\n");
  });
});

describe("wrong options and data", () => {
  const refused = async (...args: string[]) => {
    const outcome = await run(...args);
    return [outcome.code, errorOf(outcome).code];
  };

  test("a file, nothing at all, a folder without photos", async () => {
    await fill(root, { "notes.txt": "none" });
    expect(await refused("verify", join(root, "notes.txt"), "--fix")).toEqual([2, "DATA_NOT_A_FOLDER"]);
    expect(await refused("verify", join(root, "nothing"))).toEqual([2, "DATA_NOT_A_FOLDER"]);
    expect(await refused("verify", root, "--fix")).toEqual([2, "NO_PHOTOS"]);
    expect(await snapshot(root)).toHaveProperty(["notes.txt"]);
  });

  test("a class that is not there, a sheet over another file", async () => {
    await fill(root, healthy());
    await writeFile(join(folder, "mine.html"), "<title>mine</title>");
    expect(await refused("verify", root, "--sheet", "Rugby")).toEqual([2, "BAD_OPTION"]);
    expect(await refused("verify", root, "--sheet", "Golf", "--out", "mine.html")).toEqual([2, "BAD_OPTION"]);
    expect(await refused("verify", root, "--sheet", "--out", "sheet")).toEqual([2, "BAD_OPTION"]);
  });

  test("a data set that another process changes", async () => {
    await fill(root, { ...healthy(), ".collect/ledger.jsonl": "" });
    const held = await tryLock(join(root, ".collect"));
    expect(await refused("verify", root, "--fix")).toEqual([2, "DATA_BUSY"]);
    // Looking is free.
    expect((await run("verify", root)).code).toBe(0);
    if ("lock" in held) await held.lock.release();
    expect((await run("verify", root, "--fix")).code).toBe(0);
  });
});

test("photos beside the class folders, sub-folders and odd names take part", async () => {
  await fill(root, {
    ...healthy(),
    "loose.jpg": picture("Golf", 50).jpeg(),
    "Golf/more/deep/c.jpg": "",
    "Golf/\u001b[31m<b>&.jpg": "",
    ".hidden/x.jpg": "",
  });
  const { code, stdout, stderr } = await run("verify", root);
  expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  expect(stdout).toContain("(no class folder)       1         1");
  expect(stdout).toContain("Golf/more/deep/c.jpg");
  expect(stdout).not.toContain("\u001b");
  expect((await verify("--fix")).result.fixes.done).toHaveLength(2);
  await run("restore", root);
  expect(Object.keys(await snapshot(root))).toContain("Golf/more/deep/c.jpg");
});

describe("the contact sheet", () => {
  test("is one page that asks nothing of the network, and escapes names", async () => {
    await fill(root, {
      ...healthy(),
      "Golf/<img src=x onerror=alert(1)>.jpg": picture("Golf", 60).jpeg(),
      "Golf/copy.jpg": picture("Golf", 1).jpeg(),
      "Golf/empty.jpg": "",
    });
    const out = join(folder, "all.html");
    const { stdout } = await run("verify", root, "--fix", "--sheet", "--out", out);
    expect(stdout).toContain(`sheet   ${out}`);
    const page = await readFile(out, "utf8");
    expect(page).toMatch(/<\/html>\s*$/);
    expect(page).not.toMatch(/(?:src|href)="(?!data:image\/jpeg;base64,)|url\(|<script|<img src=x/);
    expect(page).toContain("&lt;img src=x onerror=alert(1)&gt;.jpg");
    // Six whole photos as tiles, two of them as a pair too.
    expect(page.match(/<img /g)).toHaveLength(8);
    expect(page).toContain("expected content in `Golf/empty.jpg`");
  });

  test("of one class, over its own earlier one", async () => {
    await fill(root, healthy());
    const out = join(folder, "golf.html");
    await run("verify", root, "--sheet", "Golf", "--out", out);
    expect((await run("verify", root, "--sheet", "Golf", "--out", out)).code).toBe(0);
    const page = await readFile(out, "utf8");
    expect(page.match(/<img /g)).toHaveLength(2);
    expect(page).toContain("<h2>Golf</h2>");
    expect(page).not.toContain("<h2>Tennis</h2>");
  });
});
