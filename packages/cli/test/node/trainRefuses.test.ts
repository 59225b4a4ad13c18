// What `train` cannot do it says in one line, with a code, before it starts or without leaving a half-made run; what it can, it does.

import { type ChildProcess, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { readModel } from "@ballsight/grad";
import { readSafetensors, writeSafetensors } from "@ballsight/vision";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ballsight, errorOf, finishedRun, type Outcome, photosOf } from "../helpers/training.ts";

const BROKEN = "bro\u001b[2J\nken.jpg";

let folder: string;
/** A finished run from `mixed`, and its weights for the tests that start from a file. */
let trained: Outcome;

const TINY = ["--size", "32", "--batch", "4", "--epochs", "1", "--cache", "cache"];
const train = (data: string, ...more: string[]) => ballsight(["train", data, ...TINY, ...more], { cwd: folder });

/** One line on stderr, exit code 2, nothing on stdout, and no run directory where none was before. */
async function expectRefused(run: Promise<Outcome>, code: string, text: string, out = "run"): Promise<void> {
  const outcome = await run;
  expect(errorOf(outcome)).toMatchObject({ code, line: expect.stringContaining(text) });
  expect(outcome).toMatchObject({ code: 2, stdout: "" });
  expect(outcome.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(outcome.stderr).toMatch(/^ballsight: expected /);
  expect(existsSync(join(folder, out))).toBe(false);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-train-bad-"));
  const photos = (name: string) => join(folder, name);
  await Promise.all([
    photosOf("Tennis", photos("two/Tennis"), 4),
    photosOf("Bowling", photos("two/Bowling"), 4),
    photosOf("Golf", photos("one/Golf"), 2),
    photosOf("Tennis", photos("stopped/Tennis"), 2),
    photosOf("Bowling", photos("stopped/Bowling"), 2),
    // Five photos of one class, one of another, none of a third; two files that are no photos.
    photosOf("Tennis", photos("mixed/Tennis"), 5),
    photosOf("Bowling", photos("mixed/Bowling"), 1),
    mkdir(photos("mixed/Nothing"), { recursive: true }),
    mkdir(photos("empty")),
  ]);
  // Its name would clear the terminal, and end the line.
  await writeFile(photos(`mixed/Tennis/${BROKEN}`), "not a photo");
  await cp(photos("mixed/Tennis/000.png"), photos("mixed/Bowling/cut.png"));
  await truncate(photos("mixed/Bowling/cut.png"), 400);
  await writeFile(photos("a-file"), "text");
  const settings = ["--weights", "none", "--stratify", "--valid", "0.2", "--batch", "16", "--head", "linear"];
  trained = await train("mixed", "--out", "trained", ...settings);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("trains all the same", () => {
  test("with fewer photos than a batch, a class of a single photo, an empty class and unreadable photos", async () => {
    expect(trained.code).toBe(0);
    const lines = trained.stderr.trimEnd().split("\n");
    expect(lines.sort()).toEqual([
      expect.stringMatching(/^ballsight: Bowling\/cut\.png: .* \[IMAGE_TRUNCATED\]$/),
      expect.stringMatching(/^ballsight: Tennis\/bro\\u001b\[2J\\u000aken\.jpg: .* \[NOT_AN_IMAGE\]$/),
      expect.stringMatching(/^ballsight: expected photos in class folder `Nothing` but found none/),
    ]);
    expect(trained.stdout).toMatch(/^2 classes, 5 photos to train on, 1 held out;/);
    const { position, model } = await finishedRun(join(folder, "trained"));
    expect(position.rows.map(({ phase, trainLoss }) => [phase, Number.isFinite(trainLoss)])).toEqual([
      ["frozen", true],
      ["unfrozen", true],
    ]);
    const { metadata } = readModel(new Uint8Array(model));
    expect(JSON.parse(metadata["ballsight.labels"] as string)).toEqual(["Bowling", "Tennis"]);
    const report = await readFile(join(folder, "trained", "report.html"), "utf8");
    expect(report).toContain("ken.jpg");
  });

  test("from a run's own weights, and tells in the card how to repeat it", async () => {
    const weights = ["--weights", "trained/weights.safetensors", "--valid", "0.25"];
    const { code, stdout, stderr } = await train("two", "--out", "again", "--epochs", "0", ...weights);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("weights weights.safetensors;");
    const config = JSON.parse(await readFile(join(folder, "again", "config.json"), "utf8"));
    expect(config.weights).toBe(join(folder, "trained", "weights.safetensors"));
    const { metadata } = readSafetensors(await readFile(join(folder, "again", "weights.safetensors")));
    expect(metadata).toMatchObject({ entry: "mobilenet_v2.tf_in1k", license: "none" });
    const card = await readFile(join(folder, "again", "README.md"), "utf8");
    expect(card).toContain("--weights weights.safetensors");
    expect(card).not.toContain(folder);
  });

  test("with nobody who reads what it says", async () => {
    // What it says of the photos breaks the pipe, what comes after must not end the training.
    const onStart = (child: ChildProcess) => void child.stderr!.destroy();
    const none = ["--weights", "none", "--stratify", "--valid", "0.2", "--cache", "cache", "--device", "webgpu"];
    const args = ["train", "mixed", ...TINY, ...none, "--out", "unheard"];
    const { code } = await ballsight(args, { cwd: folder, onStart, env: { VK_ICD_FILENAMES: "nowhere.json" } });
    expect(code).toBe(0);
    expect(existsSync(join(folder, "unheard", "model.onnx"))).toBe(true);
  });

  test("for no epoch at all: a model, a report, no rows", async () => {
    const none = ["--weights", "none", "--epochs", "0", "--freeze-epochs", "0", "--valid", "0.25"];
    const { code, stderr } = await train("two", "--out", "untrained", ...none);
    expect([code, stderr]).toEqual([0, ""]);
    expect(existsSync(join(folder, "untrained", "model.onnx"))).toBe(true);
    expect(await readFile(join(folder, "untrained", "report.html"), "utf8")).not.toMatch(/NaN|undefined/);
  });
});

describe("data", () => {
  const cases: [what: string, data: string, code: string, text: string][] = [
    ["nothing there", "nowhere", "DATA_NOT_A_FOLDER", "`"],
    ["a file", "a-file", "DATA_NOT_A_FOLDER", "but received a file"],
    ["no photo", "empty", "NO_PHOTOS", "found none"],
    ["one class", "one", "DATA_ONE_CLASS", "but found one (Golf)"],
  ];
  test.each(cases)("%s", async (_, data, code, text) => {
    await expectRefused(train(data, "--weights", "none", "--out", "run"), code, text);
  });

  test("none named", async () => {
    await expectRefused(ballsight(["train"], { cwd: folder }), "BAD_OPTION", "`<data>`");
  });

  test("nothing left to hold out, or to train on", async () => {
    const none = ["--weights", "none", "--out", "run", "--valid"];
    await expectRefused(train("two", ...none, "0.1"), "DATA_TOO_FEW", "two, held out");
    await expectRefused(train("two", ...none, "0.9"), "DATA_TOO_FEW", "two, to train on");
  });
});

describe("options", () => {
  test("a value that is none of its option's", async () => {
    await expectRefused(
      train("two", "--weights", "none", "--out", "run", "--epochs", "many"),
      "BAD_OPTION",
      "expected a whole number from 0 to 10000 for `--epochs` but received many",
    );
  });

  test("an unknown architecture, with what lies near", async () => {
    const run = train("two", "--arch", "mobilnet_v2", "--out", "run");
    await expectRefused(run, "UNKNOWN_ARCHITECTURE", "did you mean mobilenet_v2");
  });

  test("an unknown option or a second folder is commander's to refuse", async () => {
    for (const wrong of ["--epoch", "three"]) {
      const { code, stdout, stderr } = await train("two", wrong, "--out", "run");
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^error: /);
    }
    expect(existsSync(join(folder, "run"))).toBe(false);
  });
});

describe("weights", () => {
  const from = (weights: string) => train("two", "--out", "run", "--weights", weights, "--valid", "0.25");
  const refused = async (weights: string, code: string, text: string) => await expectRefused(from(weights), code, text);

  test("a file that is not there, a folder, no weights at all, an unknown name", async () => {
    await refused("none.safetensors", "FILE_NOT_FOUND", "none.safetensors");
    await refused("./two", "IS_A_FOLDER", "two");
    await refused("./a-file", "WEIGHTS_INVALID", "a-file");
    await refused("resnet", "BAD_OPTION", "`--weights`");
  });

  test("of another shape, or with a parameter missing: its name is told", async () => {
    const { tensors } = readSafetensors(await readFile(join(folder, "trained/weights.safetensors")));
    const name = "features.5.conv.1.0.weight";
    const { dims } = tensors.get(name)!;
    const other = new Map(tensors).set(name, { dtype: "float32", dims: [3], data: new Float32Array(3) });
    await writeFile(join(folder, "other.safetensors"), writeSafetensors(other));
    await refused("other.safetensors", "WEIGHTS_SHAPE", `shape [${dims}] for \`${name}\` but received [3] from \``);
    other.delete(name);
    await writeFile(join(folder, "less.safetensors"), writeSafetensors(other));
    await refused("less.safetensors", "WEIGHTS_SHAPE", `for \`${name}\` but received none`);
  });

  test("with a value that is no number: the loss tells, and the folder is free for the next try", async () => {
    const { tensors } = readSafetensors(await readFile(join(folder, "trained/weights.safetensors")));
    const last = tensors.get("features.18.0.weight")!;
    const data = Float32Array.from(last.data as Float32Array).fill(Number.NaN, 0, 1);
    const spoilt = new Map(tensors).set("features.18.0.weight", { dtype: "float32", dims: last.dims, data });
    await writeFile(join(folder, "spoilt.safetensors"), writeSafetensors(spoilt));
    const outcome = await from("spoilt.safetensors");
    expect(errorOf(outcome)).toMatchObject({ code: "LOSS_NOT_FINITE", line: expect.stringContaining("at step 1 ") });
    expect(outcome.code).toBe(2);
    expect(existsSync(join(folder, "run"))).toBe(false);
  });
});

describe("Ctrl-C", () => {
  test("while another process reads the same photos: one line, code 1, and no run", async () => {
    const before = await readdir(join(folder, "cache"));
    const none = ["--weights", "none", "--valid", "0.25"];
    await train("stopped", "--out", "first", "--epochs", "0", "--freeze-epochs", "0", ...none);
    const [key] = (await readdir(join(folder, "cache"))).filter((name) => !before.includes(name));
    const cached = join(folder, "cache", key!);
    // Other squares than those that are there.
    await writeFile(join(cached, "lock"), JSON.stringify({ pid: process.pid, host: hostname(), started: null }));
    const onStart = (child: ChildProcess) =>
      void child.stderr!.on("data", (text: Buffer) => String(text).includes("waiting for") && child.kill("SIGINT"));
    const outcome = await ballsight(["train", "stopped", ...TINY, "--size", "64", ...none, "--out", "run"], {
      cwd: folder,
      onStart,
    });
    await rm(join(cached, "lock"));
    expect(errorOf(outcome).code).toBe("INTERRUPTED");
    expect([outcome.code, outcome.stderr.trimEnd().split("\n").length]).toEqual([1, 2]);
    expect(existsSync(join(folder, "run"))).toBe(false);
  });
});

describe("places to write", () => {
  test("a path under a file, a cache under a file", async () => {
    const none = ["--weights", "none", "--valid", "0.25"];
    await expectRefused(train("two", ...none, "--out", "a-file/run"), "RUN_NOT_WRITABLE", "leads through a file");
    await expectRefused(train("two", ...none, "--out", "a-file"), "RUN_NOT_WRITABLE", "a-file", "none");
    expect(await readFile(join(folder, "a-file"), "utf8")).toBe("text");
    await expectRefused(train("two", ...none, "--out", "run", "--cache", "a-file/cache"), "BAD_OPTION", "`--cache`");
  });

  test("a full disk", async ({ skip }) => {
    const disk = join(folder, "disk");
    await mkdir(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      skip("a small disk can be mounted by root only");
    }
    try {
      const none = ["--weights", "none", "--valid", "0.25"];
      await expectRefused(train("two", ...none, "--out", "run", "--cache", "disk/cache"), "DISK_FULL", "disk/cache");
      const outcome = await train("two", ...none, "--out", "disk/run");
      expect(errorOf(outcome)).toMatchObject({
        code: "DISK_FULL",
        line: expect.stringContaining("checkpoint.safetensors"),
      });
      expect(outcome.code).toBe(2);
      expect(existsSync(join(disk, "run"))).toBe(false);
    } finally {
      execFileSync("umount", [disk]);
    }
  });
});

describe("a run that was damaged", () => {
  const FILES = ["checkpoint.safetensors", "config.json"] as const;
  const damaged = async (name: string, change: (path: string) => Promise<void>, code: string, text: string) => {
    const out = join(folder, "damaged");
    await mkdir(out);
    try {
      for (const file of FILES) await cp(join(folder, "trained", file), join(out, file));
      await change(join(out, name));
      const args = ["train", "--resume", "--out", "damaged", "--cache", "cache"];
      const outcome = await ballsight(args, { cwd: folder });
      expect(errorOf(outcome)).toMatchObject({ code, line: expect.stringContaining(text) });
      expect(outcome.code).toBe(2);
      expect((await readdir(out)).sort()).toEqual([...FILES]);
    } finally {
      await rm(out, { recursive: true });
    }
  };

  test("its checkpoint cut, of zeros, or weights of something else", async () => {
    const name = "checkpoint.safetensors";
    await damaged(name, (path) => truncate(path, 1_000_000), "CHECKPOINT_INVALID", "a damaged file");
    await damaged(name, (path) => writeFile(path, new Uint8Array(64)), "CHECKPOINT_INVALID", name);
    await damaged(name, (path) => writeFile(path, writeSafetensors([])), "CHECKPOINT_INVALID", "without a position");
  });

  test("its settings cut, or without what this version needs", async () => {
    const name = "config.json";
    await damaged(name, (path) => truncate(path, 100), "CHECKPOINT_INVALID", "no JSON object");
    await damaged(name, (path) => writeFile(path, "{}"), "CHECKPOINT_INVALID", "without `data`");
    const change = async (path: string) => {
      const config = JSON.parse(await readFile(path, "utf8"));
      delete config.learner.mixup;
      await writeFile(path, JSON.stringify(config));
    };
    await damaged(name, change, "CHECKPOINT_INVALID", "without `learner.mixup`");
  });

  test("but not its checkpoint: goes on without the weights that it started from", async () => {
    const weights = join(folder, "gone.safetensors");
    await cp(join(folder, "trained", "weights.safetensors"), weights);
    const more = ["--weights", "gone.safetensors", "--valid", "0.25"];
    expect((await train("two", "--out", "orphan", ...more)).code).toBe(0);
    await rm(weights);
    for (const file of ["model.onnx", "README.md"]) await rm(join(folder, "orphan", file));
    const args = ["train", "--resume", "--out", "orphan", "--cache", "cache"];
    const { code, stdout } = await ballsight(args, { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).toContain("weights gone.safetensors;");
    const card = await readFile(join(folder, "orphan", "README.md"), "utf8");
    expect(card).toContain("| started from | gone.safetensors (none) |");
  });

  test("its photos changed since", async () => {
    const data = join(folder, "mixed/Tennis/005.png");
    await cp(join(folder, "two/Tennis/003.png"), data);
    try {
      await damaged("config.json", async () => undefined, "DATA_CHANGED", "added, changed or removed");
    } finally {
      await rm(data);
    }
  });
});
