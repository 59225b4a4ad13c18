// Copies on one side of the split, versions of data sets, and training in rounds, as child processes on rendered photos.

import { mkdir, mkdtemp, readdir, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { render } from "../../../render/src/index.ts";
import { type DataVersion, formatVersion, readVersion, type VersionPhoto } from "../../src/data/version.ts";
import { sha256 } from "../helpers/review.ts";
import { ballsight, errorOf, photosOf } from "../helpers/training.ts";

vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

let folder: string;
const SETTINGS = ["--weights", "none", "--size", "32", "--batch", "8", "--epochs", "1", "--valid", "0.3"];
/** Of a body that has never seen a rendered ball: what heads on it learn of labels is what they are shown. */
const WEIGHTS = fileURLToPath(new URL("../../../../models/mobilenet_v2.sports_balls.safetensors", import.meta.url));
const WITH_WEIGHTS = ["--weights", WEIGHTS, ...SETTINGS.slice(2), "--test-size", "64"];
const HERE = ["--cache", "cache"];
const train = (...args: string[]) => ballsight(["train", ...args, ...HERE], { cwd: folder });
const parts = (version: DataVersion, split: string) =>
  version.flatMap((photo) => (photo.split === split ? [photo.file] : []));

/**
 * Sixteen photos of each of four balls, of which two are called the next one, and a copy byte for byte. Returns them, the third and fourth of
 * each held out.
 */
async function plantedBalls(root: string): Promise<DataVersion> {
  const balls = ["Basketball", "Bowling", "Golf", "Tennis"] as const;
  const version: VersionPhoto[] = [];
  const put = async (label: string, name: string, bytes: Uint8Array, split: VersionPhoto["split"]) => {
    await mkdir(join(root, label), { recursive: true });
    await writeFile(join(root, label, name), bytes);
    version.push({ sha256: sha256(bytes), label, split, file: `${label}/${name}` });
  };
  for (const [k, ball] of balls.entries()) {
    for (let i = 0; i < 16; i++) {
      const label = i < 2 ? balls[(k + 1) % balls.length]! : ball;
      const { width, height, data } = render({ ball, size: 64, seed: 1000 * k + i });
      const photo = sharp(data, { raw: { width, height, channels: 3 } }).png({ compressionLevel: 1 });
      const bytes = await photo.toBuffer();
      await put(label, `${ball}-${i}.png`, bytes, i === 2 || i === 3 ? "valid" : "train");
      if (label === "Golf" && i === 15) await put(label, `${ball}-${i}-copy.png`, bytes, "train");
    }
  }
  return version;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-rounds-"));
  await photosOf("Tennis", join(folder, "photos/Tennis"), 12, 64);
  await photosOf("Bowling", join(folder, "photos/Bowling"), 12, 64);
  // Ten photos of each class a second time, compressed again or mirrored.
  for (let i = 0; i < 10; i++) {
    const name = String(i).padStart(3, "0");
    const tennis = sharp(join(folder, `photos/Tennis/${name}.png`));
    await tennis.jpeg({ quality: 85 }).toFile(join(folder, `photos/Tennis/${name}-again.jpg`));
    const bowling = sharp(join(folder, `photos/Bowling/${name}.png`)).flop();
    await bowling.png().toFile(join(folder, `photos/Bowling/${name}-mirrored.png`));
  }
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("the split", () => {
  const original = (file: string) => file.replace(/-(again|mirrored)?\.(jpg|png)$/, ".png").replace("-mirrored", "");
  const leaks = (version: DataVersion) => {
    const trained = new Set(parts(version, "train").map(original));
    return parts(version, "valid").filter((file) => trained.has(original(file)));
  };

  test("copies lie on one side, and --no-group-split is the plain split", async () => {
    expect((await train("photos", ...SETTINGS, "--out", "grouped")).code).toBe(0);
    expect((await train("photos", ...SETTINGS, "--no-group-split", "--out", "plain")).code).toBe(0);
    const grouped = await readVersion(join(folder, "grouped/data.jsonl"));
    const plain = await readVersion(join(folder, "plain/data.jsonl"));
    expect(leaks(grouped)).toEqual([]);
    expect(leaks(plain).length).toBeGreaterThan(0);
    expect(parts(plain, "valid")).toHaveLength(13);
    expect(parts(grouped, "valid").length).toBeGreaterThan(9);
    expect(parts(grouped, "valid").length).toBeLessThanOrEqual(13);
  });

  test("evaluate measures what the run held out", async () => {
    const { stdout } = await ballsight(
      ["evaluate", "photos", "--model", "grouped/model.onnx", "--split", "valid", "--json", "--out", "e.html"],
      { cwd: folder },
    );
    const grouped = await readVersion(join(folder, "grouped/data.jsonl"));
    expect(JSON.parse(stdout).count).toBe(parts(grouped, "valid").length);
  });
});

describe("--data-version", () => {
  test("the same version is the same training", async () => {
    const { code } = await train("photos", ...SETTINGS, "--data-version", "grouped/data.jsonl", "--out", "again");
    expect(code).toBe(0);
    expect(await readFile(join(folder, "again/data.jsonl"), "utf8")).toBe(
      await readFile(join(folder, "grouped/data.jsonl"), "utf8"),
    );
    expect(
      (await readFile(join(folder, "again/model.onnx"))).equals(await readFile(join(folder, "grouped/model.onnx"))),
    ).toBe(true);
  });

  test("its labels count and not the folders', what is out is out, what vanished is told of", async () => {
    const version = await readVersion(join(folder, "grouped/data.jsonl"));
    const [first, second] = version.filter(({ split, label }) => split === "train" && label === "Tennis");
    const changed = version.map((photo) => {
      if (photo === first) return { ...photo, label: "Bowling" };
      return photo === second ? { ...photo, split: "out" as const } : photo;
    });
    const gone = { ...first!, sha256: "0".repeat(64), file: "Tennis/gone.png" };
    await writeFile(join(folder, "changed.jsonl"), formatVersion([...changed, gone]));
    const { code, stderr } = await train("photos", ...SETTINGS, "--data-version", "changed.jsonl", "--out", "changed");
    expect(code).toBe(0);
    expect(stderr).toContain("1 of the 45 photos of this version is no longer there or has changed (Tennis/gone.png)");
    const used = await readVersion(join(folder, "changed/data.jsonl"));
    expect(used.find(({ file }) => file === first!.file)).toMatchObject({ label: "Bowling", split: "train" });
    expect(used.find(({ file }) => file === second!.file)).toMatchObject({ split: "out" });
    expect(used).toHaveLength(44);
  });

  test.each([
    ["nothing.jsonl", undefined],
    ["torn.jsonl", '{"sha256":"00'],
    ["empty.jsonl", ""],
  ])("%s is refused", async (name, content) => {
    if (content !== undefined) await writeFile(join(folder, name), content);
    const outcome = await train("photos", ...SETTINGS, "--data-version", name, "--out", "refused");
    expect(outcome.code).toBe(2);
    expect(errorOf(outcome).code).toBe("DATA_VERSION_INVALID");
  });
});

describe("--rounds", () => {
  test("--auto sets wrong labels right, takes out copies, overrules nobody, and measures on the same photos", async () => {
    const version = await plantedBalls(join(folder, "planted"));
    await writeFile(join(folder, "planted.jsonl"), formatVersion(version));
    // Somebody says that one of the wrong ones is right.
    const [kept, ...wrong] = version.filter(({ file, label }) => !file.includes(`/${label}-`));
    const { sha256, file, label: from } = kept!;
    const keep = { at: "2026-01-01T00:00:00Z", who: "a", step: "1", action: "keep", sha256, file, from, why: [] };
    await writeFile(join(folder, "planted/decisions.jsonl"), `${JSON.stringify(keep)}\n`);

    const data = ["--data-version", "planted.jsonl"];
    const outcome = await train("planted", ...WITH_WEIGHTS, ...data, "--rounds", "2", "--auto", "--out", "rounds");
    expect(outcome.stderr).not.toMatch(/\[[A-Z_]+\]/);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toContain("accepted, as they are nearly certain");
    expect(outcome.stdout).toMatch(/^round +trained on +taken out +relabelled +accuracy/m);
    const [v0, v1] = [
      await readVersion(join(folder, "rounds/v0.jsonl")),
      await readVersion(join(folder, "rounds/v1.jsonl")),
    ];
    expect(parts(v1, "valid")).toEqual(parts(v0, "valid"));
    const changed = v1.filter((photo, i) => photo.label !== v0[i]!.label);
    // The file's name tells what it shows.
    for (const { file, label } of changed) expect(file).toContain(`/${label}-`);
    expect(changed.length).toBeGreaterThanOrEqual(Math.ceil(wrong.length / 2));
    expect(changed.map(({ file }) => file)).not.toContain(file);
    const out = parts(v1, "out");
    expect(out).toHaveLength(1);
    expect(["Golf/Golf-15.png", "Golf/Golf-15-copy.png"]).toContain(out[0]);
    const { rounds } = JSON.parse(await readFile(join(folder, "rounds/result.json"), "utf8"));
    expect(rounds).toMatchObject([
      { round: 0, taken_out: 0, relabelled: 0 },
      { round: 1, taken_out: 1, relabelled: changed.length },
    ]);
    expect(rounds[0].held_out).toBe(rounds[1].held_out);
  });

  test("without --auto it asks, and goes on by the journal", async () => {
    const args = ["photos", ...SETTINGS, "--rounds", "2", "--out", "asked"];
    const first = await train(...args);
    expect(first.code).toBe(0);
    expect(first.stdout).toContain("photos are to be looked at: ballsight review");
    const v0 = await readVersion(join(folder, "asked/v0.jsonl"));
    // Nobody has looked yet: that is no answer.
    const early = await train("--rounds", "2", "--resume", "--out", "asked");
    expect(early.stdout).toContain("to be looked at: ballsight review");
    expect(early.stdout).not.toContain("nothing is left to change");
    const { sha256, file, label } = v0.find(({ split, label }) => split === "train" && label === "Tennis")!;
    const common = { at: "2026-01-01T00:00:00Z", who: "a", sha256, file, from: label, why: [] };
    const lines = [
      { ...common, step: "1", action: "exclude" },
      { at: common.at, who: "a", step: "1", action: "undo" },
      { ...common, step: "2", action: "relabel", to: "Bowling" },
    ];
    await writeFile(
      join(folder, "photos/decisions.jsonl"),
      `${lines.map((one) => JSON.stringify(one)).join("\n")}\n{"torn`,
    );
    const second = await train("--rounds", "2", "--resume", "--out", "asked");
    await unlink(join(folder, "photos/decisions.jsonl"));
    expect(second.code).toBe(0);
    const v1 = await readVersion(join(folder, "asked/v1.jsonl"));
    expect(v1).toEqual(v0.map((photo) => (photo.file === file ? { ...photo, label: "Bowling" } : photo)));
    expect(second.stdout).toMatch(/^ +1 +\d+ +0 +1 /m);
  });
});

describe("odd data sets", () => {
  test("copies of one photo alone cannot be held out, and the line says why", async () => {
    const one = await readFile(join(folder, "photos/Tennis/000.png"));
    for (const label of ["A", "B"]) {
      await mkdir(join(folder, "same", label), { recursive: true });
      for (let i = 0; i < 8; i++) await writeFile(join(folder, "same", label, `${i}.png`), one);
    }
    const outcome = await train("same", ...SETTINGS, "--out", "same-run");
    expect(outcome.code).toBe(2);
    expect(errorOf(outcome)).toMatchObject({ code: "DATA_TOO_FEW" });
    expect(outcome.stderr).toContain("copies of one another, which stay on one side");
    expect((await train("same", ...SETTINGS, "--no-group-split", "--out", "same-run")).code).toBe(0);
  });

  test.each([
    [["--auto"], "--auto"],
    [["--rounds", "1"], "--rounds"],
  ])("%j is refused", async (args, option) => {
    const outcome = await train("photos", ...SETTINGS, ...args, "--out", "odd");
    expect([outcome.code, errorOf(outcome).code]).toEqual([2, "BAD_OPTION"]);
    expect(outcome.stderr).toContain(option);
  });
});

describe("clean with a run's model", () => {
  test("issues tell the part of the split, and held-out ones are warned of", async () => {
    const { code, stdout, stderr } = await ballsight(
      ["clean", "photos", "--model", "grouped/model.onnx", "--cache", "cache", "--out", "issues.jsonl", "--json"],
      { cwd: folder },
    );
    expect(code).toBe(0);
    const { issues, top_losses } = JSON.parse(stdout);
    const version = await readVersion(join(folder, "grouped/data.jsonl"));
    const partOf = new Map(version.map(({ sha256, split }) => [sha256, split]));
    const known = issues.filter(({ sha256 }: { sha256: string }) => partOf.has(sha256));
    expect(known.length).toBeGreaterThan(0);
    for (const { sha256, split } of known) expect(split).toBe(partOf.get(sha256));
    expect(stderr).toContain("are held out by the model's run");
    const losses = top_losses.filter(
      ({ label, split }: { label: string; split: string }) => label === "Tennis" && split === "train",
    );
    expect(losses.length).toBeGreaterThan(0);
    expect(losses.map(({ loss }: { loss: number }) => loss)).toEqual(
      losses.map(({ loss }: { loss: number }) => loss).sort((a: number, b: number) => b - a),
    );
  });

  test("--folds-train: k trainings judge what they did not see, and are not repeated", async () => {
    const args = ["clean", "photos", "--model", "grouped/model.onnx", "--cache", "cache", "--out", "issues.jsonl"];
    const first = await ballsight([...args, "--folds-train", "2"], { cwd: folder });
    expect(first.code).toBe(0);
    const again = await ballsight([...args, "--folds-train", "2"], { cwd: folder });
    expect(again.stdout).toBe(first.stdout);
    // One folder for each model that looked at the photos, in no order.
    const below = await readdir(join(folder, "cache/clean"), { recursive: true });
    const folds = below.filter((name) => /^[^/\\]+[/\\]folds-[^/\\]+$/.test(name));
    expect(folds).toHaveLength(1);
    const runs = await Promise.all(
      [0, 1].map((fold) => readVersion(join(folder, "cache/clean", folds[0]!, `fold-${fold}/data.jsonl`))),
    );
    // Each photo is held out once.
    expect(runs.flatMap((version) => parts(version, "valid")).sort()).toEqual(runs[0]!.map(({ file }) => file).sort());
  });
});
