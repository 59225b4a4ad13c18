// A whole training as a child process: what it leaves and prints, the same bytes from the same seed, and from a run that was stopped or killed.

import type { ChildProcess } from "node:child_process";
import { readdirSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readModel } from "@ballsight/grad";
import type { EpochRow } from "@ballsight/vision";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  ballsight,
  besidesProgress,
  errorOf,
  expectNothingHalfWritten,
  expectSameRun,
  finishedRun,
  hasTerminal,
  inTerminal,
  photosOf,
  readRunCheckpoint,
} from "../helpers/training.ts";

// Whole trainings, several to a test: on a machine that does other work as well they take minutes.
vi.setConfig({ testTimeout: 400_000 });

let folder: string;
/** A run that nothing disturbed; the others must end like it. */
let whole: Awaited<ReturnType<typeof finishedRun>>;

/** Mixed, averaged, and from 32 to 64 px: all that has a state. Sizes by epoch: 32 | 32 32 64. */
const SETTINGS = ["--weights", "none", "--size", "64", "--start-size", "32", "--batch", "4", "--epochs", "3"].concat(
  ["--resize", "64", "--aug-mult", "1"],
  ["--mixup", "0.4", "--average", "0.9", "--stratify", "--valid", "0.2", "--cache", "cache", "--seed", "5"],
);
const start = (out: string, ...more: string[]) => ["train", "photos", ...SETTINGS, "--out", out, ...more];
const resume = (out: string, ...more: string[]) => ["train", "--resume", "--cache", "cache", "--out", out, ...more];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-train-"));
  await photosOf("Tennis", join(folder, "photos", "Мяч"), 16);
  await photosOf("Bowling", join(folder, "photos", "ボール"), 16);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("a training", () => {
  test("leaves the run directory of the contract and prints fastai's table", async () => {
    const outcome = await ballsight(start("whole"), { cwd: folder });
    const { code, stdout } = outcome;
    expect([code, besidesProgress(outcome)]).toEqual([0, []]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toBe(`2 classes, 26 photos to train on, 6 held out; weights none; run ${join(folder, "whole")}`);
    const header = "epoch     train_loss  valid_loss  error_rate  accuracy  time";
    const number = String.raw`\d+\.\d{6} +`;
    const row = (epoch: number) =>
      expect.stringMatching(`^${epoch} +${number}${number}${number}${number}\\d\\d:\\d\\d$`);
    expect(lines.slice(1, 7)).toEqual([header, row(0), header, row(0), row(1), row(2)]);
    expect(stdout).toMatch(
      /\nheld-out accuracy \d+\.\d\d % of 6 photos\nmodel +\S+model\.onnx\nreport +\S+report\.html\n$/,
    );

    whole = await finishedRun(join(folder, "whole"));
    expect(whole.history[0]).toBe("epoch,train_loss,valid_loss,error_rate,accuracy,phase,lr");
    expect(whole.history.slice(1, 5).map((line) => line.split(",").toSpliced(1, 4).slice(0, 2).join())).toEqual([
      "0,frozen",
      "0,unfrozen",
      "1,unfrozen",
      "2,unfrozen",
    ]);
    expect(whole.position.rows.map(({ size }) => size)).toEqual([32, 32, 64, 64]);
    const config = JSON.parse(await readFile(join(folder, "whole", "config.json"), "utf8"));
    expect(config).toMatchObject({
      data: join(folder, "photos"),
      arch: "mobilenet_v2",
      weights: "none",
      valid: 0.2,
      stratify: true,
      learner: { size: 64, startSize: 32, batch: 4, epochs: 3, mixup: 0.4, average: 0.9, seed: 5 },
    });
    const report = await readFile(join(folder, "whole", "report.html"), "utf8");
    // Four epochs of six steps.
    for (const text of ["Мяч", "ボール", "mobilenet_v2", "step 6: ", "step 24: "]) expect(report).toContain(text);
  });

  test("keeps label names of any alphabet: in the model's metadata and in what predict prints", async () => {
    const { metadata } = readModel(new Uint8Array(whole.model));
    expect(JSON.parse(metadata["ballsight.labels"] as string)).toEqual(["Мяч", "ボール"]);
    const args = ["predict", "photos/Мяч/000.png", "--model", "whole/model.onnx", "--json"];
    const { code, stdout } = await ballsight(args, { cwd: folder });
    expect(code).toBe(0);
    const { top } = JSON.parse(stdout) as { top: { label: string; confidence: number }[] };
    expect(top.map(({ label }) => label).sort()).toEqual(["Мяч", "ボール"]);
    expect(top[0]!.confidence + top[1]!.confidence).toBeCloseTo(1, 5);
  });

  test("gives the same bytes again from the same seed, and --json prints one object per epoch and one at the end", async () => {
    const { code, stdout, stderr } = await ballsight(start("again", "--json"), { cwd: folder });
    expect([code, stderr]).toEqual([0, ""]);
    expectSameRun(await finishedRun(join(folder, "again")), whole);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(5);
    expect(lines.slice(0, 4)).toMatchObject(whole.position.rows);
    expect(Object.keys(lines[0])).toEqual(
      "phase epoch size trainLoss validLoss errorRate accuracy lr seconds engineSeconds waitSeconds".split(" "),
    );
    const last = whole.position.rows.at(-1)!;
    expect(lines[4]).toMatchObject({
      accuracy: last.accuracy,
      loss: last.validLoss,
      count: 6,
      trained_on: 26,
      model: join(folder, "again", "model.onnx"),
    });
    expect(lines[4].confusion.flat().reduce((a: number, b: number) => a + b)).toBe(6);
  });
});

/** Calls back, once, when a line of stdout says that `count` epochs are over; with the engine's seconds in the last of them. */
function afterEpochs(count: number, then: (child: ChildProcess, engineSeconds: number) => void) {
  let done = false;
  return (stdout: string, child: ChildProcess) => {
    const lines = stdout.split("\n").slice(0, -1);
    if (done || lines.length < count) return;
    done = true;
    then(child, (JSON.parse(lines[count - 1]!) as EpochRow).engineSeconds);
  };
}

/** Kills when some of an epoch's steps should be over, if it takes about as long as the one before. */
const partOfAnEpochLater = (child: ChildProcess, engineSeconds: number) =>
  void setTimeout(() => child.kill("SIGKILL"), 300 * engineSeconds);

describe.skipIf(!hasTerminal)("a training that is stopped with Ctrl-C", () => {
  test("in the middle of an epoch saves, says how to go on, and ends with the same bytes", async () => {
    let pressed = false;
    const { code, screen } = await inTerminal(start("stopped"), {
      cwd: folder,
      // The bar says that some of the six steps are done; enough are left for a key that comes late.
      onScreen: (shown, press) => {
        if (pressed || !/Epoch 2\/3: [^\r]*\[[1-2]\/6/.test(shown)) return;
        pressed = true;
        press("\x03");
      },
    });
    expect(code).toBe(1);
    expect(screen).toContain("stopping after this step, with a checkpoint");
    expect(screen).toContain(`stopped; go on with: ballsight train --resume --out ${join(folder, "stopped")}`);
    const files = ["checkpoint.safetensors", "config.json", "data.jsonl", "history.csv"];
    expect((await readdir(join(folder, "stopped"))).sort()).toEqual(files);
    const { position } = await readRunCheckpoint(join(folder, "stopped"));
    expect([position.rows.length, position.phase, position.epoch]).toEqual([2, 1, 1]);
    expect(position.step).toBeGreaterThan(0);
    expect(position.step).toBeLessThan(6);
    const second = await ballsight(resume("stopped"), { cwd: folder });
    expect([second.code, besidesProgress(second)]).toEqual([0, []]);
    expectSameRun(await finishedRun(join(folder, "stopped")), whole);
  });
});

/** Kills once `seen` is true of the files in the folder. */
function killWhen(out: string, seen: (names: readonly string[]) => boolean) {
  return (child: ChildProcess) => {
    const look = setInterval(() => {
      let names: string[] = [];
      try {
        names = readdirSync(out);
      } catch {
        // not made yet
      }
      if (seen(names)) child.kill("SIGKILL");
      if (seen(names) || child.exitCode !== null) clearInterval(look);
    }, 1);
  };
}

describe("a training that is killed", () => {
  const cold = (args: string[]) => args.map((arg) => (arg === "cache" ? "cold-cache" : arg));
  const expectKilled = async (args: string[], how: Omit<Parameters<typeof ballsight>[1], "cwd">) => {
    // Photos are decoded into a cache of its own: there is nothing at the start.
    const { signal } = await ballsight(cold(args), { cwd: folder, ...how });
    expect(signal).toBe("SIGKILL");
    await expectNothingHalfWritten(join(folder, "killed"));
  };
  const killedWhen = (args: string[], seen: (names: readonly string[]) => boolean) =>
    expectKilled(args, { onStart: killWhen(join(folder, "killed"), seen) });
  const writing = (names: readonly string[]) => names.some((name) => /^\.checkpoint.*\.tmp$/.test(name));

  test("while photos are decoded, has its settings and no more", async () => {
    await killedWhen(start("killed"), (names) => names.includes("config.json"));
    expect(await readdir(join(folder, "killed"))).not.toContain("checkpoint.safetensors");
  });

  test("while the first checkpoint is written, has nothing under its name", async () => {
    await killedWhen(resume("killed"), writing);
    expect(await readdir(join(folder, "killed"))).not.toContain("checkpoint.safetensors");
  });

  test("while a later one is written, has the one before", async () => {
    const later = (child: ChildProcess) => void setTimeout(() => killWhen(join(folder, "killed"), writing)(child), 50);
    await expectKilled(resume("killed", "--json"), { onOutput: afterEpochs(1, later) });
    expect((await readRunCheckpoint(join(folder, "killed"))).position.rows.length).toBeGreaterThan(0);
  });

  test("in the middle of an epoch, has the epoch before", async () => {
    const onOutput = afterEpochs(1, partOfAnEpochLater);
    await expectKilled(resume("killed", "--json"), { onOutput });
    // Of the epoch under way nothing is there: what there is ends with a whole one.
    expect((await readRunCheckpoint(join(folder, "killed"))).position.step).toBe(0);
  });

  test("while the model is written, has all that was learned", async () => {
    await killedWhen(resume("killed"), (names) => names.some((name) => name.includes("model.onnx")));
    expect((await readRunCheckpoint(join(folder, "killed"))).position.rows).toHaveLength(4);
  });

  test("ends with the same bytes all the same, and leaves nothing behind", async () => {
    const outcome = await ballsight(cold(resume("killed")), { cwd: folder });
    expect([outcome.code, besidesProgress(outcome)]).toEqual([0, []]);
    expectSameRun(await finishedRun(join(folder, "killed")), whole);
    const cache = await readdir(join(folder, "cold-cache"), { recursive: true });
    expect(cache.filter((name) => /\.(tmp|part)$|lock/.test(name))).toEqual([]);
  });

  test("is done when it is resumed once more: the same files again", async () => {
    const { code } = await ballsight(resume("killed"), { cwd: folder });
    expect(code).toBe(0);
    expectSameRun(await finishedRun(join(folder, "killed")), whole);
  });
});

describe("--resume", () => {
  const refused = async (args: string[], code: string, text: string | RegExp) => {
    const before = await readFile(join(folder, "whole", "model.onnx"));
    const outcome = await ballsight(args, { cwd: folder });
    expect(errorOf(outcome)).toMatchObject({ code, line: expect.stringMatching(text) });
    expect(outcome.code).toBe(2);
    expect(outcome.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect((await readFile(join(folder, "whole", "model.onnx"))).equals(before)).toBe(true);
    expect(await readdir(join(folder, "whole"))).not.toContain("lock");
  };

  test("with another setting or another folder of photos is refused", async () => {
    await refused(resume("whole", "--lr", "1e-3"), "CONFIG_MISMATCH", "for `--lr`");
    await refused(resume("whole", "--frozen-norms"), "CONFIG_MISMATCH", "for `--frozen-norms`");
    const other = ["train", "photos/Мяч", ...resume("whole").slice(1)];
    await refused(other, "CONFIG_MISMATCH", "for `<data>`");
  });

  test("with the run's own settings given again is fine, a new run in its place is not", async () => {
    await refused(start("whole"), "RUN_EXISTS", "`whole`");
    // Refused for the checkpoint's sake, not for the settings'.
    await refused([...start("nowhere"), "--resume"], "RUN_NOT_FOUND", "`nowhere`");
    await refused(["train", "--resume"], "BAD_OPTION", "`--out`");
  });
});
