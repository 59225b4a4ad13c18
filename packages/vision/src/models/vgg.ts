// VGG16 (Simonyan & Zisserman 2014, https://arxiv.org/abs/1409.1556), configuration D, without and with BatchNorm; torchvision's parameter names.

import { maxPool, type Value } from "@ballsight/grad";
import type { Architecture } from "./architecture.ts";
import type { ModelBuilder } from "./builder.ts";
import { initialBody } from "./initial.ts";

/** Table 1 of the paper: channels and number of 3x3 convolutions in front of each max pooling. */
const STAGES = [
  [64, 2],
  [128, 2],
  [256, 3],
  [512, 3],
  [512, 3],
] as const;

function vgg16Of(name: string, normed: boolean, groups: Pick<Architecture, "bodyGroups" | "groupOf">): Architecture {
  const body = (b: ModelBuilder, x: Value): Value => {
    let y = x;
    // torchvision counts every module in one sequence: convolution, norm, ReLU and pooling alike.
    let index = 0;
    for (const [channels, repeats] of STAGES) {
      for (let repeat = 0; repeat < repeats; repeat++) {
        const conv = `features.${index}`;
        const shape = [channels, y.shape[1] as number, 3, 3] as const;
        y = normed
          ? b.convNorm(y, { conv, norm: `features.${index + 1}` }, shape, { padding: 1 }, "relu", { convBias: true })
          : b.conv(y, conv, shape, { padding: 1 }, "relu");
        index += normed ? 3 : 2;
      }
      y = maxPool(y, 2);
      index += 1;
    }
    return y;
  };
  return { name, features: 512, stride: 32, ...groups, body, initial: (random) => initialBody(body, 32, random) };
}

export const vgg16 = vgg16Of("vgg16", false, { bodyGroups: 1, groupOf: () => 0 });

export const vgg16Bn = vgg16Of("vgg16_bn", true, {
  bodyGroups: 2,
  // fastai's split, within the third stage's last ReLU.
  groupOf: (parameter) => (Number(parameter.split(".")[1]) < 22 ? 0 : 1),
});
