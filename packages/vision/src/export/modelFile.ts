// The model file: one self-describing .onnx with its own preprocessing (docs/model-file.md), usable by any ONNX Runtime host.

import { OnnxGraph, type State } from "@ballsight/grad";
import { addNetwork, type NetworkSpec } from "../learner/network.ts";
import { type Preprocess, serializePreprocess } from "../preprocess/contract.ts";
import { addPreprocess } from "../preprocess/graph.ts";

export interface ModelFileOptions {
  readonly spec: NetworkSpec;
  /** Parameters and statistics by torch's names. */
  readonly state: State;
  readonly labels: readonly string[];
  readonly preprocess: Preprocess;
  /** Name of the weights that training started from. */
  readonly weights: string;
  readonly license: string;
  /** Anything JSON: accuracy and how it was measured. */
  readonly metrics: unknown;
  /** sha256 of the data set's list. */
  readonly data: string;
  /** Temperature that probabilities are softened by; 1 where none was fitted. */
  readonly temperature?: number;
}

/** Weights this large and larger are stored as float16; smaller ones (biases) cost nothing. */
const HALF_FROM = 256;

/** @returns the bytes of an .onnx file: `image` uint8 [N, H, W, 3] to `probabilities`, `logits`, `embedding` and `cam`. */
export function writeModelFile(options: ModelFileOptions): Uint8Array {
  const { spec, labels, preprocess, temperature = 1 } = options;
  const g = new OnnxGraph("ballsight", { halfFrom: HALF_FROM });
  const x = addPreprocess(g, g.input("image", "uint8", ["N", "H", "W", 3]), preprocess);
  const { logits, embedding, cam, camShape } = addNetwork(g, spec, options.state, x, preprocess.size);
  const scaled = temperature === 1 ? logits : g.op("Div", [logits, g.scalar(temperature)]);
  g.output(g.op("Softmax", [scaled], { axis: -1 }), "float32", ["N", labels.length], "probabilities");
  g.output(logits, "float32", ["N", labels.length], "logits");
  g.output(embedding, "float32", ["N", spec.architecture.features], "embedding");
  g.output(cam, "float32", ["N", ...camShape.slice(1)], "cam");
  return g.toModel({
    "ballsight.labels": JSON.stringify(labels),
    "ballsight.preprocess": serializePreprocess(preprocess),
    "ballsight.architecture": JSON.stringify(spec.architecture.name),
    "ballsight.weights": JSON.stringify(options.weights),
    "ballsight.license": JSON.stringify(options.license),
    "ballsight.metrics": JSON.stringify(options.metrics),
    "ballsight.data": JSON.stringify(options.data),
    "ballsight.calibration": JSON.stringify({ temperature }),
  });
}
