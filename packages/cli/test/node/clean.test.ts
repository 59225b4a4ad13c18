// `ballsight clean` on rendered photos with planted faults: they are found, and little else; and what it does with odd data sets.

import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OnnxGraph } from "@ballsight/grad";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Label } from "../../../render/src/index.ts";
import { serializePreprocess } from "../../../vision/src/preprocess/contract.ts";
import { addPreprocess } from "../../../vision/src/preprocess/graph.ts";
import { Records } from "../../src/clean/records.ts";
import { fill, picture, snapshot } from "../helpers/dataset.ts";
import { ballsight, errorOf } from "../helpers/training.ts";

const BALLS: readonly Label[] = ["Golf", "Tennis", "Basketball"];
const EACH = 16;

let folder: string;
let model: string;

/** A model that needs no training: its embedding is the mean colour of each cell of a 4 x 4 grid, and balls differ in colour. */
function colourModel(): Uint8Array {
  const g = new OnnxGraph("colours");
  const preprocess = {
    size: 32,
    resize: 32,
    resample: "bilinear",
    antialias: true,
    crop: "center",
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
  } as const;
  const x = addPreprocess(g, g.input("image", "uint8", ["N", "H", "W", 3]), preprocess);
  const cells = g.op("AveragePool", [x], { kernel_shape: [8, 8], strides: [8, 8] });
  const embedding = g.op("Flatten", [cells], { axis: 1 });
  const logits = g.op("ReduceMean", [x, g.ints(2, 3)], { keepdims: 0 });
  g.output(g.op("Softmax", [logits], { axis: 1 }), "float32", ["N", 3], "probabilities");
  g.output(logits, "float32", ["N", 3], "logits");
  g.output(embedding, "float32", ["N", 48], "embedding");
  g.output(x, "float32", ["N", 3, 32, 32], "cam");
  return g.toModel({
    "ballsight.labels": JSON.stringify(["Blue", "Green", "Red"]),
    "ballsight.preprocess": serializePreprocess(preprocess),
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-clean-"));
  model = join(folder, "colours.onnx");
  await writeFile(model, colourModel());
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const run = (...args: string[]) =>
  ballsight(["clean", ...args], { cwd: folder, env: { BALLSIGHT_CACHE: join(folder, "cache") } });

async function cleaned(root: string, ...args: string[]) {
  const { code, stdout, stderr } = await run(root, "--model", model, "--json", ...args);
  return { code, stderr, result: JSON.parse(stdout || "null") };
}

interface Listed {
  readonly kind: string;
  readonly file: string;
  readonly label: string;
  readonly suggestion: { readonly action: string; readonly label?: string };
  readonly nearest?: { readonly given: { file: string }[]; readonly suggested: { file: string }[] };
  readonly of?: { readonly file: string; readonly how: string; readonly why: string };
}

const ofKind = (issues: readonly Listed[], kind: string) => issues.filter((issue) => issue.kind === kind);

async function sound(root: string, each = EACH): Promise<void> {
  for (const [k, ball] of BALLS.entries()) {
    for (let i = 0; i < each; i++)
      await fill(root, { [`${ball}/${ball}${i}.png`]: picture(ball, 100 * k + i, 96).png() });
  }
}

describe("planted faults", () => {
  let root: string;
  let issues: Listed[];
  let first: Awaited<ReturnType<typeof cleaned>>;

  beforeAll(async () => {
    root = join(folder, "planted");
    await sound(root);
    // A swapped label.
    await rename(join(root, "Basketball/Basketball3.png"), join(root, "Tennis/swapped.png"));
    const golf = await readFile(join(root, "Golf/Golf5.png"));
    const tennis = await readFile(join(root, "Tennis/Tennis5.png"));
    await fill(root, {
      "Golf/copy.png": golf,
      "Golf/smaller.jpg": sharp(golf).resize(72).jpeg({ quality: 80 }),
      "Golf/mirrored.jpg": sharp(golf).flop().resize(80).jpeg(),
      "Golf/turned.jpg": sharp(golf).rotate(90).resize(70).jpeg(),
      "Golf/cut.png": sharp(golf).extract({ left: 8, top: 10, width: 76, height: 74 }).png(),
      "Basketball/other-name.png": tennis,
      "Tennis/dark.png": sharp(await picture("Tennis", 701, 96).png().toBuffer())
        .linear(0.15, 0)
        .png(),
      "Basketball/blurred.png": sharp(await picture("Basketball", 702, 96).png().toBuffer())
        .blur(14)
        .png(),
      "Basketball/grey.png": sharp(await picture("Basketball", 703, 96).png().toBuffer())
        .greyscale()
        .toColourspace("srgb")
        .png(),
      "Tennis/strip.png": picture("Tennis", 704, 96).resize(300, 80, { fit: "cover" }).png(),
    });
    first = await cleaned(root);
    issues = first.result.issues;
  });

  test("all of it is looked at, no photo is touched, and the list is on the disk", async () => {
    expect(first.code).toBe(0);
    expect(first.stderr).toBe("");
    expect(first.result.photos).toBe(BALLS.length * EACH + 10);
    const lines = (await readFile(join(root, "issues.jsonl"), "utf8")).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(issues);
    expect(first.result.issues_file).toBe(join(root, "issues.jsonl"));
  });

  test("the swapped label, with the right one and three photos of either class", () => {
    const swapped = issues.find(({ kind, file }) => kind === "label" && file === "Tennis/swapped.png");
    expect(swapped?.suggestion).toMatchObject({ action: "relabel", label: "Basketball" });
    expect(swapped?.nearest?.given).toHaveLength(3);
    expect(swapped?.nearest?.suggested.every(({ file }) => file.startsWith("Basketball/"))).toBe(true);
    expect(swapped?.nearest?.given.every(({ file }) => file.startsWith("Tennis/"))).toBe(true);
  });

  test("copies of every kind belong to the largest, which stays", async () => {
    // Crops of rendered balls are less alike than those of photos, and so are told from other balls less well.
    const { result } = await cleaned(root, "--threshold", "crop=0.975", "--out", join(folder, "other.jsonl"));
    const copies = ofKind(result.issues, "copy").filter(({ file }) => !/\d\.png$/.test(file));
    expect(Object.fromEntries(copies.map(({ file, of }) => [file, [of?.file, of?.how]]))).toEqual({
      "Golf/copy.png": ["Golf/Golf5.png", "bytes"],
      "Golf/smaller.jpg": ["Golf/Golf5.png", "near"],
      "Golf/mirrored.jpg": ["Golf/Golf5.png", "near"],
      "Golf/turned.jpg": ["Golf/Golf5.png", "near"],
      "Golf/cut.png": ["Golf/Golf5.png", "crop"],
    });
    expect(copies.find(({ file }) => file === "Golf/cut.png")?.of?.why).toBe("it has more pixels");
  });

  test("the same photo under two classes comes first, and nothing is suggested to be done unseen", () => {
    expect(issues[0]).toMatchObject({ kind: "conflict", suggestion: { action: "look" } });
    const files = [issues[0]!.file, issues[0]!.of!.file].sort();
    expect(files).toEqual(["Basketball/other-name.png", "Tennis/Tennis5.png"]);
    // The label that other photos speak for stays.
    expect(issues[0]!.file).toBe("Basketball/other-name.png");
  });

  test.each([
    ["dark", ["Tennis/dark.png"]],
    ["blurred", ["Basketball/blurred.png"]],
    ["grey", ["Basketball/grey.png"]],
    ["odd-aspect", ["Tennis/strip.png"]],
  ])("%s, and only that", (kind, files) => {
    // Golf balls are white: some of them on grey ground.
    const found = ofKind(issues, kind).filter(({ file }) => kind !== "grey" || !file.startsWith("Golf/"));
    expect(found.map(({ file }) => file)).toEqual(files);
  });

  test("little else", () => {
    const planted = /swapped|copy|smaller|mirrored|turned|cut|other-name|Tennis5|dark|blurred|grey|strip/;
    expect(issues.filter(({ file }) => !planted.test(file)).length).toBeLessThanOrEqual(4);
  });

  test("another threshold decodes nothing, and the same ones give the same bytes", async () => {
    expect(first.result.decoded).toBeGreaterThan(0);
    const before = await readFile(join(root, "issues.jsonl"));
    const again = await cleaned(root);
    expect(again.result.decoded).toBe(0);
    expect(await readFile(join(root, "issues.jsonl"))).toEqual(before);
    const other = await cleaned(root, "--threshold", "grey=0", "odd-aspect=0.1");
    expect(other.result.decoded).toBe(0);
    expect(ofKind(other.result.issues, "grey")).toEqual([]);
    expect(ofKind(other.result.issues, "odd-aspect")).toEqual([]);
    expect(ofKind(other.result.issues, "dark")).toHaveLength(1);
  });

  test("a table for people", async () => {
    const { code, stdout } = await run(root, "--model", model);
    expect(code).toBe(0);
    expect(stdout).toContain("the same photo under two classes: one label is wrong (1)");
    expect(stdout).toMatch(/^class +photos +two classes/m);
    expect(stdout).toContain("0 decoded");
  });
});

describe("odd data sets", () => {
  test("a class of dark photos: the check steps back and says so", async () => {
    const root = join(folder, "night");
    await sound(root, 8);
    for (let i = 0; i < 6; i++) {
      const night = sharp(
        await picture("Golf", 900 + i, 64)
          .png()
          .toBuffer(),
      ).linear(0.15, 0);
      await fill(root, { [`Golf/night${i}.png`]: night.png() });
    }
    const { result } = await cleaned(root);
    expect(ofKind(result.issues, "dark")).toEqual([]);
    expect(result.stepped_back).toContainEqual({ check: "dark", label: "Golf", hits: 6, photos: 14 });
  });

  test("seven photos, all of them one: copies are found, labels are not judged", async () => {
    const root = join(folder, "seven");
    const one = await picture("Golf", 1, 64).png().toBuffer();
    for (let i = 0; i < 4; i++) await fill(root, { [`Golf/${i}.png`]: one });
    for (let i = 0; i < 3; i++) await fill(root, { [`Tennis/${i}.png`]: one });
    const { code, stderr, result } = await cleaned(root);
    expect(code).toBe(0);
    expect(stderr).toContain("fewer than 5 photos of Golf, Tennis: labels there are not judged");
    expect(result.issues.map(({ kind }: Listed) => kind).sort()).toEqual(
      [...new Array(3).fill("conflict"), ...new Array(3).fill("copy")].sort(),
    );
  });

  test("a photo that cannot be read is named and the others are looked at", async () => {
    const root = join(folder, "broken");
    await sound(root, 6);
    await fill(root, { "Golf/broken.jpg": "\u00ff no photo" });
    const before = await snapshot(root);
    const { code, stderr, result } = await cleaned(root);
    expect(code).toBe(1);
    expect(stderr).toContain("[NOT_AN_IMAGE]");
    expect(result.unreadable).toMatchObject([{ file: "Golf/broken.jpg", error: { code: "NOT_AN_IMAGE" } }]);
    expect(result.photos).toBe(18);
    const { "issues.jsonl": _, ...after } = await snapshot(root);
    expect(after).toEqual(before);
  });

  test.each([
    [["--threshold", "gray=1"], "BAD_OPTION"],
    [["--threshold", "dark=two"], "BAD_OPTION"],
    [["--threshold", "near=2.5"], "BAD_OPTION"],
    [["--threshold", "label=0.7"], "BAD_OPTION"],
    [["--out", "issues.txt"], "BAD_OPTION"],
    [["--model", "nowhere.onnx"], "MODEL_NOT_FOUND"],
  ])("%j is refused", async (args, code) => {
    const root = join(folder, "refused");
    await sound(root, 1);
    const outcome = await run(root, ...args);
    expect(outcome.code).toBe(2);
    expect(errorOf(outcome).code).toBe(code);
  });

  test("one class alone is looked through for copies and bad pictures", async () => {
    const root = join(folder, "single");
    const one = picture("Golf", 1, 96);
    await fill(root, {
      "Golf/a.png": one.png(),
      "Golf/smaller.jpg": sharp(await one.png().toBuffer())
        .resize(72)
        .jpeg(),
    });
    const { code, stderr, result } = await cleaned(root);
    expect(code).toBe(0);
    expect(stderr).toContain("one class alone");
    expect(result.issues).toMatchObject([{ kind: "copy", file: "Golf/smaller.jpg" }]);
    expect(result.label_noise).toBeNull();
  });

  test("a class that is mostly another is listed, and named as a whole", async () => {
    const root = join(folder, "mixed");
    await sound(root, 12);
    for (let i = 0; i < 5; i++)
      await rename(join(root, `Basketball/Basketball${i}.png`), join(root, `Tennis/b${i}.png`));
    for (let i = 4; i < 12; i++) await rm(join(root, `Tennis/Tennis${i}.png`));
    const { result } = await cleaned(root);
    const found = ofKind(result.issues, "label").filter(({ label }) => label === "Tennis");
    expect(found.length).toBeGreaterThanOrEqual(3);
    expect(result.doubted_classes).toContainEqual({ label: "Tennis", doubts: found.length, photos: 9 });
    expect(result.issues.every(({ loss }: { loss?: number }) => (loss ?? -1) >= 0)).toBe(true);
  });

  test("of two copies the one that somebody kept stays, though it is smaller", async () => {
    const root = join(folder, "kept");
    const one = await picture("Golf", 1, 96).png().toBuffer();
    const small = await sharp(one).resize(72).jpeg({ quality: 90 }).toBuffer();
    await fill(root, { "Golf/a.png": one, "Golf/small.jpg": small, "Tennis/t.png": picture("Tennis", 2, 96).png() });
    const sha256 = createHash("sha256").update(small).digest("hex");
    const line = {
      sha256,
      file: "Golf/small.jpg",
      action: "keep",
      from: "Golf",
      why: null,
      who: "me",
      at: "2026-01-01T00:00:00Z",
      step: "1",
    };
    await writeFile(join(root, "decisions.jsonl"), `${JSON.stringify(line)}\n`);
    const { result } = await cleaned(root);
    expect(ofKind(result.issues, "copy")).toMatchObject([
      { file: "Golf/a.png", of: { file: "Golf/small.jpg", why: "somebody kept it in a review" } },
    ]);
  });
});

test("the cache: a torn end and a damaged record are as if they had never been", async () => {
  await mkdir(join(folder, "records"));
  const path = join(folder, "records/a.bin");
  const key = (n: number) => n.toString(16).padStart(64, "0");
  const records = await Records.open(path, 10);
  for (let n = 0; n < 5; n++) await records.set(key(n), new Uint8Array(10).fill(n));
  await records.close();
  const stride = 32 + 10 + 4;
  const bytes = await readFile(path);
  expect(bytes.length).toBe(5 * stride);
  bytes[stride + 35]! ^= 1;
  await writeFile(path, bytes);
  await truncate(path, 5 * stride - 3);
  const again = await Records.open(path, 10);
  expect([0, 1, 2, 3, 4].map((n) => again.get(key(n))?.[0])).toEqual([0, undefined, 2, 3, undefined]);
  await again.set(key(9), new Uint8Array(10).fill(9));
  await again.close();
  const last = await Records.open(path, 10);
  expect([2, 3, 9].map((n) => last.get(key(n))?.[0])).toEqual([2, 3, 9]);
  await last.close();
});
