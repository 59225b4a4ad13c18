// The table of pretrained weights: where each file is, what it was trained for, under which licence. Nothing registers itself.

import type { Padding } from "./architecture.ts";

export interface ModelEntry {
  /** `arch.weights`. */
  readonly name: string;
  readonly architecture: string;
  readonly weights: string;
  /** Name of the weights file. */
  readonly file: string;
  /** Where the file can be downloaded; without it the user must have the file. */
  readonly url?: string;
  /** Start of the file's SHA-256, in hex. */
  readonly sha256?: string;
  /** SPDX identifier of the weights' licence. */
  readonly license: string;
  // How the weights' publisher evaluates them, up to `interpolation`: docs/weights.md shows it, and nothing computes with it. A
  // network is trained and served on photos of the size that is asked for, resized bilinearly as augmentation samples them.
  /** Number of classes that the weights themselves answer with. */
  readonly classes: number;
  /** Side in pixels of the photos that the weights were trained for. */
  readonly inputSize: number;
  /** Share of the resized short side that the centre crop keeps. */
  readonly cropPct: number;
  /** The filter by which the weights' own evaluation resizes photos. */
  readonly interpolation: "bilinear" | "bicubic";
  /** On the 0..1 scale, RGB. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /**
   * How convolutions of stride 2 pad. `tf-same`: as much as the output's size asks for, the odd pixel right and bottom;
   * `symmetric`: the same on all sides. Weights work with their own kind only: the other shifts every feature map.
   */
  readonly padding: Padding;
}

const HALVES = [0.5, 0.5, 0.5] as const;
const PYTORCH = "https://download.pytorch.org/models/";

/**
 * One of torchvision's published ImageNet weights, with the evaluation of its `ImageClassification` transform: the short
 * side to `resize`, a centre crop of 224. `tv` names the first recipe and `tv2` the second, as timm does.
 */
function torchvision(
  architecture: string,
  file: string,
  { weights = "tv_in1k", resize = 256, ...rest }: Partial<ModelEntry> & { readonly resize?: number } = {},
): ModelEntry {
  return {
    name: `${architecture}.${weights}`,
    architecture,
    weights,
    file,
    url: PYTORCH + file,
    // torch.hub's convention: the name ends in the hash's first eight digits.
    sha256: file.slice(-"01234567.pth".length, -".pth".length),
    license: "BSD-3-Clause",
    classes: 1000,
    inputSize: 224,
    cropPct: 224 / resize,
    interpolation: "bilinear",
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    padding: "symmetric",
    ...rest,
  };
}

const SECOND_RECIPE = { weights: "tv2_in1k", resize: 232 } as const;

/** The first entry of an architecture holds its default weights; among torchvision's that is torchvision's own default. */
export const MODELS: readonly ModelEntry[] = [
  {
    name: "mobilenet_v2.tf_in1k",
    architecture: "mobilenet_v2",
    weights: "tf_in1k",
    file: "mobilenet_v2.tf_in1k.safetensors",
    sha256: "95e811ada7cd202a",
    license: "Apache-2.0",
    // ImageNet's thousand after "background".
    classes: 1001,
    inputSize: 224,
    cropPct: 0.875,
    interpolation: "bilinear",
    mean: HALVES,
    std: HALVES,
    padding: "tf-same",
  },
  torchvision("mobilenet_v2", "mobilenet_v2-7ebf99e0.pth", SECOND_RECIPE),
  torchvision("mobilenet_v2", "mobilenet_v2-b0353104.pth"),
  {
    // The shipped recogniser before its norms were folded away; see models/README.md.
    name: "mobilenet_v2.sports_balls",
    architecture: "mobilenet_v2",
    weights: "sports_balls",
    file: "mobilenet_v2.sports_balls.safetensors",
    sha256: "1cdc04e95b9eeb14",
    license: "Apache-2.0",
    classes: 10,
    inputSize: 224,
    cropPct: 0.9,
    interpolation: "bilinear",
    mean: HALVES,
    std: HALVES,
    padding: "tf-same",
  },
  torchvision("mobilenet_v3_small", "mobilenet_v3_small-047dcff4.pth"),
  torchvision("mobilenet_v3_large", "mobilenet_v3_large-5c1a4163.pth", SECOND_RECIPE),
  torchvision("mobilenet_v3_large", "mobilenet_v3_large-8738ca79.pth"),
  torchvision("resnet18", "resnet18-f37072fd.pth"),
  torchvision("resnet34", "resnet34-b627a593.pth"),
  torchvision("resnet50", "resnet50-11ad3fa6.pth", SECOND_RECIPE),
  torchvision("resnet50", "resnet50-0676ba61.pth"),
  torchvision("googlenet", "googlenet-1378be20.pth"),
  torchvision("vgg16", "vgg16-397923af.pth"),
  torchvision("vgg16_bn", "vgg16_bn-6c64b313.pth"),
  torchvision("efficientnet_b0", "efficientnet_b0_rwightman-7f5810bc.pth", {
    // The file was replaced in 2023: torchvision up to 0.16.0 names it by its old hash, 3dd342df (pytorch/vision#7744).
    // Trained by timm's author and published under timm's licence before torchvision took it over.
    license: "Apache-2.0",
    interpolation: "bicubic",
  }),
  torchvision("convnext_tiny", "convnext_tiny-983f1562.pth", { resize: 236 }),
];
