// Heads: what turns a feature map into class scores. fastai's two layers, for long trainings, and a single linear one.

import {
  concat,
  dropout,
  flatten,
  float32,
  gemm,
  globalAveragePool,
  globalMaxPool,
  relu,
  type TensorData,
  type Value,
} from "@ballsight/grad";
import type { Generator } from "../random/generator.ts";
import type { ModelBuilder } from "./builder.ts";

export type HeadKind = "fastai" | "linear";

export interface HeadOutputs {
  /** Average-pooled features [N, features]. */
  readonly embedding: Value;
  readonly logits: Value;
}

const HIDDEN = 512;

interface Head {
  readonly build: (b: ModelBuilder, map: Value, classes: number, training: boolean) => HeadOutputs;
  /** Fresh parameters and statistics. */
  readonly initial: (features: number, classes: number, random: Generator) => Map<string, TensorData>;
}

export const HEADS: Readonly<Record<HeadKind, Head>> = {
  /** [max ‖ average pooling] → BN → Dropout .25 → Linear 512 → ReLU → BN → Dropout .5 → Linear, both without bias (fastai's create_head). */
  fastai: {
    build: (b, map, classes, training) => {
      const features = map.shape[1] as number;
      const average = globalAveragePool(map);
      let x = flatten(concat([globalMaxPool(map), average], 1));
      x = b.norm1d(x, "head.2");
      if (training) x = dropout(x, 0.25, "head.3.mask");
      x = relu(gemm(x, b.parameter("head.4.weight", [HIDDEN, 2 * features], "weight"), false, true));
      x = b.norm1d(x, "head.6");
      if (training) x = dropout(x, 0.5, "head.7.mask");
      return {
        embedding: flatten(average),
        logits: gemm(x, b.parameter("head.8.weight", [classes, HIDDEN], "weight"), false, true),
      };
    },
    initial: (features, classes, random) =>
      new Map([
        ...freshNorm("head.2", 2 * features),
        ["head.4.weight", kaiming(random, [HIDDEN, 2 * features])],
        ...freshNorm("head.6", HIDDEN),
        ["head.8.weight", kaiming(random, [classes, HIDDEN])],
      ]),
  },
  /** Average pooling → Dropout .2 → Linear, as torchvision's MobileNetV2. */
  linear: {
    build: (b, map, classes, training) => {
      const embedding = flatten(globalAveragePool(map));
      const x = training ? dropout(embedding, 0.2, "head.1.mask") : embedding;
      return { embedding, logits: b.linear(x, "head.2", classes) };
    },
    initial: (features, classes, random) =>
      new Map([
        ["head.2.weight", normal(random, [classes, features], 0.01)],
        ["head.2.bias", float32(new Float32Array(classes))],
      ]),
  },
};

/** fastai's init of the head's norms: weight 1, bias 1e-3. */
function freshNorm(prefix: string, channels: number): [string, TensorData][] {
  const filled = (value: number) => float32(new Float32Array(channels).fill(value));
  return [
    [`${prefix}.weight`, filled(1)],
    [`${prefix}.bias`, filled(1e-3)],
    [`${prefix}.running_mean`, filled(0)],
    [`${prefix}.running_var`, filled(1)],
  ];
}

/** Normal with std √(2 / fan-in) (He et al. 2015). */
const kaiming = (random: Generator, shape: readonly [number, number]) => normal(random, shape, Math.sqrt(2 / shape[1]));

function normal(random: Generator, shape: readonly [number, number], std: number): TensorData {
  return float32(
    Float32Array.from({ length: shape[0] * shape[1] }, () => random.normal() * std),
    shape,
  );
}
