// A network of two convolutions and photos in memory: a whole training in a fraction of a second.

import type { State } from "@ballsight/grad";
import { AUGMENT_DEFAULTS } from "../../src/data/augment.ts";
import type { LearnerConfig } from "../../src/learner/config.ts";
import type { NetworkSpec } from "../../src/learner/network.ts";
import type { PhotoSource } from "../../src/learner/source.ts";
import type { Architecture } from "../../src/models/architecture.ts";
import { HEADS } from "../../src/models/head.ts";
import { initialBody } from "../../src/models/initial.ts";
import { Generator } from "../../src/random/generator.ts";

const body: Architecture["body"] = (b, x) => {
  const y = b.convNorm(x, { conv: "stem", norm: "stem_norm" }, [8, 3, 3, 3], { stride: 2, padding: 1 }, "relu6");
  return b.convNorm(y, { conv: "deep", norm: "deep_norm" }, [16, 8, 3, 3], { stride: 2, padding: 1 }, "relu");
};

/** Group 0 is `stem*`, group 1 `deep*`. */
export const toyArchitecture: Architecture = {
  name: "toy",
  features: 16,
  stride: 4,
  bodyGroups: 2,
  groupOf: (name) => (name.startsWith("stem") ? 0 : 1),
  body,
  initial: (random) => initialBody((builder, x) => body(builder, x, "symmetric"), 16, random),
};

export const TOY_SPEC: NetworkSpec = {
  architecture: toyArchitecture,
  padding: "symmetric",
  head: "linear",
  classes: 3,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
};

export const TOY_CONFIG: LearnerConfig = {
  epochs: 2,
  freezeEpochs: 1,
  lr: 1e-2,
  lrMult: 2,
  schedule: "one-cycle",
  weightDecay: 0.01,
  batch: 4,
  accumulate: 1,
  size: 16,
  testSize: 16,
  startSize: 16,
  seed: 1,
  head: "linear",
  labelSmoothing: 0.1,
  mixup: 0,
  cutmix: 0,
  balance: false,
  classWeights: false,
  average: 0,
  monitor: "valid_loss",
  minDelta: 0,
  patience: 0,
  saveBest: false,
  frozenGroups: 0,
  trainFrozenNorms: false,
  statistics: "batch",
  augment: AUGMENT_DEFAULTS,
};

export function toyState(spec: NetworkSpec = TOY_SPEC, seed = 7): State {
  const random = new Generator({ seed });
  const head = HEADS[spec.head].initial(spec.architecture.features, spec.classes, random);
  return new Map([...spec.architecture.initial(random), ...head]);
}

/** Noise whose brightest channel is the class; the first photos of each class alternate. */
export function toySource(count: number, size = 16, cacheSize = 20): PhotoSource {
  const photo = (index: number, side: number) => {
    const random = new Generator({ seed: 99, step: index });
    return Uint8Array.from({ length: side * side * 3 }, (_, i) =>
      Math.floor(random.uniform(0, 160) + (i % 3 === index % 3 ? 60 : 0)),
    );
  };
  const stack = (side: number) => async (indices: readonly number[]) => {
    const bytes = new Uint8Array(indices.length * side * side * 3);
    for (const [row, index] of indices.entries()) bytes.set(photo(index, side), row * side * side * 3);
    return bytes;
  };
  return {
    classes: ["red", "green", "blue"],
    targets: Int32Array.from({ length: count }, (_, i) => i % 3),
    cacheSize,
    aspects: Float32Array.from({ length: count }, (_, i) => [1, 4 / 3, 3 / 4][i % 3]!),
    read: stack(cacheSize),
    readForEvaluation: stack(size),
  };
}
