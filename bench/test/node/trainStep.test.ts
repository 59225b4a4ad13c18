// The real program in a child process: what it promises to print, and nothing else on stdout. No time is compared with anything.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const PROGRAM = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

const bench = (...args: string[]) => spawnSync(process.execPath, [PROGRAM, ...args], { encoding: "utf8" });

const TINY = ["train-step", "--arch", "mobilenet_v2", "--size", "32", "--batch", "2", "--steps", "1"];

test.each(["train", "frozen_bn"])("train-step --json in mode %s prints one line with the promised keys", (mode) => {
  const { status, stdout, stderr } = bench(...TINY, "--mode", mode, "--target", "plain", "--json");
  expect(status, stderr).toBe(0);
  expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ arch: "mobilenet_v2", size: 32, batch: 2, mode, target: "plain", steps: 1 });
  expect(result.train_step_s.min).toBeGreaterThan(0);
  expect(result.train_step_s.median).toBe(result.train_step_s.min); // of one step
  expect(result.forward_batch_s).toBeGreaterThan(0);
  expect(result.forward_one_s).toBeGreaterThan(0);
  // Node and ONNX Runtime alone take some 60 MB.
  expect(result.peak_bytes).toBeGreaterThan(5e7);
  // Ten classes at random: about ln 10 to begin with.
  expect(result.loss.first).toBeGreaterThan(1);
  expect(result.loss.first).toBeLessThan(6);
});

test("train-step learns its fixed batch", () => {
  const { stdout } = bench(...TINY.slice(0, -1), "8", "--json");
  const { loss } = JSON.parse(stdout);
  expect(loss.last).toBeLessThan(loss.first / 2);
});

test("a peer that is absent is skipped with a line, and our numbers still come", () => {
  const { status, stdout, stderr } = bench(...TINY, "--peer", "--peer-folder", "/nowhere", "--json");
  expect(status).toBe(0);
  expect(stderr).toContain("bench: peer skipped: no torch_train_step.py in /nowhere\n");
  expect(JSON.parse(stdout).peer).toEqual({ skipped: "no torch_train_step.py in /nowhere" });
});

test("a wrong option is one line with its code, on stderr", () => {
  const { status, stdout, stderr } = bench("train-step", "--batch", "none");
  expect(status).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^bench: expected a whole number from 2 to 1024 for `--batch` .*\[BAD_OPTION\]\n$/);
});
