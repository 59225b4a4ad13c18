// Sentences on a training: which epoch was kept and why, and what may be concluded from the held-out photos.

import type { LearnerConfig, PhaseEnd } from "@ballsight/vision";
import { expect, test } from "vitest";
import { calibrationRemark, endRemarks, phaseRemarks, ttaRemark } from "../../src/train/remarks.ts";

const config = { patience: 2, monitor: "accuracy", saveBest: true } as LearnerConfig;
const whole: PhaseEnd = { phase: "frozen", epochs: 1, planned: 1, kept: 0 };
const early: PhaseEnd = { phase: "unfrozen", epochs: 5, planned: 9, kept: 2 };

test("a phase that ended early, and the epoch that was kept", () => {
  expect(phaseRemarks(early, config)).toEqual([
    "the unfrozen phase ended after 5 of 9 epochs: no better accuracy for 2 epochs",
    "kept epoch 2 of the unfrozen phase, the best by accuracy",
  ]);
  expect(phaseRemarks(whole, { ...config, saveBest: false })).toEqual([]);
});

test("figures that the held-out photos helped to choose are said to be flattered, others not", () => {
  expect(endRemarks([whole, early], config).join(" ")).toContain(
    "the frozen phase, the best by accuracy. The unfrozen",
  );
  expect(endRemarks([whole, early], config).at(-1)).toContain("flattered");
  expect(endRemarks([early], { ...config, saveBest: false }).at(-1)).toContain("flattered");
  expect(endRemarks([whole], { ...config, saveBest: false })).toEqual([]);
});

test("what test-time augmentation brings, and what a temperature is worth", () => {
  const plain = { accuracy: 0.9, loss: 0.5 } as Parameters<typeof ttaRemark>[1];
  expect(ttaRemark({ passes: 4, accuracy: 0.925, loss: 0.4321 }, plain)).toContain(
    "(4 passes) accuracy is 92.50 % instead of 90.00 %, loss 0.4321 instead of 0.5000",
  );
  const remark = calibrationRemark({ temperature: 0.8, before: 0.19, crossFitted: 0.13 });
  expect(remark).toContain("divides logits by 0.800, fitted on the held-out photos; all figures here are without");
  expect(remark).toContain("19.00 % becomes 13.00 % where the temperature is fitted on one half");
});
