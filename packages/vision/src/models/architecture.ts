// What an architecture is to the rest: a body that turns pixels into features, named as torch names it, and how its layers group.

import type { TensorData, Value } from "@ballsight/grad";
import type { Generator } from "../random/generator.ts";
import type { ModelBuilder } from "./builder.ts";

export type Padding = "symmetric" | "tf-same";

export interface Architecture {
  readonly name: string;
  /** Channels of the feature map. */
  readonly features: number;
  /** Pixels per side must be a multiple of this for the feature map to have whole cells. */
  readonly stride: number;
  /** Number of parameter groups of the body; the head is one more. */
  readonly bodyGroups: number;
  /** The group of a body parameter, from 0 at the pixels' side. */
  readonly groupOf: (name: string) => number;
  /** x [N, 3, H, W], normalised, to the feature map [N, features, H/stride, W/stride]. */
  readonly body: (builder: ModelBuilder, x: Value, padding: Padding) => Value;
  /** Fresh parameters and statistics of the body, for training without pretrained weights. */
  readonly initial: (random: Generator) => Map<string, TensorData>;
}
