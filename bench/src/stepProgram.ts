// The training step that the peer times, as a graph of ours: a torchvision network of ten classes on ready float images, without augmentation.

import {
  adamw,
  buildTrainProgram,
  float32,
  Graph,
  lower,
  OnnxGraph,
  type State,
  softCrossEntropy,
  type Target,
  type TensorData,
  type TrainProgram,
} from "@ballsight/grad";
import { type Architecture, FROZEN, Generator, ModelBuilder, STREAMS } from "@ballsight/vision";
import { type Classifier, classifierOf } from "./classifier.ts";

export const MODES = ["train", "frozen_bn"] as const;

/** What BatchNorm does: takes each batch's statistics, or the running ones; gamma and beta train in both. */
export type Mode = (typeof MODES)[number];

export interface StepOptions {
  readonly architecture: Architecture;
  readonly size: number;
  readonly batch: number;
  readonly mode: Mode;
  readonly target: Target;
}

const CLASSES = 10;
const SEED = 0;

/** torch's AdamW: the peer leaves everything but the rate at its default. */
const TORCH = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 } as const;

/** The program and the state that it starts from. */
export function stepProgram(options: StepOptions): { readonly program: TrainProgram; readonly state: State } {
  const { architecture, size, batch, mode, target } = options;
  const { classifier, state } = network(architecture);
  const graph = new Graph();
  const images = graph.input("images", "float32", [batch, 3, size, size]);
  const targets = graph.input("targets", "float32", [batch, CLASSES]);
  const isHead = (name: string) => name.startsWith("head.");
  const builder = new ModelBuilder(graph, {
    state,
    // The groups of a real training, although they share a rate here.
    policy: (name) => (isHead(name) ? architecture.bodyGroups : architecture.groupOf(name)),
    statistics: () => (mode === "train" ? "batch" : "running"),
  });
  const logits = classifier.build(builder, architecture.body(builder, images, "symmetric"), true);
  const program = buildTrainProgram(graph, {
    loss: softCrossEntropy(logits, targets),
    optimizer: adamw({ beta2: TORCH.beta2, eps: TORCH.eps }),
    target,
  });
  return { program, state };
}

function network(architecture: Architecture): { readonly classifier: Classifier; readonly state: State } {
  const random = new Generator({ seed: SEED, stream: STREAMS.init });
  const classifier = classifierOf(architecture, CLASSES);
  return { classifier, state: new Map([...architecture.initial(random), ...classifier.initial(random)]) };
}

/** The same network for evaluation: its numbers are constants, norms folded into convolutions, `images` to `logits`. */
export function forwardModel({ architecture, size, batch }: Omit<StepOptions, "mode" | "target">): Uint8Array {
  const { classifier, state } = network(architecture);
  const graph = new Graph();
  const images = graph.input("images", "float32", [batch, 3, size, size]);
  const builder = new ModelBuilder(graph, { state, ...FROZEN });
  const logits = classifier.build(builder, architecture.body(builder, images, "symmetric"), false);
  const onnx = new OnnxGraph("forward");
  const context = lower(graph, [logits], { kind: "plain" }, onnx, (lowering) =>
    lowering.setPlain(images, onnx.input("images", "float32", images.shape)),
  );
  onnx.output(context.plain(logits), "float32", logits.shape, "logits");
  return onnx.toModel();
}

/** Normal images and one-hot targets, the same every time. */
export function stepInputs({ size, batch }: Pick<StepOptions, "size" | "batch">): Record<string, TensorData> {
  const random = new Generator({ seed: SEED, stream: STREAMS.augment });
  const images = Float32Array.from({ length: batch * 3 * size * size }, () => random.normal());
  const targets = new Float32Array(batch * CLASSES);
  for (let row = 0; row < batch; row++) targets[row * CLASSES + random.integer(CLASSES)] = 1;
  return { images: float32(images, [batch, 3, size, size]), targets: float32(targets, [batch, CLASSES]) };
}

/** Fresh dropout masks: the peer draws its own inside the step too. */
export function stepMasks({ masks }: TrainProgram, step: number): Record<string, TensorData> {
  const random = new Generator({ seed: SEED, step, stream: STREAMS.dropout });
  return Object.fromEntries(
    masks.map(({ name, p, shape }) => {
      const length = shape.reduce((product, dim) => product * dim, 1);
      const draw = () => (random.u32() < p * 2 ** 32 ? 0 : 1 / (1 - p));
      return [name, float32(Float32Array.from({ length }, draw), shape)];
    }),
  );
}

/** `step` counts from 1. */
export const stepHyper = ({ groups }: TrainProgram, step: number) => ({
  lr: new Array<number>(groups).fill(TORCH.lr),
  momentum: TORCH.beta1,
  step,
  weightDecay: TORCH.weightDecay,
});
