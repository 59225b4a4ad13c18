// GoogLeNet (Szegedy et al. 2014, https://arxiv.org/abs/1409.4842) with BatchNorm and torchvision's parameter names, without the auxiliary heads.

import { add, concat, float32, maxPool, mul, type Value } from "@ballsight/grad";
import type { Architecture } from "./architecture.ts";
import type { ModelBuilder } from "./builder.ts";
import { initialBody } from "./initial.ts";

const NORM = { eps: 1e-3 };

/** A module's output channels: 1x1; reduction and 3x3; reduction and "5x5"; behind the pooling. */
type Inception = readonly [number, readonly [number, number], readonly [number, number], number];

/** Table 1 of the paper, in stages with a max pooling of this side in front of each. */
const STAGES: readonly { readonly pool: number; readonly modules: Readonly<Record<string, Inception>> }[] = [
  {
    pool: 3,
    modules: {
      inception3a: [64, [96, 128], [16, 32], 32],
      inception3b: [128, [128, 192], [32, 96], 64],
    },
  },
  {
    pool: 3,
    modules: {
      inception4a: [192, [96, 208], [16, 48], 64],
      inception4b: [160, [112, 224], [24, 64], 64],
      inception4c: [128, [128, 256], [24, 64], 64],
      inception4d: [112, [144, 288], [32, 64], 64],
      inception4e: [256, [160, 320], [32, 128], 128],
    },
  },
  {
    pool: 2,
    modules: {
      inception5a: [256, [160, 320], [32, 128], 128],
      inception5b: [384, [192, 384], [48, 128], 128],
    },
  },
];

function conv(b: ModelBuilder, x: Value, prefix: string, channels: number, kernel: number, stride = 1): Value {
  return b.convNorm(
    x,
    { conv: `${prefix}.conv`, norm: `${prefix}.bn` },
    [channels, x.shape[1] as number, kernel, kernel],
    { stride, padding: (kernel - 1) / 2 },
    "relu",
    NORM,
  );
}

/** The third branch is 5x5 in the paper; torchvision's weights are of 3x3. */
function inception(b: ModelBuilder, x: Value, prefix: string, [one, three, five, pooled]: Inception): Value {
  const twice = (name: string, [reduced, channels]: readonly [number, number]) =>
    conv(b, conv(b, x, `${prefix}.${name}.0`, reduced, 1), `${prefix}.${name}.1`, channels, 3);
  const branches = [
    conv(b, x, `${prefix}.branch1`, one, 1),
    twice("branch2", three),
    twice("branch3", five),
    conv(b, maxPool(x, 3, { stride: 1, padding: 1 }), `${prefix}.branch4.1`, pooled, 1),
  ];
  return concat(branches, 1);
}

/** From ImageNet's mean and deviation per channel to (pixel - 0.5) / 0.5, for which the published weights were trained. */
function transformInput(x: Value): Value {
  const std = [0.229, 0.224, 0.225];
  const mean = [0.485, 0.456, 0.406];
  const perChannel = (values: number[]) => x.graph.constant(float32(values, [1, 3, 1, 1]));
  return add(mul(x, perChannel(std.map((value) => value / 0.5))), perChannel(mean.map((value) => (value - 0.5) / 0.5)));
}

function body(b: ModelBuilder, x: Value): Value {
  let y = conv(b, transformInput(x), "conv1", 64, 7, 2);
  y = maxPool(y, 3, { stride: 2, ceilMode: true });
  y = conv(b, conv(b, y, "conv2", 64, 1), "conv3", 192, 3);
  for (const { pool, modules } of STAGES) {
    y = maxPool(y, pool, { stride: 2, ceilMode: true });
    for (const [name, channels] of Object.entries(modules)) y = inception(b, y, name, channels);
  }
  return y;
}

export const googlenet: Architecture = {
  name: "googlenet",
  features: 1024,
  stride: 32,
  bodyGroups: 1,
  groupOf: () => 0,
  body,
  // torchvision's own deviation for this network.
  initial: (random) => initialBody(body, 32, random, 0.01),
};
