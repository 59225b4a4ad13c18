// ResNet (He et al. 2015, https://arxiv.org/abs/1512.03385) of 18, 34 and 50 layers, with torchvision's parameter names.

import { add, maxPool, relu, type Value } from "@ballsight/grad";
import type { Architecture } from "./architecture.ts";
import type { ModelBuilder } from "./builder.ts";
import { initialBody } from "./initial.ts";

/** Channels of a stage's 3x3 convolutions. */
const STAGES = [64, 128, 256, 512] as const;

interface Block {
  /** Output channels as a multiple of the stage's. */
  readonly expansion: number;
  /** The residual: kernel sides of its convolutions, of which one strides and the last has no activation. */
  readonly kernels: readonly number[];
  readonly strided: number;
}

const BASIC: Block = { expansion: 1, kernels: [3, 3], strided: 0 };
/** torchvision strides at the 3x3 convolution, the paper at the 1x1 before it ("ResNet v1.5"). */
const BOTTLENECK: Block = { expansion: 4, kernels: [1, 3, 1], strided: 1 };

function residualBlock(b: ModelBuilder, x: Value, prefix: string, block: Block, width: number, stride: number): Value {
  const { expansion, kernels, strided } = block;
  const channels = width * expansion;
  let y = x;
  for (const [index, kernel] of kernels.entries()) {
    const last = index === kernels.length - 1;
    y = b.convNorm(
      y,
      { conv: `${prefix}.conv${index + 1}`, norm: `${prefix}.bn${index + 1}` },
      [last ? channels : width, y.shape[1] as number, kernel, kernel],
      { stride: index === strided ? stride : 1, padding: (kernel - 1) / 2 },
      last ? "none" : "relu",
    );
  }
  const input = x.shape[1] as number;
  if (stride === 1 && input === channels) return relu(add(y, x));
  const names = { conv: `${prefix}.downsample.0`, norm: `${prefix}.downsample.1` };
  return relu(add(y, b.convNorm(x, names, [channels, input, 1, 1], { stride }, "none")));
}

function resnet(name: string, block: Block, depths: readonly number[]): Architecture {
  const body = (b: ModelBuilder, x: Value): Value => {
    const stem = b.convNorm(x, { conv: "conv1", norm: "bn1" }, [64, 3, 7, 7], { stride: 2, padding: 3 }, "relu");
    let y = maxPool(stem, 3, { stride: 2, padding: 1 });
    for (const [stage, depth] of depths.entries()) {
      for (let index = 0; index < depth; index++) {
        const stride = stage > 0 && index === 0 ? 2 : 1;
        y = residualBlock(b, y, `layer${stage + 1}.${index}`, block, STAGES[stage]!, stride);
      }
    }
    return y;
  };
  return {
    name,
    features: 512 * block.expansion,
    stride: 32,
    bodyGroups: 2,
    // fastai splits in front of layer3.
    groupOf: (parameter) => (/^layer[34]\./.test(parameter) ? 1 : 0),
    body,
    initial: (random) => initialBody(body, 32, random),
  };
}

export const resnet18 = resnet("resnet18", BASIC, [2, 2, 2, 2]);
export const resnet34 = resnet("resnet34", BASIC, [3, 4, 6, 3]);
export const resnet50 = resnet("resnet50", BOTTLENECK, [3, 4, 6, 3]);
