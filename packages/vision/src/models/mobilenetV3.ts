// MobileNetV3 (Howard et al. 2019, https://arxiv.org/abs/1905.02244), small and large, width 1.0, with torchvision's parameter names. The body
// ends behind the last 1x1 convolution, where fastai cuts it.

import type { Value } from "@ballsight/grad";
import type { Architecture, Padding } from "./architecture.ts";
import type { ModelBuilder } from "./builder.ts";
import { initialBody } from "./initial.ts";
import { mobileBlock } from "./mobileBlock.ts";
import { samePadding } from "./padding.ts";

/** A row of the paper's tables 1 and 2: kernel, expanded channels, output channels, squeeze-and-excitation, activation, stride. */
type Row = readonly [number, number, number, boolean, "relu" | "hardSwish", 1 | 2];

const SMALL: readonly Row[] = [
  [3, 16, 16, true, "relu", 2],
  [3, 72, 24, false, "relu", 2],
  [3, 88, 24, false, "relu", 1],
  [5, 96, 40, true, "hardSwish", 2],
  [5, 240, 40, true, "hardSwish", 1],
  [5, 240, 40, true, "hardSwish", 1],
  [5, 120, 48, true, "hardSwish", 1],
  [5, 144, 48, true, "hardSwish", 1],
  [5, 288, 96, true, "hardSwish", 2],
  [5, 576, 96, true, "hardSwish", 1],
  [5, 576, 96, true, "hardSwish", 1],
];

const LARGE: readonly Row[] = [
  [3, 16, 16, false, "relu", 1],
  [3, 64, 24, false, "relu", 2],
  [3, 72, 24, false, "relu", 1],
  [5, 72, 40, true, "relu", 2],
  [5, 120, 40, true, "relu", 1],
  [5, 120, 40, true, "relu", 1],
  [3, 240, 80, false, "hardSwish", 2],
  [3, 200, 80, false, "hardSwish", 1],
  [3, 184, 80, false, "hardSwish", 1],
  [3, 184, 80, false, "hardSwish", 1],
  [3, 480, 112, true, "hardSwish", 1],
  [3, 672, 112, true, "hardSwish", 1],
  [5, 672, 160, true, "hardSwish", 2],
  [5, 960, 160, true, "hardSwish", 1],
  [5, 960, 160, true, "hardSwish", 1],
];

const NORM = { eps: 1e-3, momentum: 0.01 };

/** A quarter of the channels as a multiple of 8, and no more than a tenth below (the reference code's make_divisible). */
function squeezed(expanded: number): number {
  const quarter = Math.floor(expanded / 4);
  const rounded = Math.max(8, Math.floor((quarter + 4) / 8) * 8);
  return rounded < 0.9 * quarter ? rounded + 8 : rounded;
}

function mobilenetV3(name: string, rows: readonly Row[], features: number): Architecture {
  const body = (b: ModelBuilder, x: Value, padding: Padding): Value => {
    const stem = { stride: 2, padding: samePadding(x, 3, 2, padding) };
    let y = b.convNorm(x, { conv: "features.0.0", norm: "features.0.1" }, [16, 3, 3, 3], stem, "hardSwish", NORM);
    for (const [index, [kernel, expanded, channels, excites, activation, stride]] of rows.entries()) {
      const squeeze = { channels: squeezed(expanded), activation: "relu", gate: "hardSigmoid" } as const;
      const block = { kernel, expanded, channels, activation, stride, norm: NORM, ...(excites && { squeeze }) };
      y = mobileBlock(b, y, `features.${index + 1}`, block, padding);
    }
    const last = `features.${rows.length + 1}`;
    const shape = [features, y.shape[1] as number, 1, 1] as const;
    return b.convNorm(y, { conv: `${last}.0`, norm: `${last}.1` }, shape, {}, "hardSwish", NORM);
  };
  return {
    name,
    features,
    stride: 32,
    bodyGroups: 1,
    groupOf: () => 0,
    body,
    initial: (random) => initialBody((b, x) => body(b, x, "symmetric"), 32, random),
  };
}

export const mobilenetV3Small = mobilenetV3("mobilenet_v3_small", SMALL, 576);
export const mobilenetV3Large = mobilenetV3("mobilenet_v3_large", LARGE, 960);
