// A comparison as a child process: what it leaves and prints, networks that fail or crash, killed and stopped in the middle, what it refuses.

import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  ballsight,
  besidesProgress,
  errorOf,
  expectSameRun,
  finishedRun,
  hasTerminal,
  inTerminal,
  type Outcome,
  photosOf,
  readRunCheckpoint,
} from "../helpers/training.ts";

// Whole trainings, several to a test: on a machine that does other work as well they take minutes.
vi.setConfig({ testTimeout: 600_000 });

let folder: string;
const at = (...path: string[]) => join(folder, ...path);

const NETWORKS = ["mobilenet_v3_small", "mobilenet_v2"] as const;
const SETTINGS = ["--archs", NETWORKS.join(), "--weights", "none", "--size", "32", "--batch", "4"].concat([
  "--epochs",
  "4",
  "--valid",
  "0.25",
  "--stratify",
  "--seed",
  "5",
  "--cache",
  "cache",
]);
const start = (out: string, ...more: string[]) => ["compare", "photos", ...SETTINGS, "--out", out, ...more];
const resume = (out: string, ...more: string[]) => ["compare", "--resume", "--cache", "cache", "--out", out, ...more];
/** Nothing is trained: the head stays as it is drawn. */
const UNTRAINED = ["--size", "32", "--batch", "4", "--epochs", "0", "--freeze-epochs", "0", "--valid", "0.25"];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-compare-"));
  await photosOf("Tennis", at("photos", "Мяч"), 12);
  await photosOf("Bowling", at("photos", "ボール"), 12);
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

const jsonLines = ({ stdout }: Outcome) =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** All but what a clock tells: `seconds` and `latency_ms`. */
async function results(out: string): Promise<string[]> {
  const csv = await readFile(at(out, "compare.csv"), "utf8");
  return csv.split("\n").map((line) => line.split(",").toSpliced(14, 1).toSpliced(11, 1).join());
}

async function expectSameComparison(out: string): Promise<void> {
  for (const network of NETWORKS)
    expectSameRun(await finishedRun(at(out, network)), await finishedRun(at("whole", network)));
  expect(await results(out)).toEqual(await results("whole"));
  expect((await readdir(at(out))).sort()).toEqual(["compare.csv", "compare.html", "compare.json", ...NETWORKS].sort());
}

async function until(seen: () => boolean): Promise<void> {
  while (!seen()) await sleep(5);
}

/** The process that trains in a run directory. */
function holder(...run: string[]): number | undefined {
  try {
    return (JSON.parse(readFileSync(at(...run, "lock"), "utf8")) as { pid: number }).pid;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("a comparison", () => {
  test("leaves a run per network, CSV and page, names the best and copies it", async () => {
    const outcome = await ballsight(start("whole", "--copy-best", "best", "--json"), { cwd: folder });
    expect([outcome.code, outcome.stderr]).toEqual([0, ""]);
    const [first, second, last, ...more] = jsonLines(outcome);
    expect(more).toEqual([]);
    expect([first.network, second.network]).toEqual(NETWORKS);
    const ahead = second.accuracy - first.accuracy || first.valid_loss - second.valid_loss;
    const better = ahead > 0 ? second : first;
    expect(last).toMatchObject({
      best: better.network,
      interrupted: false,
      out: at("whole"),
      csv: at("whole/compare.csv"),
    });

    for (const row of [first, second]) {
      const { position } = await finishedRun(row.run);
      const { trainLoss, validLoss, accuracy } = position.rows.at(-1)!;
      expect(row).toMatchObject({ start_weights: "random", train_loss: trainLoss, valid_loss: validLoss, accuracy });
      expect(row).toMatchObject({ count: 6, trained_on: 18, epochs: 5, error_rate: 1 - accuracy });
      const answers = (await readFile(join(row.run, "predictions.csv"), "utf8")).trimEnd().split("\n").slice(1);
      expect(answers.filter((line) => line.split(",")[3] === "1").length / answers.length).toBe(accuracy);
      expect(row.model_bytes).toBe((await readFile(join(row.run, "model.onnx"))).length);
      expect(row.latency_ms).toBeGreaterThan(0);
    }
    // Bodies as torchvision has them without the classifier, and one layer for two classes.
    const head = (features: number) => (features + 1) * 2;
    expect(first.parameters).toBe(927_008 + head(576));
    expect(second.parameters).toBe(2_223_872 + head(1280));

    const photos = (network: string) =>
      readFileSync(at("whole", network, "predictions.csv"), "utf8").replaceAll(/^([^,]+,[^,]+).*$/gm, "$1");
    expect(photos(NETWORKS[0])).toBe(photos(NETWORKS[1]));

    expect((await readdir(at("best"))).sort()).toEqual([`${last.best}.md`, `${last.best}.onnx`]);
    expect(last.copied).toBe(at("best", `${last.best}.onnx`));
    expect((await readFile(last.copied)).equals(await readFile(join(better.run, "model.onnx")))).toBe(true);
    const page = await readFile(at("whole", "compare.html"), "utf8");
    for (const network of NETWORKS) expect(page).toContain(network);
    // Photos are shown where the networks' answers (the third column) differ.
    const answered = NETWORKS.map((network) =>
      readFileSync(at("whole", network, "predictions.csv"), "utf8")
        .trimEnd()
        .split("\n")
        .slice(1)
        .map((line) => line.split(",")),
    );
    const disputed = answered[0]!.filter((line, row) => line[2] !== answered[1]![row]![2]);
    expect(page.match(/data:image\/jpeg;base64,/g)?.length ?? 0).toBe(disputed.length);
    for (const [, actual] of disputed) expect(page).toContain(actual);
  });

  test("that is finished is read back when it is resumed: the same table, quickly", async () => {
    const outcome = await ballsight(resume("whole"), { cwd: folder });
    const { stdout } = outcome;
    expect([outcome.code, besidesProgress(outcome)]).toEqual([0, []]);
    expect(stdout).toMatch(/^network +start weights +train_loss +valid_loss +error_rate +accuracy/m);
    expect(stdout).toMatch(/^mobilenet_v2 +random +\d\.\d{4} +\d\.\d{4} +\d\.\d{4} +\d+\.\d %/m);
    expect(stdout).toMatch(/^best: mobilenet_v\w+, \d+\.\d % of 6 held-out photos$/m);
    await expectSameComparison("whole");
  });
});

describe("a comparison that does not come to its end", () => {
  test("stopped with Ctrl-C in one network and killed in the next, ends with the same bytes", async () => {
    const stopped = await ballsight(start("broken", "--json"), {
      cwd: folder,
      onStart: async (child) => {
        await until(() => existsSync(at("broken", NETWORKS[0], "checkpoint.safetensors")));
        child.kill("SIGINT");
      },
    });
    expect(stopped.code).toBe(1);
    expect(stopped.stderr.trimEnd().split("\n")).toEqual([
      "ballsight: stopping after this step, with a checkpoint (again to stop at once)",
      `ballsight: stopped; go on with: ballsight compare --resume --out ${at("broken")}`,
    ]);
    expect(jsonLines(stopped)).toMatchObject([{ best: null, networks: [], interrupted: true }]);
    expect(await readdir(at("broken"))).not.toContain(NETWORKS[1]);
    expect((await readdir(at("broken", NETWORKS[0]))).sort()).toEqual([
      "checkpoint.safetensors",
      "config.json",
      "data.jsonl",
      "history.csv",
    ]);

    let orphan: number | undefined;
    const killed = await ballsight(resume("broken"), {
      cwd: folder,
      onStart: async (child) => {
        await until(() => existsSync(at("broken", NETWORKS[1], "checkpoint.safetensors")));
        orphan = holder("broken", NETWORKS[1]);
        child.kill("SIGKILL");
      },
    });
    expect(killed.signal).toBe("SIGKILL");
    expect(killed.stdout).toMatch(/^mobilenet_v3_small: \d+\.\d %/m);
    expect(await results("broken")).toHaveLength(3);

    // At once: the training of the killed one may still be about to save.
    const again = await ballsight(resume("broken"), { cwd: folder });
    expect(again.code).toBe(0);
    expect(besidesProgress(again).join()).toMatch(/^(ballsight: waiting for process \d+, which still trains in \S+)?$/);
    expect(isAlive(orphan!)).toBe(false);
    await expectSameComparison("broken");
  });

  test.runIf(hasTerminal)(
    "stopped from a terminal, whose Ctrl-C reaches the training too, saves all the same",
    async () => {
      let pressed = false;
      const { code, screen } = await inTerminal(start("terminal"), {
        cwd: folder,
        onScreen: (text, press) => {
          if (pressed || !/1\/2 mobilenet_v3_small Epoch 2\/4: /.test(text)) return;
          pressed = true;
          press("\u0003");
        },
      });
      expect(code).toBe(1);
      expect(screen).toMatch(/Epoch 2\/4: .*\[\d\/4 .*\] \d\d:\d\d left/);
      expect(screen).toContain("stopping after this step, with a checkpoint");
      expect(screen).toContain("stopped; go on with: ballsight compare --resume --out");
      // In the middle of an epoch, or at its end, but not the one before: that is what ends at once leaves.
      const { position } = await readRunCheckpoint(at("terminal", NETWORKS[0]));
      expect(position.rows.length).toBeGreaterThanOrEqual(2);
      expect(existsSync(at("terminal", NETWORKS[0], "lock"))).toBe(false);
    },
  );

  test("both killed at once, as by a power cut", async () => {
    await ballsight(start("dark"), {
      cwd: folder,
      onStart: async (child) => {
        await until(() => existsSync(at("dark", NETWORKS[0], "checkpoint.safetensors")));
        process.kill(holder("dark", NETWORKS[0])!, "SIGKILL");
        child.kill("SIGKILL");
      },
    });
    expect(await readdir(at("dark", NETWORKS[0]))).not.toContain("model.onnx");
    const outcome = await ballsight(resume("dark"), { cwd: folder });
    expect([outcome.code, besidesProgress(outcome)]).toEqual([0, []]);
    await expectSameComparison("dark");
  });
});

describe("a network that fails", () => {
  const failing = ["--archs", "mobilenet_v3_small,mobilenet_v2", ...UNTRAINED, "--cache", "cache", "--out", "failing"];

  test("for want of its weights does not stop the others, and can be had later, from random weights", async () => {
    const outcome = await ballsight(["compare", "photos", ...failing, "--offline"], { cwd: folder });
    expect(outcome.code).toBe(1);
    const lines = besidesProgress(outcome);
    expect(lines[0]).toMatch(/^ballsight: mobilenet_v3_small: expected the weights of .* \[WEIGHTS_MISSING\]$/);
    expect(lines.slice(1)).toEqual([expect.stringContaining("starts from the shipped recogniser")]);
    expect(outcome.stdout).toMatch(/^mobilenet_v3_small +failed: WEIGHTS_MISSING$/m);
    expect(outcome.stdout).toMatch(/^best: mobilenet_v2, /m);
    expect((await results("failing"))[2]).toMatch(/^mobilenet_v3_small,,.*,WEIGHTS_MISSING$/);
    expect(existsSync(at("failing", "mobilenet_v3_small"))).toBe(false);
    const page = await readFile(at("failing", "compare.html"), "utf8");
    expect(page).toContain("its accuracy on those is flattered");
    expect(page).toContain("mobilenet_v3_small failed: expected the weights");

    const again = await ballsight(resume("failing", "--offline", "--random-if-missing", "--json"), { cwd: folder });
    expect(again.code).toBe(0);
    expect(again.stderr).toMatch(/; mobilenet_v3_small starts from random weights\n$/);
    expect(jsonLines(again)[0]).toMatchObject({
      network: "mobilenet_v3_small",
      start_weights: "random (none at hand)",
      train_loss: null,
    });
    expect(await readFile(at("failing", "compare.csv"), "utf8")).toContain("random (none at hand),nan,");
    expect(await readFile(at("failing", "compare.html"), "utf8")).toContain("random (none at hand)");
  });

  test("because its process dies, is told from the others, and goes on when the comparison does", async () => {
    const outcome = await ballsight(start("crashed", "--json"), {
      cwd: folder,
      onStart: async () => {
        await until(() => existsSync(at("crashed", NETWORKS[0], "checkpoint.safetensors")));
        process.kill(holder("crashed", NETWORKS[0])!, "SIGKILL");
      },
    });
    expect(outcome.code).toBe(1);
    expect(errorOf(outcome)).toMatchObject({ code: "TRAINING_ENDED", line: expect.stringContaining("SIGKILL") });
    expect(jsonLines(outcome)).toMatchObject([
      { network: NETWORKS[0], error: { code: "TRAINING_ENDED" } },
      { network: NETWORKS[1], count: 6 },
      { best: NETWORKS[1], interrupted: false },
    ]);
    const { code } = await ballsight(resume("crashed"), { cwd: folder });
    expect(code).toBe(0);
    await expectSameComparison("crashed");
  });
});

describe("refuses", () => {
  async function expectRefused(args: string[], code: string, text: string): Promise<void> {
    const outcome = await ballsight(args, { cwd: folder });
    expect(errorOf(outcome)).toMatchObject({ code, line: expect.stringContaining(text) });
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(existsSync(at("refused"))).toBe(false);
  }
  const refused = (...more: string[]) => ["compare", "photos", "--out", "refused", ...more];

  test("networks that it does not know, or that are named twice, before anything starts", async () => {
    const advice = "but received `resnet43`; did you mean";
    await expectRefused(refused("--archs", "mobilenet_v2,resnet43"), "UNKNOWN_ARCHITECTURE", advice);
    await expectRefused(refused("--archs", "vgg16,vgg16"), "BAD_OPTION", "vgg16 twice");
    await expectRefused(refused("--weights", "mine.pth"), "BAD_OPTION", "`--weights`");
    await expectRefused(refused("--epochs", "many"), "BAD_OPTION", "`--epochs`");
  });

  test("photos that cannot be learned, without leaving anything", async () => {
    await photosOf("Golf", at("one", "Golf"), 2);
    await expectRefused(["compare", "one", "--out", "refused"], "DATA_ONE_CLASS", "`one`");
    await expectRefused(["compare", "nowhere", "--out", "refused"], "DATA_NOT_A_FOLDER", "`nowhere`");
    await expectRefused(["compare", "--out", "refused"], "BAD_OPTION", "`<data>`");
    // What only the training itself finds out: there is nothing left to train on.
    await cp(at("photos", "Мяч", "000.png"), at("few", "a", "0.png"));
    await cp(at("photos", "ボール", "000.png"), at("few", "b", "0.png"));
    const few = ["compare", "few", "--out", "refused", "--weights", "none", "--cache", "cache", "--size", "32"];
    const outcome = await ballsight(few, { cwd: folder });
    expect([outcome.code, errorOf(outcome).code]).toEqual([2, "DATA_TOO_FEW"]);
    expect(outcome.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(existsSync(at("refused"))).toBe(false);
    // A network that fails before leaves table and page: they go too, for the corrected command's sake.
    const both = few
      .map((arg) => (arg === "none" ? "default" : arg))
      .concat("--archs", "resnet34,mobilenet_v2", "--offline");
    const after = await ballsight(both, { cwd: folder });
    expect([after.code, errorOf(after).code]).toEqual([2, "DATA_TOO_FEW"]);
    expect(after.stderr).toContain("[WEIGHTS_MISSING]");
    expect(existsSync(at("refused"))).toBe(false);
  });

  test("to go on with nothing, with other settings, other photos, or beside a comparison that runs", async () => {
    await expectRefused(["compare", "--resume"], "BAD_OPTION", "`--out`");
    await expectRefused(resume("refused"), "RUN_NOT_FOUND", "`refused`");
    await expectRefused(start("whole"), "RUN_EXISTS", "`whole`");
    await writeFile(at("a-file"), "");
    await expectRefused(
      start("refused", "--copy-best", "a-file/best"),
      "RUN_NOT_WRITABLE",
      "name another with --copy-best",
    );
    await expectRefused(resume("whole", "--epochs", "9"), "CONFIG_MISMATCH", "`--epochs`");
    await expectRefused(resume("whole", "--archs", "vgg16"), "CONFIG_MISMATCH", "`--archs`");
    await mkdir(at("photos", "new"));
    await cp(at("photos", "Мяч", "000.png"), at("photos", "new", "0.png"));
    await expectRefused(resume("whole"), "DATA_CHANGED", "added, changed or removed");
    await rm(at("photos", "new"), { recursive: true });
    await writeFile(at("whole", "lock"), JSON.stringify({ pid: process.pid, host: hostname(), started: null }));
    await expectRefused(resume("whole"), "RUN_NOT_WRITABLE", `process ${process.pid} trains in`);
    await rm(at("whole", "lock"));
  });
});
