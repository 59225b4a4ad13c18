// The evaluate command as a child process: figures by hand, the training's split, what it refuses, what it never overwrites.

import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toyModel } from "../../../vision/test/helpers/toyModel.ts";
import { ballsight, errorOf } from "../helpers/training.ts";

const COLOURS = { Blue: "#00f", Green: "#0f0", Red: "#f00" } as const;
type Colour = keyof typeof COLOURS;

let folder: string;

/** Ten photos in the data set's order: 2 blue ones, 3 green ones, 4 red ones and a green one among the red. */
const PHOTOS: readonly [file: string, colour: Colour][] = [
  ["Blue/0.png", "Blue"],
  ["Blue/1.png", "Blue"],
  ["Green/0.png", "Green"],
  ["Green/1.png", "Green"],
  ["Green/2.png", "Green"],
  ["Red/0.png", "Red"],
  ["Red/1.png", "Red"],
  ["Red/2.png", "Red"],
  ["Red/3.png", "Red"],
  ["Red/wrong.png", "Green"],
];

async function photo(file: string, colour: Colour): Promise<void> {
  await mkdir(join(folder, "photos", file, ".."), { recursive: true });
  const picture = sharp({ create: { width: 48, height: 40, channels: 3, background: COLOURS[colour] } });
  await picture.png().toFile(join(folder, "photos", file));
}

const evaluate = (...args: string[]) =>
  ballsight(["evaluate", "photos", "--model", "toy.onnx", ...args], { cwd: folder });

const answered = async (csv: string) =>
  (await readFile(join(folder, csv), "utf8"))
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => line.split(",")[0]);

/** The list's fingerprint, worked out here: SHA-256 over sorted lines of name, size and SHA-256. */
async function fingerprint(): Promise<string> {
  const sha256 = (content: Uint8Array | string) => createHash("sha256").update(content).digest("hex");
  const lines = PHOTOS.map(async ([file]) => {
    const content = await readFile(join(folder, "photos", file));
    return JSON.stringify([file, content.length, sha256(content)]);
  });
  return sha256((await Promise.all(lines)).sort().join("\n"));
}

/** The toy model as a training on these photos would have written it. */
async function trainedModel(heldOut: Readonly<Record<Colour, number>>): Promise<void> {
  const classes = Object.entries(heldOut).map(([label, support]) => ({ label, support }));
  const metadata = {
    "ballsight.data": JSON.stringify(await fingerprint()),
    "ballsight.metrics": JSON.stringify({ classes }),
  };
  await writeFile(join(folder, "toy.onnx"), toyModel({ metadata }));
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-evaluate-"));
  await Promise.all(PHOTOS.map(([file, colour]) => photo(file, colour)));
  await writeFile(join(folder, "toy.onnx"), toyModel());
});

afterEach(() => rm(folder, { recursive: true, force: true }));

// softmax of (-2, -2, 2), and its logarithms, as torch has them.
const SURE = 0.9647;
const RIGHT_LOSS = 0.036;
const WRONG_LOSS = 4.036;

describe("the figures", () => {
  test("as JSON", async () => {
    const { code, stdout, stderr } = await evaluate("--json", "--csv", "answers.csv", "--top", "2");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({
      accuracy: 0.9,
      count: 10,
      labels: ["Blue", "Green", "Red"],
      confusion: [
        [2, 0, 0],
        [0, 3, 0],
        [0, 1, 4],
      ],
      most_confused: [{ actual: "Red", predicted: "Green", count: 1 }],
      split: { part: "all" },
      seen_in_training: null,
      warnings: [],
      left_out: [],
      unreadable: [],
    });
    expect(result.error_rate).toBeCloseTo(0.1, 9);
    expect(result.loss).toBeCloseTo(0.9 * RIGHT_LOSS + 0.1 * WRONG_LOSS, 3);
    // Wilson's interval of 9 in 10.
    expect(result.interval95.low).toBeCloseTo(0.5958, 4);
    expect(result.interval95.high).toBeCloseTo(0.9821, 4);
    expect(result.classes[1]).toEqual({ label: "Green", precision: 3 / 4, recall: 1, f1: 6 / 7, support: 3 });
    expect(result.macro.precision).toBeCloseTo((1 + 3 / 4 + 1) / 3, 9);
    // All ten lie in one bin.
    expect(result.expected_calibration_error).toBeCloseTo(SURE - 0.9, 3);
    expect(result.reliability.filter(({ count }: { count: number }) => count > 0)).toHaveLength(1);
    expect(result.top_losses).toHaveLength(2);
    expect(result.top_losses[0]).toMatchObject({ file: "Red/wrong.png", actual: "Red", predicted: "Green" });
    expect(result.top_losses[0].loss).toBeCloseTo(WRONG_LOSS, 3);
    expect(result.top_losses[0].probability).toBeCloseTo(SURE, 3);
    expect([basename(result.report), basename(result.csv)]).toEqual(["report.html", "answers.csv"]);

    const csv = await readFile(join(folder, "answers.csv"), "utf8");
    expect(csv).toMatch(/^file,actual,predicted,correct,probability,actual_probability,loss\n/);
    expect(csv).toMatch(/\nRed\/wrong\.png,Red,Green,0,0\.96\d+,0\.017\d+,4\.03\d+\n$/);
    expect(await answered("answers.csv")).toEqual(PHOTOS.map(([file]) => file));
  });

  test("as a table, with a report and nothing else left behind", async () => {
    const { code, stdout, stderr } = await evaluate();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const part of [
      /^9 of 10 photos named right$/m,
      /^accuracy +90\.0 % {2}\(95 % interval 59\.6 % to 98\.2 %\)$/m,
      /^Green +75\.0 % +100\.0 % +85\.7 % +3$/m,
      /^ {9}1 {2}2 {2}3\n1 Blue {3}2 {2}· {2}·\n2 Green {2}· {2}3 {2}·\n3 Red {4}· {2}1 {2}4$/m,
      /^ +1 {2}Red named Green$/m,
      /^ +4\.04 +Red +Green +96\.5 % {2}Red\/wrong\.png$/m,
      /^ +93-100 % +96\.5 % +90\.0 % +10$/m,
    ])
      expect(stdout).toMatch(part);
    expect(stdout).toContain(join(folder, "report.html"));
    expect((await readdir(folder)).sort()).toEqual(["photos", "report.html", "toy.onnx"]);
    const page = await readFile(join(folder, "report.html"), "utf8");
    expect(page.match(/<img src="data:image\/jpeg;base64,/g)).toHaveLength(10);
    expect(page).not.toMatch(/https?:|<script|<link/i);
  });

  test("of the recogniser that ships, on the pictures that the README shows", async () => {
    const examples = fileURLToPath(new URL("../../../../docs/examples/", import.meta.url));
    for (const name of await readdir(examples)) {
      const ball = join(folder, "balls", basename(name, ".jpg"));
      await mkdir(ball, { recursive: true });
      await copyFile(join(examples, name), join(ball, name));
    }
    const { code, stdout } = await ballsight(["evaluate", "balls", "--json"], { cwd: folder });
    const { accuracy, count, top_losses, seen_in_training } = JSON.parse(stdout);
    expect({ code, accuracy, count, seen_in_training }).toEqual({
      code: 0,
      accuracy: 1,
      count: 10,
      seen_in_training: false,
    });
    const readme = await readFile(new URL("../../../../README.md", import.meta.url), "utf8");
    for (const { actual, probability, loss } of top_losses) {
      expect(readme).toContain(`alt="${actual}"><br>${actual} ${(100 * probability).toFixed(1)} %`);
      expect(loss).toBeCloseTo(-Math.log(probability), 9);
    }
  });
});

describe("the training's split", () => {
  // torch.manual_seed(42); torch.randperm(10) -> [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]
  const held = (indices: readonly number[]) => indices.map((index) => PHOTOS[index]![0]);

  test("is fastai's, over the photos that can be read", async () => {
    await writeFile(join(folder, "photos", "Blue", "00.png"), "no picture");
    const { code, stderr } = await evaluate("--split", "valid", "--valid", "0.3", "--csv", "valid.csv");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ballsight: Blue\/00\.png: expected a photo .* \[NOT_AN_IMAGE\]$/m);
    expect(await answered("valid.csv")).toEqual(held([1, 2, 6]));
    await evaluate("--split", "train", "--valid", "0.3", "--csv", "train.csv");
    expect(await answered("train.csv")).toEqual(held([0, 3, 4, 5, 7, 8, 9]));
  });

  test("comes from the run that the model lies in, unless told otherwise", async () => {
    const config = { valid: 0.2, stratify: false, learner: { seed: 42 } };
    await writeFile(join(folder, "config.json"), JSON.stringify(config));
    const { code, stdout } = await evaluate("--split", "valid", "--csv", "answers.csv");
    expect(code).toBe(0);
    expect(stdout).toMatch(/held-out photos: 0\.2 held out at random, seed 42 \(defaults from config\.json\)/);
    expect(await answered("answers.csv")).toEqual(held([2, 6]));
    const { split } = JSON.parse((await evaluate("--split", "valid", "--valid", "0.5", "--json")).stdout);
    expect(split).toEqual({ part: "valid", valid: 0.5, seed: 42, stratify: false, from: "config.json" });
  });

  test("a config.json of something else says nothing", async () => {
    for (const text of ["{", "[]", '{"valid":"x","stratify":true,"learner":{"seed":1}}', "null"]) {
      await writeFile(join(folder, "config.json"), text);
      const { code, stdout } = await evaluate("--split", "valid", "--json");
      expect({ code, split: JSON.parse(stdout).split }).toEqual({
        code: 0,
        split: { part: "valid", valid: 0.1, seed: 42, stratify: false },
      });
    }
  });

  test("says when the figures are flattered, and is silent when they are not", async () => {
    await trainedModel({ Blue: 1, Green: 1, Red: 1 });
    const lines = async (...args: string[]) => (await evaluate(...args, "--valid", "0.3", "--json")).stderr;
    expect((await evaluate("--json")).stderr).toMatch(
      /^ballsight: the model was trained on these photos .* flattered; .* --split valid and the --valid, --seed and --stratify of its training\n$/,
    );
    // Photos 1, 2 and 6 are one of each class; so is any stratified third.
    expect(await lines("--split", "valid")).toBe("");
    expect(await lines("--split", "train")).toMatch(/^ballsight: the model was trained on these photos .*\n$/);
    await trainedModel({ Blue: 0, Green: 1, Red: 2 });
    expect(await lines("--split", "valid")).toMatch(/held out other photos .* give the --valid, --seed and --stratify/);
    await trainedModel({ Blue: 1, Green: 1, Red: 2 });
    expect(await lines("--split", "valid")).toMatch(/held out other photos .* add --stratify\n$/);
    expect(await lines("--split", "valid", "--stratify")).toBe("");
    await photo("Red/new.png", "Red");
    expect((await evaluate("--json")).stderr).toBe("");
    expect(await lines("--split", "valid")).toMatch(/trained on another list of photos/);
  });

  test("an unreadable photo does not hide that the model was trained on the others", async () => {
    await trainedModel({ Blue: 1, Green: 1, Red: 1 });
    await writeFile(join(folder, "photos", "Red", "bad.png"), "");
    const { code, stdout } = await evaluate("--json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      seen_in_training: true,
      count: 10,
      unreadable: [{ file: "Red/bad.png", error: { code: "EMPTY_FILE" } }],
    });
  });
});

describe("labels", () => {
  test("are the same whatever their case; folders that the model does not know are left out by name", async () => {
    for (const name of ["Blue", "Green"]) await rm(join(folder, "photos", name), { recursive: true });
    await photo("BLUE/0.png", "Blue");
    await photo("Pink/0.png", "Red");
    await photo("Pink/1.png", "Red");
    const { code, stdout, stderr } = await evaluate("--json");
    expect(code).toBe(0);
    expect(stderr.split("\n")).toEqual([
      "ballsight: no photos of Green, which the model also knows",
      "ballsight: left out, because the model knows no such label: Pink (2 photos)",
      "",
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      count: 6,
      confusion: [
        [1, 0, 0],
        [0, 0, 0],
        [0, 1, 4],
      ],
      left_out: [{ folder: "Pink", count: 2 }],
    });
  });

  test("none that the model knows is one clear error", async () => {
    for (const name of ["Cats", "Dogs"]) {
      await mkdir(join(folder, "pets", name), { recursive: true });
      await writeFile(join(folder, "pets", name, "1.jpg"), "");
    }
    const outcome = await ballsight(["evaluate", "pets", "--model", "toy.onnx"], { cwd: folder });
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(errorOf(outcome)).toEqual({
      code: "DATA_CLASSES_UNKNOWN",
      line: "ballsight: expected class folders named like the model's labels (Blue, Green, Red) in `pets` but found Cats, Dogs; rename the folders or name another model [DATA_CLASSES_UNKNOWN]",
    });
  });
});

describe("the report's place", () => {
  test("is never that of a training's report", async () => {
    const training = "<title>x · training report</title>";
    await writeFile(join(folder, "report.html"), training);
    expect((await evaluate()).stdout).toContain(join(folder, "evaluation.html"));
    expect(errorOf(await evaluate("--out", "report.html"))).toEqual({
      code: "BAD_OPTION",
      line: expect.stringContaining("report.html, which is a training's"),
    });
    expect(await readFile(join(folder, "report.html"), "utf8")).toBe(training);
    // Its own one is replaced.
    expect((await evaluate()).stdout).toContain(join(folder, "evaluation.html"));
  });

  test("is where --out says", async () => {
    const { code, stdout } = await evaluate("--out", "photos/../mine.html");
    expect(code).toBe(0);
    expect(stdout).toContain(`report  ${join(folder, "mine.html")}`);
    expect(await readdir(folder)).not.toContain("report.html");
  });
});

describe("wrong input ends with 2 and one clear line, before anything is written", () => {
  test.each<[string, string[], string, RegExp]>([
    ["a part that is none", ["--split", "test"], "BAD_OPTION", /one of all, valid, train.*received test/],
    ["a share above 1", ["--split", "valid", "--valid", "2"], "BAD_OPTION", /--valid.*received 2/],
    ["a seed of text", ["--seed", "x"], "BAD_OPTION", /--seed/],
    ["a top of -1", ["--top", "-1"], "BAD_OPTION", /--top/],
    ["a report that is no page", ["--out", "runs/x"], "BAD_OPTION", /ends in \.html for `--out`.*runs\/x/],
    ["a report in no folder", ["--out", "none/x.html"], "BAD_OPTION", /x\.html in .*none \(ENOENT\)/],
    ["a report in a file", ["--out", "toy.onnx/x.html"], "BAD_OPTION", /\(ENOTDIR\)/],
    [
      "answers over a photo",
      ["--csv", "photos/Red/0.png"],
      "BAD_OPTION",
      /ends in \.csv for `--csv`.*photos\/Red\/0\.png/,
    ],
    ["no such model", ["--model", "none.onnx"], "MODEL_NOT_FOUND", /none\.onnx/],
    ["too few to hold out", ["--split", "valid", "--valid", "0.05"], "DATA_TOO_FEW", /--split valid.*found 0/],
  ])("%s", async (_, args, code, words) => {
    const outcome = await evaluate(...args);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    const error = errorOf(outcome);
    expect(error.code).toBe(code);
    expect(error.line).toMatch(words);
    expect((await readdir(folder)).sort()).toEqual(["photos", "toy.onnx"]);
  });

  test("photos that can all not be read", async () => {
    await rm(join(folder, "photos"), { recursive: true });
    for (const name of ["Red", "Green"]) {
      await mkdir(join(folder, "photos", name), { recursive: true });
      await writeFile(join(folder, "photos", name, "1.jpg"), "text");
    }
    const outcome = await evaluate();
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(errorOf(outcome)).toEqual({ code: "DATA_TOO_FEW", line: expect.stringContaining("none that can be read") });
  });
});
