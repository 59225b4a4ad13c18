// MobileNetV2 (Sandler et al. 2018, https://arxiv.org/abs/1801.04381), width 1.0, with torchvision's parameter names.

import { add, type Value } from "@ballsight/grad";
import type { Architecture, Padding } from "./architecture.ts";
import type { ModelBuilder } from "./builder.ts";
import { initialBody } from "./initial.ts";
import { samePadding } from "./padding.ts";

/** Table 2 of the paper: expansion t, output channels c, repeats n, stride s of the first. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

const NORM = { eps: 1e-5, momentum: 0.1 };

/** 1x1 expansion, 3x3 depthwise, 1x1 projection without activation; a residual where shapes allow. */
function invertedResidual(
  b: ModelBuilder,
  x: Value,
  prefix: string,
  expansion: number,
  channels: number,
  stride: number,
  padding: Padding,
): Value {
  const input = x.shape[1] as number;
  const hidden = input * expansion;
  let y = x;
  let index = 0;
  if (expansion !== 1) {
    y = b.convNorm(
      y,
      { conv: `${prefix}.conv.0.0`, norm: `${prefix}.conv.0.1` },
      [hidden, input, 1, 1],
      {},
      "relu6",
      NORM,
    );
    index = 1;
  }
  const depthwise = { conv: `${prefix}.conv.${index}.0`, norm: `${prefix}.conv.${index}.1` };
  y = b.convNorm(
    y,
    depthwise,
    [hidden, 1, 3, 3],
    { stride, padding: samePadding(y, 3, stride, padding), groups: hidden },
    "relu6",
    NORM,
  );
  const project = { conv: `${prefix}.conv.${index + 1}`, norm: `${prefix}.conv.${index + 2}` };
  y = b.convNorm(y, project, [channels, hidden, 1, 1], {}, "none", NORM);
  return stride === 1 && input === channels ? add(y, x) : y;
}

function body(b: ModelBuilder, x: Value, padding: Padding): Value {
  let y = b.convNorm(
    x,
    { conv: "features.0.0", norm: "features.0.1" },
    [32, 3, 3, 3],
    { stride: 2, padding: samePadding(x, 3, 2, padding) },
    "relu6",
    NORM,
  );
  let index = 1;
  for (const [expansion, channels, repeats, stride] of STAGES) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      y = invertedResidual(b, y, `features.${index}`, expansion, channels, repeat === 0 ? stride : 1, padding);
      index += 1;
    }
  }
  return b.convNorm(
    y,
    { conv: `features.${index}.0`, norm: `features.${index}.1` },
    [1280, 320, 1, 1],
    {},
    "relu6",
    NORM,
  );
}

export const mobilenetV2: Architecture = {
  name: "mobilenet_v2",
  features: 1280,
  stride: 32,
  bodyGroups: 2,
  // The first seven blocks (down to stride 8) see edges and textures that any photo has; they need smaller steps.
  groupOf: (name) => (Number(name.split(".")[1]) < 7 ? 0 : 1),
  body,
  initial: (random) => initialBody((builder, x) => body(builder, x, "symmetric"), 32, random),
};
