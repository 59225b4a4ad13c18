// The architectures and their pretrained weights, by names of the form `arch.weights` as in timm. One table; nothing registers itself.

import { fail } from "./errors.ts";

export interface ModelEntry {
  /** `arch.weights`. */
  readonly name: string;
  readonly architecture: string;
  readonly weights: string;
  /** Name of the weights file. */
  readonly file: string;
  readonly format: "safetensors" | "torch";
  /** Where the file can be downloaded; without it the user must have the file. */
  readonly url?: string;
  /** Start of the file's SHA-256, in hex. */
  readonly sha256?: string;
  /** SPDX identifier of the weights' licence. */
  readonly license: string;
  /** Number of classes that the weights themselves answer with. */
  readonly classes: number;
  /** Side in pixels of the photos that the weights were trained for. */
  readonly inputSize: number;
  /** Share of the resized short side that the centre crop keeps. */
  readonly cropPct: number;
  readonly interpolation: "bilinear";
  /** On the 0..1 scale, RGB. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /**
   * How convolutions of stride 2 pad. `tf-same`: as much as the output's size asks for, the odd pixel right and bottom;
   * `symmetric`: the same on all sides. Weights work with their own kind only: the other shifts every feature map.
   */
  readonly padding: "symmetric" | "tf-same";
}

const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
const IMAGENET_STD = [0.229, 0.224, 0.225] as const;

/** The first entry of an architecture holds its default weights. */
const MODELS: readonly ModelEntry[] = [
  {
    name: "mobilenet_v2.tf_in1k",
    architecture: "mobilenet_v2",
    weights: "tf_in1k",
    file: "mobilenet_v2.tf_in1k.safetensors",
    format: "safetensors",
    sha256: "95e811ada7cd202a",
    license: "Apache-2.0",
    // ImageNet's thousand after "background".
    classes: 1001,
    inputSize: 224,
    cropPct: 0.875,
    interpolation: "bilinear",
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    padding: "tf-same",
  },
  {
    name: "mobilenet_v2.tv_in1k",
    architecture: "mobilenet_v2",
    weights: "tv_in1k",
    file: "mobilenet_v2-7ebf99e0.pth",
    format: "torch",
    url: "https://download.pytorch.org/models/mobilenet_v2-7ebf99e0.pth",
    sha256: "7ebf99e0",
    license: "BSD-3-Clause",
    classes: 1000,
    inputSize: 224,
    cropPct: 0.875,
    interpolation: "bilinear",
    mean: IMAGENET_MEAN,
    std: IMAGENET_STD,
    padding: "symmetric",
  },
  {
    // The shipped recogniser before its norms were folded away; see models/README.md.
    name: "mobilenet_v2.sports_balls",
    architecture: "mobilenet_v2",
    weights: "sports_balls",
    file: "mobilenet_v2.sports_balls.safetensors",
    format: "safetensors",
    license: "Apache-2.0",
    classes: 10,
    inputSize: 224,
    cropPct: 0.9,
    interpolation: "bilinear",
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    padding: "tf-same",
  },
];

/** Entries whose name fits the pattern, in the table's order; `*` stands for any characters, `?` for one. */
export function listModels(pattern = "*"): ModelEntry[] {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const expression = new RegExp(`^${source}$`);
  return MODELS.filter(({ name }) => expression.test(name));
}

/**
 * The entry for `arch.weights`, or for `arch` alone with its default weights.
 * @throws UNKNOWN_ARCHITECTURE, naming what lies near
 */
export function resolveModel(name: string): ModelEntry {
  const entry = MODELS.find((model) => model.name === name) ?? MODELS.find(({ architecture }) => architecture === name);
  if (entry) return entry;
  const near = nearMatches(name);
  const advice = near.length > 0 ? `did you mean ${near.join(" or ")}?` : `there are ${knownNames().join(", ")}`;
  return fail("UNKNOWN_ARCHITECTURE", { option: "arch", received: name, advice }, { details: { near } });
}

const knownNames = () => [
  ...new Set(MODELS.map(({ architecture }) => architecture)),
  ...MODELS.map(({ name }) => name),
];

/** Up to three names that at most a third of the letters keep apart, nearest first. */
function nearMatches(name: string): string[] {
  const lower = name.toLowerCase();
  return knownNames()
    .map((known) => ({ known, distance: editDistance(lower, known) }))
    .filter(({ known, distance }) => distance <= known.length / 3)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ known }) => known);
}

/** Levenshtein 1966: insertions, deletions and replacements between two texts, row by row of the table. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
