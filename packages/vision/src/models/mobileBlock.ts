// The block that MobileNetV3 and EfficientNet are made of: MobileNetV2's inverted residual with squeeze-and-excitation (Hu et al. 2018,
// https://arxiv.org/abs/1709.01507) in the middle; torchvision's InvertedResidual and MBConv, which name their layers alike.

import { add, globalAveragePool, scaleChannels, type Value } from "@ballsight/grad";
import type { Padding } from "./architecture.ts";
import type { Activation, ModelBuilder, NormSettings } from "./builder.ts";
import { samePadding } from "./padding.ts";

export interface MobileBlock {
  readonly kernel: number;
  /** Channels of the depthwise convolution; no 1x1 convolution leads to them where the block has as many. */
  readonly expanded: number;
  readonly channels: number;
  readonly stride: number;
  readonly activation: Activation;
  readonly squeeze?: SqueezeExcite;
  /** Probability that a picture skips the residual branch in training. */
  readonly drop?: number;
  readonly norm?: NormSettings;
}

export interface SqueezeExcite {
  readonly channels: number;
  readonly activation: Activation;
  readonly gate: Activation;
}

/** 1x1 expansion, depthwise convolution, squeeze-and-excitation, 1x1 projection without activation; a residual where shapes allow. */
export function mobileBlock(b: ModelBuilder, x: Value, prefix: string, block: MobileBlock, padding: Padding): Value {
  const { kernel, expanded, channels, stride, activation, squeeze, norm } = block;
  const input = x.shape[1] as number;
  let index = 0;
  const next = () => `${prefix}.block.${index++}`;
  const convNorm = (
    y: Value,
    shape: readonly [number, number, number, number],
    act: Activation,
    depthwise?: object,
  ) => {
    const name = next();
    return b.convNorm(y, { conv: `${name}.0`, norm: `${name}.1` }, shape, depthwise ?? {}, act, norm);
  };
  let y = expanded === input ? x : convNorm(x, [expanded, input, 1, 1], activation);
  const strided = { stride, padding: samePadding(y, kernel, stride, padding), groups: expanded };
  y = convNorm(y, [expanded, 1, kernel, kernel], activation, strided);
  if (squeeze !== undefined) y = excite(b, y, next(), squeeze);
  y = convNorm(y, [channels, expanded, 1, 1], "none");
  if (stride !== 1 || input !== channels) return y;
  return add(b.stochasticDepth(y, block.drop ?? 0, prefix), x);
}

/** Every channel times a gate that all channels' means decide. */
function excite(b: ModelBuilder, x: Value, prefix: string, { channels, activation, gate }: SqueezeExcite): Value {
  const whole = x.shape[1] as number;
  const squeezed = b.conv(globalAveragePool(x), `${prefix}.fc1`, [channels, whole, 1, 1], {}, activation);
  return scaleChannels(x, b.conv(squeezed, `${prefix}.fc2`, [whole, channels, 1, 1], {}, gate));
}
