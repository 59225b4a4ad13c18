// ConvNeXt-T (Liu et al. 2022, https://arxiv.org/abs/2201.03545) with torchvision's parameter names. The body is torchvision's `features`: the
// LayerNorm between the pooling and the last linear layer belongs to its classifier and is no part of it.

import { add, conv2d, gelu, mul, reshape, scaleFilter, type Value } from "@ballsight/grad";
import type { Architecture } from "./architecture.ts";
import type { ModelBuilder } from "./builder.ts";
import { initialBody } from "./initial.ts";

/** Channels and blocks of each stage. */
const STAGES = [
  [96, 3],
  [192, 3],
  [384, 9],
  [768, 3],
] as const;

const BLOCKS = STAGES.reduce((sum, [, blocks]) => sum + blocks, 0);
const EPS = 1e-6;
/** Of the last block's residual branch; it falls to 0 towards the pixels. */
const DROP = 0.1;

/**
 * Depthwise 7x7, norm, and a linear layer to four times the channels and one back, both as 1x1 convolutions. The scale of the branch is
 * multiplied into the second one's weight and bias: the same number for each of its outputs, and no pass over the pixels.
 */
function block(b: ModelBuilder, x: Value, prefix: string, drop: number): Value {
  const channels = x.shape[1] as number;
  const depthwise = { padding: 3, groups: channels };
  const y = b.layerNorm2d(b.conv(x, `${prefix}.block.0`, [channels, 1, 7, 7], depthwise), `${prefix}.block.2`, EPS);
  const wide = layer(b, `${prefix}.block.3`, 4 * channels, channels);
  const narrow = layer(b, `${prefix}.block.5`, channels, 4 * channels);
  const scale = reshape(b.parameter(`${prefix}.layer_scale`, [channels, 1, 1], "weight"), [channels]);
  const branch = conv2d(
    gelu(conv2d(y, wide.weight, wide.bias)),
    scaleFilter(narrow.weight, scale),
    mul(narrow.bias, scale),
  );
  return add(b.stochasticDepth(branch, drop, prefix), x);
}

/** A linear layer's parameters, [outputs, inputs] in the checkpoint, for a 1x1 convolution. */
function layer(b: ModelBuilder, prefix: string, outputs: number, inputs: number) {
  const weight = b.parameter(`${prefix}.weight`, [outputs, inputs], "weight");
  return { weight: reshape(weight, [outputs, inputs, 1, 1]), bias: b.parameter(`${prefix}.bias`, [outputs], "bias") };
}

function body(b: ModelBuilder, x: Value): Value {
  const [[stem]] = STAGES;
  let y = b.layerNorm2d(b.conv(x, "features.0.0", [stem, 3, 4, 4], { stride: 4 }), "features.0.1", EPS);
  let count = 0;
  for (const [stage, [channels, blocks]] of STAGES.entries()) {
    if (stage > 0) {
      const halving = `features.${2 * stage}`;
      const normed = b.layerNorm2d(y, `${halving}.0`, EPS);
      y = b.conv(normed, `${halving}.1`, [channels, y.shape[1] as number, 2, 2], { stride: 2 });
    }
    for (let index = 0; index < blocks; index++) {
      y = block(b, y, `features.${2 * stage + 1}.${index}`, (DROP * count) / (BLOCKS - 1));
      count += 1;
    }
  }
  return y;
}

export const convnextTiny: Architecture = {
  name: "convnext_tiny",
  features: 768,
  stride: 32,
  bodyGroups: 1,
  groupOf: () => 0,
  body,
  initial: (random) => initialBody(body, 32, random, 0.02),
};
