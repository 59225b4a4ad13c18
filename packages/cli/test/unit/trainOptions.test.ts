// The options of `train`: texts to settings and back to a command, what is refused, and what a resumed run must agree with.

import { resolve } from "node:path";
import { fineTunePlan } from "@ballsight/vision";
import { describe, expect, test } from "vitest";
import { commandOf, expectSameConfig, runConfig, savedConfig, type TrainOptions } from "../../src/train/options.ts";

/** `--start-size 64 --stratify` as commander hands it over. */
function options(text: string): TrainOptions {
  const given: Record<string, string | true> = {};
  for (const part of text.split(/(?:^| )--/).slice(1)) {
    const [flag, value] = part.split(/[ =]/) as [string, string | undefined];
    given[flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())] = value ?? true;
  }
  return given as TrainOptions;
}

describe("values", () => {
  test.each([
    ["--epochs many", "expected a whole number from 0 to 10000 for `--epochs` but received many"],
    ["--epochs -1", "a whole number from 0"],
    ["--epochs 1.5", "a whole number from 0"],
    ["--freeze-epochs x", "for `--freeze-epochs`"],
    ["--lr fast", "a number from 0 to 10"],
    ["--lr NaN", "a number from 0 to 10"],
    ["--lr Infinity", "a number from 0 to 10"],
    ["--lr -1", "a number from 0 to 10"],
    ["--lr-mult 0", "a number from 1"],
    ["--size 8", "a whole number from 32"],
    ["--size 64 --resize 63", "a whole number from 64"],
    ["--start-size 16", "for `--start-size`"],
    ["--batch 1", "a whole number from 2"],
    ["--valid 1", "a number from 0.01 to 0.9"],
    ["--valid=", "a number from 0.01 to 0.9"],
    ["--seed 0.5", "a whole number from 0"],
    ["--seed 1e300", "a whole number from 0"],
    ["--average 1", "for `--average`"],
    ["--mixup -0.4", "for `--mixup`"],
    ["--label-smoothing 1", "for `--label-smoothing`"],
    ["--min-scale 0", "for `--min-scale`"],
    ["--aug-mult -1", "for `--aug-mult`"],
    ["--frozen-groups 0.5", "for `--frozen-groups`"],
    ["--weight-decay none", "for `--weight-decay`"],
    ["--head vgg", "one of fastai, linear"],
    ["--statistics none", "one of batch, running"],
    ["--device tpu", "one of cpu, webgpu for `--device`"],
    ["--device cuda", "runs on NVIDIA's GPUs too"],
    ["--lr 1e-3:1e-5", "a rate, or two as LOW:HIGH"],
    ["--lr 0:1e-3", "a rate, or two as LOW:HIGH"],
    ["--lr 1e-5:1e-4:1e-3", "a rate, or two as LOW:HIGH"],
    ["--lr 1e-5:", "a rate, or two as LOW:HIGH"],
    ["--lr 1e-5:1e-3 --lr-mult 10", "nothing beside --lr LOW:HIGH for `--lr-mult`"],
    ["--accumulate 0", "a whole number from 1"],
    ["--cutmix -1", "for `--cutmix`"],
    ["--schedule linear", "one of one-cycle, flat-cos"],
    ["--monitor loss", "one of valid_loss, accuracy"],
    ["--patience -1", "for `--patience`"],
    ["--min-delta x", "for `--min-delta`"],
    ["--tta 1.5", "for `--tta`"],
  ])("%s is refused", (text, message) => {
    expect(() => runConfig("photos", options(text))).toThrow(message);
  });

  test("are read as numbers, names and absolute paths", () => {
    const config = runConfig(
      "/photos",
      options("--lr 2e-3 --size 64 --valid .2 --weights ./mine.safetensors --stratify"),
    );
    expect(config).toMatchObject({ data: "/photos", valid: 0.2, stratify: true, learner: { lr: 0.002, size: 64 } });
    expect(config.weights).toBe(resolve("mine.safetensors"));
    expect(config.learner.startSize).toBe(64);
    expect(config.resize).toBeGreaterThanOrEqual(64);
  });

  test("of two rates are those of the first layers and the head once all train", () => {
    const { lr, lrMult } = runConfig("/photos", options("--lr 1e-5:1e-3")).learner;
    const [frozen, unfrozen] = fineTunePlan({ epochs: 1, groups: 3, lr, lrMult });
    expect(frozen!.lrMax.at(-1)).toBe(2e-3);
    for (const [group, rate] of [1e-5, 1e-4, 1e-3].entries()) expect(unfrozen!.lrMax[group]).toBeCloseTo(rate, 12);
    expect(commandOf(runConfig("/photos", options("--lr 1e-5:1e-3")))).toContain("--lr 0.002 --");
  });

  test("of fastai's resize is its RandomResizedCrop's for validation", () => {
    expect(runConfig("/photos", options("--size 192 --test-size 224 --resize fastai")).resize).toBe(256);
  });
});

const SETTINGS =
  "--accumulate 2 --cutmix 1 --balance --class-weights --schedule flat-cos --patience 3 --monitor accuracy --min-delta 0.01 --save-best --tta 4 --calibrate --size 64 --start-size 32 --epochs 3 --mixup 0.4 --average 0.9 --batch 4 --lr 1e-2 --frozen-norms --stratify --min-scale 0.5 --aug-mult 0.7 --weights none";

describe("a resumed run", () => {
  const saved = savedConfig(JSON.parse(JSON.stringify(runConfig("/photos", options(SETTINGS)))), "config.json");
  const check = (text: string, data?: string) => expectSameConfig(saved, options(text), data, "runs/mine");

  test("may be given its own settings again, all or some, in other words", () => {
    check("");
    check(SETTINGS, "/photos");
    check("--lr 0.01 --size 6.4e1", "/photos/");
    check("--epochs 3 --weights default");
  });

  test("may be given its own resize again, whose bounds and names count from its own size", () => {
    for (const text of ["--size 64 --resize 80", "--size 224 --resize fastai"]) {
      const mine = runConfig("/photos", options(text));
      expectSameConfig(mine, options(text.slice(text.indexOf("--resize"))), undefined, "run");
    }
  });

  test.each([
    ["--lr", "1e-3"],
    ["--lr", "1e-3:5e-3"],
    ["--accumulate", "4"],
    ["--cutmix", "0.5"],
    ["--schedule", "one-cycle"],
    ["--patience", "2"],
    ["--monitor", "valid_loss"],
    ["--min-delta", "0.02"],
    ["--tta", "8"],
    ["--lr-mult", "3"],
    ["--size", "96"],
    ["--start-size", "64"],
    ["--resize", "200"],
    ["--epochs", "9"],
    ["--freeze-epochs", "3"],
    ["--batch", "8"],
    ["--valid", "0.3"],
    ["--seed", "6"],
    ["--head", "fastai"],
    ["--label-smoothing", "0.2"],
    ["--mixup", "0.3"],
    ["--average", "0"],
    ["--weight-decay", "0.1"],
    ["--min-scale", "0.77"],
    ["--aug-mult", "0.9"],
    ["--frozen-groups", "1"],
    ["--statistics", "running"],
    ["--arch", "mobilenet_v2.tf_in1k"],
    ["--weights", "mobilenet_v2.tf_in1k"],
  ])("may not be given another %s", (option, value) => {
    expect(() => check(`${option} ${value}`)).toThrow(
      expect.objectContaining({ code: "CONFIG_MISMATCH", message: expect.stringContaining(`for \`${option}\``) }),
    );
  });

  test("may not be given other photos, nor a flag that it was started without", () => {
    const plain = runConfig("/photos", {});
    expect(() => check("", "/other")).toThrow("for `<data>`");
    const flags = ["--stratify", "--frozen-norms", "--balance", "--class-weights", "--save-best", "--calibrate"];
    for (const flag of flags)
      expect(() => expectSameConfig(plain, options(flag), undefined, "run")).toThrow(`for \`${flag}\``);
  });

  test("with settings that are missing or of another kind is refused", () => {
    const broken = (change: (config: { [key: string]: unknown; learner: Record<string, unknown> }) => void) => {
      const config = JSON.parse(JSON.stringify(saved));
      change(config);
      return () => savedConfig(config, "config.json");
    };
    expect(broken((config) => delete config.data)).toThrow("without `data`");
    expect(broken((config) => delete config.learner.augment)).toThrow("without `learner.augment`");
    expect(
      broken((config) => {
        config.learner.lr = "fast";
      }),
    ).toThrow("without `learner.lr`");
    expect(broken(() => undefined)()).toEqual(saved);
  });
});

test("the command of a run gives its settings again", () => {
  const config = runConfig("/somewhere/photos", options(SETTINGS));
  const command = commandOf(config);
  expect(command).toMatch(/^ballsight train photos --/);
  expect(runConfig("/somewhere/photos", options(command.replace("ballsight train photos ", "")))).toEqual(config);
  expect(commandOf(runConfig("/home/me/photos", options("--weights /home/me/w.safetensors")))).not.toContain(
    "/home/me",
  );
});
