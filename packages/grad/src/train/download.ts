// Brings tensors from a GPU to memory. onnxruntime-node 1.30 keeps outputs on the device and takes them back as inputs, but its `getData` is
// not written for them and ends the process: a model that copies its input, with its output in memory, does it instead.

import type * as ort from "onnxruntime-common";
import { OnnxGraph } from "../onnx/graph.ts";
import type { OrtRuntime } from "../runtime.ts";

export class Downloader {
  readonly #session: ort.InferenceSession;

  static async create(runtime: OrtRuntime, options: ort.InferenceSession.SessionOptions): Promise<Downloader> {
    const g = new OnnxGraph("download");
    g.output(g.op("Identity", [g.input("x", "float32", ["N"])]), "float32", ["N"], "y");
    return new Downloader(await runtime.InferenceSession.create(g.toModel(), options));
  }

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  /** A vector of float32; it stays on the device as well. */
  async read(tensor: ort.Tensor): Promise<Float32Array> {
    return (await this.#session.run({ x: tensor })).y!.data as Float32Array;
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}
