// The architectures by name. One table; nothing registers itself.

import type { Architecture } from "./architecture.ts";
import { convnextTiny } from "./convnext.ts";
import { efficientnetB0 } from "./efficientnet.ts";
import { googlenet } from "./googlenet.ts";
import { mobilenetV2 } from "./mobilenetV2.ts";
import { mobilenetV3Large, mobilenetV3Small } from "./mobilenetV3.ts";
import { resnet18, resnet34, resnet50 } from "./resnet.ts";
import { vgg16, vgg16Bn } from "./vgg.ts";

export const ARCHITECTURES: Readonly<Record<string, Architecture>> = Object.fromEntries(
  [
    resnet18,
    resnet34,
    resnet50,
    googlenet,
    vgg16,
    vgg16Bn,
    mobilenetV2,
    mobilenetV3Small,
    mobilenetV3Large,
    efficientnetB0,
    convnextTiny,
  ].map((architecture) => [architecture.name, architecture]),
);
