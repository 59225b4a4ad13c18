// A network as graphs: for training (augmentation, body, head, loss) and for evaluation, from one state by torch's names.

import {
  adamw,
  buildTrainProgram,
  Graph,
  lower,
  OnnxGraph,
  type State,
  softCrossEntropy,
  type Target,
  type TrainProgram,
  type Value,
} from "@ballsight/grad";
import type { Architecture, Padding } from "../models/architecture.ts";
import { type BuilderOptions, FROZEN, ModelBuilder, type NormStatistics } from "../models/builder.ts";
import { HEADS, type HeadKind, type HeadOutputs } from "../models/head.ts";
import { augment, augmentInputs, mixPhotos, normalize, unitPixels } from "./augmentGraph.ts";

/** What a network is, apart from its numbers. */
export interface NetworkSpec {
  readonly architecture: Architecture;
  readonly padding: Padding;
  readonly head: HeadKind;
  readonly classes: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

export interface TrainGraphOptions {
  readonly batch: number;
  readonly size: number;
  readonly cacheSize: number;
  /** The first body group that trains; the number of body groups freezes all of the body. */
  readonly firstGroup: number;
  /** fastai's train_bn: norms of frozen layers train too and follow the batches. */
  readonly trainFrozenNorms: boolean;
  /** BatchNorm's statistics in layers that train. */
  readonly statistics: NormStatistics;
  readonly mixup: boolean;
  readonly cutmix?: boolean;
  /** Sum gradients over batches before a step. */
  readonly accumulate?: boolean;
  readonly average: boolean;
  readonly target: Target;
}

/** Names of the training graph's inputs besides augmentInputs'. */
export const TRAIN_INPUTS = {
  targets: "targets",
  lambda: "mixup_lambda",
  partner: "mixup_partner",
  box: "cutmix_box",
} as const;

export function trainProgram(spec: NetworkSpec, state: State, options: TrainGraphOptions): TrainProgram {
  const { batch, size, cacheSize, mixup, cutmix = false, accumulate = false } = options;
  const graph = new Graph();
  const inputs = augmentInputs(graph, batch, cacheSize);
  const targets = graph.input(TRAIN_INPUTS.targets, "float32", [batch, spec.classes]);
  let photos = augment(inputs, size);
  if (mixup || cutmix) {
    const lambda = graph.input(TRAIN_INPUTS.lambda, "float32", [batch]);
    const partner = graph.input(TRAIN_INPUTS.partner, "int64", [batch]);
    photos = mixPhotos(photos, lambda, partner, cutmix ? graph.input(TRAIN_INPUTS.box, "float32", [4]) : undefined);
  }
  const builder = new ModelBuilder(graph, { state, ...trainPolicy(spec.architecture, options) });
  const { logits } = classify(builder, spec, normalize(photos, spec.mean, spec.std), true);
  // Smoothing and mixing are in the targets already.
  const loss = softCrossEntropy(logits, targets);
  const { target, average } = options;
  return buildTrainProgram(graph, { loss, optimizer: adamw(), target, average, accumulate });
}

function trainPolicy(
  architecture: Architecture,
  options: TrainGraphOptions,
): Pick<BuilderOptions, "policy" | "statistics" | "drops"> {
  const isHead = (name: string) => name.startsWith("head.");
  const group = (name: string) => (isHead(name) ? architecture.bodyGroups : architecture.groupOf(name));
  const trains = (name: string) => group(name) >= options.firstGroup;
  return {
    policy: (name, kind) => (trains(name) || (kind === "norm" && options.trainFrozenNorms) ? group(name) : undefined),
    statistics: (prefix) => {
      if (isHead(prefix)) return "batch";
      return trains(prefix) ? options.statistics : options.trainFrozenNorms ? "batch" : "running";
    },
    drops: trains,
  };
}

function classify(
  builder: ModelBuilder,
  { architecture, padding, head, classes }: NetworkSpec,
  x: Value,
  training: boolean,
): HeadOutputs & { readonly cam: Value } {
  const cam = architecture.body(builder, x, padding);
  return { cam, ...HEADS[head].build(builder, cam, classes, training) };
}

/** The network with its numbers as constants, as nodes of `onnx` behind the tensor `x` [N, 3, size, size] (normalised); returns tensor names. */
export function addNetwork(onnx: OnnxGraph, spec: NetworkSpec, state: State, x: string, size: number) {
  const graph = new Graph();
  const input = graph.input("x", "float32", ["N", 3, size, size]);
  const { logits, embedding, cam } = classify(new ModelBuilder(graph, { state, ...FROZEN }), spec, input, false);
  const context = lower(graph, [logits, embedding, cam], { kind: "plain" }, onnx, (lowering) =>
    lowering.setPlain(input, x),
  );
  return {
    logits: context.plain(logits),
    embedding: context.plain(embedding),
    cam: context.plain(cam),
    camShape: cam.shape,
  };
}

/** uint8 `pixels` [N, size, size, 3], resized and cropped, to `logits` [N, classes]: what validation runs. */
export function evaluationModel(spec: NetworkSpec, state: State, size: number): Uint8Array {
  const graph = new Graph();
  const pixels = graph.input("pixels", "uint8", ["N", size, size, 3]);
  return forwardModel(graph, unitPixels(pixels), spec, state);
}

/** Training's augmentation before the evaluated network, for test-time augmentation: augmentInputs' inputs to `logits`. */
export function augmentedModel(
  spec: NetworkSpec,
  state: State,
  { batch, size, cacheSize }: Pick<TrainGraphOptions, "batch" | "size" | "cacheSize">,
): Uint8Array {
  const graph = new Graph();
  return forwardModel(graph, augment(augmentInputs(graph, batch, cacheSize), size), spec, state);
}

function forwardModel(graph: Graph, photos: Value, spec: NetworkSpec, state: State): Uint8Array {
  const builder = new ModelBuilder(graph, { state, ...FROZEN });
  const { logits } = classify(builder, spec, normalize(photos, spec.mean, spec.std), false);
  const onnx = new OnnxGraph("evaluation");
  const context = lower(graph, [logits], { kind: "plain" }, onnx, (lowering) => {
    for (const { value, name } of graph.namedInputs())
      lowering.setPlain(value, onnx.input(name, value.dtype, value.shape));
  });
  onnx.output(context.plain(logits), "float32", logits.shape, "logits");
  return onnx.toModel();
}
