// EfficientNet-B0 (Tan & Le 2019, https://arxiv.org/abs/1905.11946) with torchvision's parameter names.

import type { Value } from "@ballsight/grad";
import type { Architecture, Padding } from "./architecture.ts";
import type { ModelBuilder } from "./builder.ts";
import { initialBody } from "./initial.ts";
import { mobileBlock } from "./mobileBlock.ts";
import { samePadding } from "./padding.ts";

/** Table 1 of the paper: expansion, kernel, output channels, repeats, stride of the first. */
const STAGES = [
  [1, 3, 16, 1, 1],
  [6, 3, 24, 2, 2],
  [6, 5, 40, 2, 2],
  [6, 3, 80, 3, 2],
  [6, 5, 112, 3, 1],
  [6, 5, 192, 4, 2],
  [6, 3, 320, 1, 1],
] as const;

const BLOCKS = STAGES.reduce((sum, [, , , repeats]) => sum + repeats, 0);
/** What a block behind the last one would get (torchvision's rule): it grows from 0 at the pixels by a sixteenth of this per block. */
const DROP = 0.2;

function body(b: ModelBuilder, x: Value, padding: Padding): Value {
  const stem = { stride: 2, padding: samePadding(x, 3, 2, padding) };
  let y = b.convNorm(x, { conv: "features.0.0", norm: "features.0.1" }, [32, 3, 3, 3], stem, "silu");
  let count = 0;
  for (const [stage, [expansion, kernel, channels, repeats, stride]] of STAGES.entries()) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      const input = y.shape[1] as number;
      const block = {
        kernel,
        expanded: input * expansion,
        channels,
        stride: repeat === 0 ? stride : 1,
        activation: "silu",
        // A quarter of the block's channels, not of the expanded ones as in MobileNetV3.
        squeeze: { channels: input / 4, activation: "silu", gate: "sigmoid" },
        drop: (DROP * count) / BLOCKS,
      } as const;
      y = mobileBlock(b, y, `features.${stage + 1}.${repeat}`, block, padding);
      count += 1;
    }
  }
  const last = `features.${STAGES.length + 1}`;
  return b.convNorm(y, { conv: `${last}.0`, norm: `${last}.1` }, [1280, 320, 1, 1], {}, "silu");
}

export const efficientnetB0: Architecture = {
  name: "efficientnet_b0",
  features: 1280,
  stride: 32,
  bodyGroups: 1,
  groupOf: () => 0,
  body,
  initial: (random) => initialBody((b, x) => body(b, x, "symmetric"), 32, random),
};
