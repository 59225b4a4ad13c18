// The real program in a child process: good photos, every kind of bad one, standard input, options and exit codes.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toyModel } from "../../../vision/test/helpers/toyModel.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/ballsight.js", import.meta.url));

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

let folder: string;

function ballsight(args: readonly string[], input: Uint8Array | string = ""): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: folder });
    const outcome: Outcome = { code: null, stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (outcome.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (outcome.stderr += text));
    child.on("error", reject).on("close", (code) => resolve({ ...outcome, code }));
    // A program that ends on an option does not read its input.
    child.stdin.on("error", () => undefined).end(input);
  });
}

const predict = (...args: string[]) => ballsight(["predict", "--model", "toy.onnx", ...args]);

interface Line {
  file: string;
  label?: string;
  confidence?: number;
  top?: { label: string; confidence: number }[];
  error?: { code: string; message: string };
}

const parse = (stdout: string): Line[] =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

const COLOURS = { Red: [220, 20, 30], Green: [20, 200, 40], Blue: [30, 40, 210] } as const;

function plain(label: keyof typeof COLOURS) {
  const [r, g, b] = COLOURS[label];
  return sharp({ create: { width: 64, height: 48, channels: 3, background: { r, g, b } } });
}

/** A valid PNG of 20,000 x 10,000 black pixels in a few kilobytes. */
function bomb(): Buffer {
  const [width, height] = [20_000, 10_000];
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  const pixels = deflateSync(Buffer.alloc((width / 8 + 1) * height), { level: 9 });
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-predict-"));
  const jpeg = await plain("Red").jpeg().toBuffer();
  const frames = await Promise.all([plain("Green").png().toBuffer(), plain("Blue").png().toBuffer()]);
  const files: Record<string, Uint8Array | string> = {
    "toy.onnx": toyModel(),
    "red.jpg": jpeg,
    "green.webp": await plain("Green").webp().toBuffer(),
    "blue.png": await plain("Blue").png().toBuffer(),
    // Bad ones.
    "text.jpg": "not a photo\n",
    "truncated.jpg": jpeg.subarray(0, jpeg.length >> 1),
    "zero.jpg": "",
    "bomb.png": bomb(),
    "drawing.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    // Odd ones.
    "wrong-extension.png": jpeg,
    "no-extension": jpeg,
    "animated.gif": await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer(),
    "cmyk.jpg": await plain("Red").toColourspace("cmyk").jpeg().toBuffer(),
    "deep.png": await plain("Blue").toColourspace("rgb16").png().toBuffer(),
    "alpha.png": await plain("Green").ensureAlpha(0.6).png().toBuffer(),
    "rotated.jpg": await plain("Red").withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    "line\nbreak\u001b[31m.jpg": "",
  };
  await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(folder, name), content)));
  await mkdir(join(folder, "photos", "inner"), { recursive: true });
  await mkdir(join(folder, "nothing", ".hidden"), { recursive: true });
  await mkdir(join(folder, "photos", ".trash"));
  for (const name of ["b.jpg", "a.JPG", "inner/c.jpeg", ".dot.jpg", ".trash/d.jpg", "z.jpg"]) {
    await writeFile(join(folder, "photos", name), jpeg);
  }
  await writeFile(join(folder, "photos", "list.txt"), "a.JPG\n");
  await writeFile(join(folder, "nothing", ".hidden", "d.jpg"), jpeg);
  await symlink(join(folder, "photos"), join(folder, "photos", "inner", "loop"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("names photos, one JSON object each, in input order", async () => {
  const { code, stdout, stderr } = await predict("blue.png", "red.jpg", "green.webp", "--json", "--top", "2");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const lines = parse(stdout);
  expect(lines.map(({ file, label }) => [file, label])).toEqual([
    ["blue.png", "Blue"],
    ["red.jpg", "Red"],
    ["green.webp", "Green"],
  ]);
  for (const line of lines) {
    expect(Object.keys(line)).toEqual(["file", "label", "confidence", "top"]);
    expect(line.top).toHaveLength(2);
    expect(line.top?.[0]).toEqual({ label: line.label, confidence: line.confidence });
    expect(line.confidence).toBeGreaterThan(line.top?.[1]?.confidence as number);
  }
});

test("prints a table without colours into a pipe", async () => {
  const { code, stdout, stderr } = await predict("blue.png", "no-extension", "--top", "2");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(
    /^blue\.png {6}Blue {3} [ \d]\d\.\d % {2}\w+ \d+\.\d %\nno-extension {2}Red {4} [ \d]\d\.\d % {2}/,
  );
});

const BAD: Record<string, [code: string, part: string]> = {
  "text.jpg": ["NOT_AN_IMAGE", "a text file"],
  "truncated.jpg": ["IMAGE_TRUNCATED", "premature end"],
  "zero.jpg": ["EMPTY_FILE", "0 bytes"],
  "bomb.png": ["IMAGE_TOO_LARGE", "20000 x 10000"],
  "drawing.svg": ["IMAGE_UNSUPPORTED", "an SVG drawing"],
  "missing.jpg": ["FILE_NOT_FOUND", "nothing is there"],
  "red.jpg/inner.jpg": ["FILE_NOT_FOUND", "nothing is there"],
  nothing: ["NO_PHOTOS", "a folder with photos in it"],
  "toy.onnx": ["NOT_AN_IMAGE", "something else"],
  "line\nbreak\u001b[31m.jpg": ["EMPTY_FILE", "line\\u000abreak\\u001b[31m.jpg"],
};

describe("every kind of bad input", () => {
  test("gets a code, and the photos between are answered", async () => {
    const args = Object.keys(BAD).flatMap((file) => [file, "red.jpg"]);
    const { code, stdout, stderr } = await predict(...args, "--json");
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    const lines = parse(stdout);
    expect(lines.map(({ file }) => file)).toEqual(args);
    for (const line of lines) {
      const bad = BAD[line.file];
      if (bad === undefined) expect(line).toMatchObject({ label: "Red" });
      else expect(line.error).toMatchObject({ code: bad[0], message: expect.stringContaining(bad[1]) });
    }
  });

  test("gets one line on standard error", async () => {
    const { code, stdout, stderr } = await predict(...Object.keys(BAD), "red.jpg");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^red\.jpg +Red [^\n]+\n$/);
    const lines = stderr.trimEnd().split("\n");
    expect(lines).toHaveLength(Object.keys(BAD).length);
    for (const [i, [code, part]] of Object.values(BAD).entries()) {
      expect(lines[i]).toMatch(new RegExp(`^ballsight: .+: expected .+ \\[${code}\\]$`));
      expect(lines[i]).toContain(part);
    }
    expect(stderr).not.toContain("\u001b");
  });
});

test("odd photos are photos", async () => {
  const odd = {
    "wrong-extension.png": "Red",
    "no-extension": "Red",
    "animated.gif": "Green",
    "cmyk.jpg": "Red",
    "deep.png": "Blue",
    "alpha.png": "Green",
    "rotated.jpg": "Red",
  };
  const { code, stdout } = await predict(...Object.keys(odd), "--json");
  expect(code).toBe(0);
  expect(Object.fromEntries(parse(stdout).map(({ file, label }) => [file, label]))).toEqual(odd);
});

test("a folder is read recursively and sorted, without dot-files and without following a loop", async () => {
  const { code, stdout } = await predict("photos", "--json");
  expect(code).toBe(0);
  const names = ["a.JPG", "b.jpg", join("inner", "c.jpeg"), "z.jpg"];
  expect(parse(stdout).map(({ file }) => file)).toEqual(names.map((name) => join("photos", name)));
});

describe("standard input", () => {
  const fromStdin = (input: Uint8Array | string) => ballsight(["predict", "--model", "toy.onnx", "-", "--json"], input);

  test("is a photo", async () => {
    const { code, stdout } = await fromStdin(await plain("Green").png().toBuffer());
    expect(code).toBe(0);
    expect(parse(stdout)).toMatchObject([{ file: "-", label: "Green" }]);
  });

  test("that is empty gets one line", async () => {
    const { code, stdout } = await fromStdin("");
    expect(code).toBe(1);
    expect(parse(stdout)).toMatchObject([{ file: "-", error: { code: "EMPTY_FILE" } }]);
  });
});

describe("usage errors end with 2 and one clear message", () => {
  test.each<[string, string[], RegExp]>([
    ["no photo", ["predict"], /missing required argument 'photo'/],
    ["an unknown option", ["predict", "red.jpg", "--tops", "3"], /unknown option '--tops'\n\(Did you mean --top\?\)/],
    ["an unknown command", ["pedict", "red.jpg"], /unknown command 'pedict'\n\(Did you mean predict\?\)/],
    [
      "a top of 0",
      ["predict", "red.jpg", "--model", "toy.onnx", "--top", "0"],
      /^ballsight: .*`--top`.* \[BAD_OPTION\]\n$/,
    ],
    [
      "a top of text",
      ["predict", "red.jpg", "--model", "toy.onnx", "--top", "1e1"],
      /received 1e1.* \[BAD_OPTION\]\n$/,
    ],
    [
      "no such model",
      ["predict", "red.jpg", "--model", "none.onnx"],
      /^ballsight: .*`none.onnx`.* \[MODEL_NOT_FOUND\]\n$/,
    ],
    [
      "a model that is none",
      ["predict", "red.jpg", "--model", "text.jpg"],
      /^ballsight: .*`text.jpg`.* \[MODEL_INVALID\]\n$/,
    ],
    [
      "a model that is a folder",
      ["predict", "red.jpg", "--model", "photos"],
      /^ballsight: .*a folder.* \[MODEL_INVALID\]\n$/,
    ],
    ["a model that is none, with a photo to come", ["predict", "-", "--model", "text.jpg"], /\[MODEL_INVALID\]\n$/],
  ])("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await ballsight(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });
});

test("--help shows examples, --version the version", async () => {
  const [help, version] = await Promise.all([ballsight(["predict", "--help"]), ballsight(["--version"])]);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toContain("ballsight predict photo.jpg");
  expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});
