// A model of the contract that needs no training: it names the channel (red, green or blue) that is brightest on average.

import { float32, OnnxGraph } from "@ballsight/grad";
import { type Preprocess, serializePreprocess } from "../../src/preprocess/contract.ts";
import { addPreprocess } from "../../src/preprocess/graph.ts";

export const TOY_LABELS = ["Blue", "Green", "Red"] as const;

export const TOY_PREPROCESS: Preprocess = {
  size: 32,
  resize: 36,
  resample: "bilinear",
  antialias: true,
  crop: "center",
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
};

export interface ToyOptions {
  /** Metadata to add or to replace; undefined takes an entry out. */
  readonly metadata?: Readonly<Record<string, string | undefined>>;
  readonly outputs?: readonly string[];
}

/** The logits are the mean normalised B, G and R of the crop: a pure red photo gives -2, -2, 2. */
export function toyModel({ metadata = {}, outputs }: ToyOptions = {}): Uint8Array {
  const g = new OnnxGraph("toy");
  const x = addPreprocess(g, g.input("image", "uint8", ["N", "H", "W", 3]), TOY_PREPROCESS);
  // Rows: labels B, G, R; columns: channels R, G, B.
  const weights = g.constant(float32([0, 0, 1, 0, 1, 0, 1, 0, 0], [3, 3, 1, 1]));
  const cam = g.op("Conv", [x, weights]);
  const embedding = g.op("ReduceMean", [x, g.ints(2, 3)], { keepdims: 0 });
  const logits = g.op("ReduceMean", [cam, g.ints(2, 3)], { keepdims: 0 });
  const { size } = TOY_PREPROCESS;
  const all = {
    probabilities: () => g.output(g.op("Softmax", [logits], { axis: 1 }), "float32", ["N", 3], "probabilities"),
    logits: () => g.output(logits, "float32", ["N", 3], "logits"),
    embedding: () => g.output(embedding, "float32", ["N", 3], "embedding"),
    cam: () => g.output(cam, "float32", ["N", 3, size, size], "cam"),
  };
  for (const [name, add] of Object.entries(all)) if (outputs?.includes(name) ?? true) add();
  const entries: Record<string, string | undefined> = {
    "ballsight.labels": JSON.stringify(TOY_LABELS),
    "ballsight.preprocess": serializePreprocess(TOY_PREPROCESS),
    ...metadata,
  };
  return g.toModel(
    Object.fromEntries(Object.entries(entries).filter((entry): entry is [string, string] => !!entry[1])),
  );
}
