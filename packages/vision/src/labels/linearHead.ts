// A linear classifier on embeddings (multinomial logistic regression), its loss and gradient computed by ONNX Runtime.

import { OnnxGraph, type OrtRuntime } from "@ballsight/grad";
import { type Rows, rowCount } from "./features.ts";
import { minimize } from "./lbfgs.ts";

type Session = Awaited<ReturnType<OrtRuntime["InferenceSession"]["create"]>>;

/**
 * Weight of |W|^2 / 2 beside the mean cross-entropy, for rows of mean squared length 1: strong enough that a head does not learn a
 * wrong label by heart (three times as much changes average precision by 0.013, with the votes beside it by 0.005).
 */
const DECAY = 3e-4;

export interface HeadFit {
  /** Rows that it is trained on. */
  readonly train: readonly number[];
  readonly targets: ArrayLike<number>;
}

/**
 * Heads for one set of rows. All of them go through the graph at each evaluation, the held-out ones with weight 0: no part of the matrix is ever
 * copied, and the answers for the held-out rows come from the same run.
 */
export class LinearHeads {
  readonly #runtime: OrtRuntime;
  readonly #session: Session;
  readonly #classes: number;
  readonly #count: number;
  readonly #width: number;
  readonly #decay: number;
  readonly #x: InstanceType<OrtRuntime["Tensor"]>;

  private constructor(runtime: OrtRuntime, session: Session, features: Rows, classes: number, decay: number) {
    this.#runtime = runtime;
    this.#session = session;
    this.#classes = classes;
    this.#count = rowCount(features);
    this.#width = features.width;
    this.#decay = decay;
    this.#x = new runtime.Tensor("float32", features.data, [this.#count, features.width]);
  }

  /** @param features centred, of mean squared length 1 */
  static async open(runtime: OrtRuntime, features: Rows, classes: number, decay = DECAY): Promise<LinearHeads> {
    const session = await runtime.InferenceSession.create(headModel(features.width, classes));
    return new LinearHeads(runtime, session, features, classes, decay);
  }

  /** Probabilities [n, classes] of all rows, by a head trained on some of them. */
  async fit({ train, targets }: HeadFit): Promise<Float32Array> {
    const [count, classes, width] = [this.#count, this.#classes, this.#width];
    const y = new Float32Array(count * classes);
    const weight = new Float32Array(count);
    for (const row of train) {
      y[row * classes + targets[row]!] = 1;
      weight[row] = 1;
    }
    const fixed = {
      x: this.#x,
      y: new this.#runtime.Tensor("float32", y, [count, classes]),
      weight: new this.#runtime.Tensor("float32", weight, [count, 1]),
    };
    const run = async (parameters: Float64Array, outputs: readonly string[]) => {
      const values = Float32Array.from(parameters);
      const w = new this.#runtime.Tensor("float32", values.slice(0, width * classes), [width, classes]);
      const b = new this.#runtime.Tensor("float32", values.slice(width * classes), [1, classes]);
      return await this.#session.run({ ...fixed, w, b }, outputs);
    };
    const numbers = train.length || 1;
    const parameters = await minimize(
      async (at) => {
        const found = await run(at, ["loss", "w_gradient", "b_gradient"]);
        const gradient = new Float64Array(at.length);
        gradient.set(found.w_gradient!.data as Float32Array);
        gradient.set(found.b_gradient!.data as Float32Array, width * classes);
        let squares = 0;
        for (let i = 0; i < gradient.length; i++) {
          gradient[i]! /= numbers;
          if (i >= width * classes) continue;
          squares += at[i]! * at[i]!;
          gradient[i]! += this.#decay * at[i]!;
        }
        return { value: (found.loss!.data[0] as number) / numbers + (this.#decay * squares) / 2, gradient };
      },
      new Float64Array((width + 1) * classes),
    );
    const { probabilities } = await run(parameters, ["probabilities"]);
    return (probabilities!.data as Float32Array).slice();
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

function headModel(width: number, classes: number): Uint8Array {
  const g = new OnnxGraph("linear_head");
  const x = g.input("x", "float32", ["N", width]);
  const y = g.input("y", "float32", ["N", classes]);
  const weight = g.input("weight", "float32", ["N", 1]);
  const w = g.input("w", "float32", [width, classes]);
  const b = g.input("b", "float32", [1, classes]);
  const logits = g.op("Gemm", [x, w, b]);
  const probabilities = g.op("Softmax", [logits], { axis: 1 });
  const logs = g.op("LogSoftmax", [logits], { axis: 1 });
  const loss = g.op("Neg", [g.op("ReduceSum", [g.op("Mul", [y, logs])], { keepdims: 0 })]);
  // d loss / d logits; rows that are not trained on have neither weight nor target.
  const error = g.op("Sub", [g.op("Mul", [probabilities, weight]), y]);
  g.output(probabilities, "float32", ["N", classes], "probabilities");
  g.output(loss, "float32", [], "loss");
  g.output(g.op("Gemm", [x, error], { transA: 1 }), "float32", [width, classes], "w_gradient");
  g.output(g.op("ReduceSum", [error, g.ints(0)], { keepdims: 1 }), "float32", [1, classes], "b_gradient");
  return g.toModel();
}
