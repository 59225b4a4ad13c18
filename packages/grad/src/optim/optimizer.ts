// What an optimiser is here: names of its state, and the ONNX nodes of one update. No state of its own; everything is fed and comes out.

import type { OnnxGraph } from "../onnx/graph.ts";
import type { Scaled } from "./scaled.ts";

export interface UpdateInputs {
  readonly parameter: string;
  readonly gradient: string;
  readonly state: readonly string[];
  /** Scalars: learning rate of the group, momentum (Adam's beta1), number of this step from 1. */
  readonly lr: string;
  readonly momentum: string;
  readonly step: string;
  /** Scalar weight decay, or undefined where none applies. */
  readonly weightDecay: string | undefined;
  readonly scaled: Scaled;
}

export interface Optimizer {
  readonly name: string;
  /** Names of the tensors kept per parameter, as torch calls them; they start as zeros. */
  readonly state: readonly string[];
  readonly update: (
    g: OnnxGraph,
    inputs: UpdateInputs,
  ) => { readonly parameter: string; readonly state: readonly string[] };
}

/** parameter · (1 - lr · decay): decoupled weight decay (Loshchilov & Hutter 2019), before the step as fastai and torch do. */
export function decayed(g: OnnxGraph, { parameter, lr, weightDecay }: UpdateInputs): string {
  if (weightDecay === undefined) return parameter;
  return g.op("Mul", [parameter, g.op("Sub", [g.scalar(1), g.op("Mul", [lr, weightDecay])])]);
}
