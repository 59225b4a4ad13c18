// Photos in, probabilities out: a model file and an ONNX Runtime, with the contract checked before the first photo.

import type { OrtRuntime } from "@ballsight/grad";
import { fail } from "./errors.ts";
import { type ModelContract, readContract } from "./modelContract.ts";
import { checkAspect, type Preprocess } from "./preprocess/contract.ts";

type CreateSession = OrtRuntime["InferenceSession"]["create"];
type Session = Awaited<ReturnType<CreateSession>>;
type SessionOptions = NonNullable<Parameters<CreateSession>[1]>;

/** A decoded photo: RGB, row by row, uint8 [height, width, 3]. */
export interface RgbPhoto {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  /** What errors call it. */
  readonly name?: string;
}

export interface Answer {
  readonly label: string;
  /** Probability, 0 to 1. */
  readonly confidence: number;
}

/** What a model file can be asked for, docs/model-file.md. */
export const OUTPUT_NAMES = ["probabilities", "logits", "embedding", "cam"] as const;
export type OutputName = (typeof OUTPUT_NAMES)[number];

export interface OutputTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export interface LoadOptions {
  /** What errors call the model, for instance its file name. */
  readonly name?: string;
  readonly session?: SessionOptions;
}

/** A photo as the network sees it. */
export interface Description {
  readonly prediction: Prediction;
  /** Pooled features: photos of like things point the same way. */
  readonly embedding: Float32Array;
}

/** Photos of one size that are run at once: enough to fill the cores, few enough to keep memory low. */
const MAX_BATCH = 8;

/** What the model says about one photo. */
export class Prediction {
  readonly labels: readonly string[];
  /** One per label, in the labels' order; they sum to 1. */
  readonly probabilities: Float32Array;

  constructor(labels: readonly string[], probabilities: Float32Array) {
    this.labels = labels;
    this.probabilities = probabilities;
  }

  /** The `k` most probable labels, best first; equal ones in the labels' order. */
  top(k: number): Answer[] {
    return this.labels
      .map((label, i) => ({ label, confidence: this.probabilities[i] as number }))
      .sort((a, b) => b.confidence - a.confidence)
      .slice(0, k);
  }
}

/**
 * A loaded model.
 *
 *     const recognizer = await Recognizer.load(ort, bytes);
 *     const [prediction] = await recognizer.predict([{ width, height, data }]);
 *     prediction.top(3); // [{ label: "Tennis", confidence: 0.97 }, ...]
 */
export class Recognizer {
  readonly labels: readonly string[];
  readonly preprocess: Preprocess;
  /** All of the model's metadata, as stored. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #runtime: OrtRuntime;
  readonly #session: Session;

  private constructor(runtime: OrtRuntime, session: Session, contract: ModelContract) {
    this.labels = contract.labels;
    this.preprocess = contract.preprocess;
    this.metadata = contract.metadata;
    this.#runtime = runtime;
    this.#session = session;
  }

  /** Throws MODEL_INVALID for what is no model of ours, MODEL_INCOMPATIBLE for one that breaks the contract. */
  static async load(runtime: OrtRuntime, bytes: Uint8Array, options: LoadOptions = {}): Promise<Recognizer> {
    const name = options.name ?? "model";
    const contract = readContract(bytes, name);
    try {
      return new Recognizer(runtime, await runtime.InferenceSession.create(bytes, options.session), contract);
    } catch (cause) {
      return fail("MODEL_INVALID", { name, received: `one that ONNX Runtime refuses (${reason(cause)})` }, { cause });
    }
  }

  /** One prediction per photo, in order. Photos of the same size share a run. */
  async predict(photos: readonly RgbPhoto[]): Promise<Prediction[]> {
    const rows = await this.#rows(photos, ["probabilities"]);
    return rows.map(([probabilities]) => new Prediction(this.labels, probabilities!));
  }

  /** As `predict`, with what the prediction is made from. */
  async describe(photos: readonly RgbPhoto[]): Promise<Description[]> {
    const rows = await this.#rows(photos, ["probabilities", "embedding"]);
    return rows.map(([probabilities, embedding]) => ({
      prediction: new Prediction(this.labels, probabilities!),
      embedding: embedding!,
    }));
  }

  async release(): Promise<void> {
    await this.#session.release();
  }

  /** The outputs' rows of each photo, in order. */
  async #rows(photos: readonly RgbPhoto[], names: readonly OutputName[]): Promise<Float32Array[][]> {
    photos.forEach(checkPhoto);
    const rows: Float32Array[][] = [];
    for (const batch of batches(photos)) {
      const { width, height } = photos[batch[0]!]!;
      const image = stack(batch.map((index) => photos[index]!));
      const outputs = await this.run(image, [batch.length, height, width, 3], names);
      batch.forEach((index, row) => {
        rows[index] = names.map((name) => {
          const { data } = outputs[name]!;
          const length = data.length / batch.length;
          return data.slice(row * length, (row + 1) * length);
        });
      });
    }
    return rows;
  }

  /**
   * Any of the model's outputs for photos of one size.
   * @param image uint8, of shape `dims`: [N, H, W, 3]
   * @throws RUNTIME_FAILED; IMAGE_TOO_NARROW
   */
  async run(
    image: Uint8Array,
    dims: readonly [number, number, number, number],
    names: readonly OutputName[],
  ): Promise<Partial<Record<OutputName, OutputTensor>>> {
    checkAspect(dims[2], dims[1], "image");
    try {
      const feeds = { image: new this.#runtime.Tensor("uint8", image, dims) };
      const results = await this.#session.run(feeds, names);
      return Object.fromEntries(names.map((name) => [name, checkOutput(results[name], name, dims[0], this.labels)]));
    } catch (cause) {
      return fail("RUNTIME_FAILED", { task: "run the model", reason: reason(cause) }, { cause });
    }
  }
}

function checkOutput(
  tensor: { readonly dims: readonly number[]; readonly data: unknown } | undefined,
  name: OutputName,
  count: number,
  labels: readonly string[],
): OutputTensor {
  if (tensor === undefined || !(tensor.data instanceof Float32Array)) throw new Error(`no float32 output \`${name}\``);
  const { dims, data } = tensor;
  const classes = name === "probabilities" || name === "logits" ? labels.length : dims[1];
  if (dims[0] !== count || dims[1] !== classes) {
    throw new Error(`expected ${count} x ${classes} for output \`${name}\`, received ${dims.join(" x ")}`);
  }
  if (!data.every(Number.isFinite)) throw new Error(`output \`${name}\` holds what is no number`);
  return { dims, data };
}

function checkPhoto({ width, height, data, name }: RgbPhoto, index: number): void {
  const photo = name ?? `photos[${index}]`;
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    fail("BAD_OPTION", {
      option: photo,
      expected: "whole sides of at least 1 pixel",
      received: `${width} x ${height}`,
    });
  }
  if (data.length !== width * height * 3) {
    const expected = `${width * height * 3} bytes (${width} x ${height} x 3)`;
    fail("BAD_OPTION", { option: photo, expected, received: data.length });
  }
  checkAspect(width, height, photo);
}

/** Indices of photos of the same size, at most MAX_BATCH together. */
function batches(photos: readonly RgbPhoto[]): number[][] {
  const open = new Map<string, number[]>();
  const all: number[][] = [];
  photos.forEach(({ width, height }, index) => {
    const size = `${width}x${height}`;
    let batch = open.get(size);
    if (batch === undefined || batch.length === MAX_BATCH) {
      batch = [];
      open.set(size, batch);
      all.push(batch);
    }
    batch.push(index);
  });
  return all;
}

function stack(photos: readonly RgbPhoto[]): Uint8Array {
  const first = (photos[0] as RgbPhoto).data;
  if (photos.length === 1) return first;
  const all = new Uint8Array(photos.length * first.length);
  photos.forEach(({ data }, row) => {
    all.set(data, row * first.length);
  });
  return all;
}

function reason(cause: unknown): string {
  return cause instanceof Error ? (cause.message.split("\n")[0] as string) : String(cause);
}
