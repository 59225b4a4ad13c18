// The loaded model: wasm first, the GPU where it was asked for and agrees, activation maps on demand.

import { type Explainer, fail, Recognizer, type RgbPhoto } from "@ballsight/vision";
import type { SiteModel } from "../siteConfig.ts";
import { download, fetched } from "./download.ts";
import type { DeviceAnswer, GpuCheck, HeatMap, Progress } from "./protocol.ts";
import { openRuntime, type Runtime } from "./runtimes.ts";

type OnProgress = (progress: Progress) => void;

/** Probabilities of wasm and GPU differ by less where the GPU computes rightly; WebGPU has returned wrong numbers silently before. */
const GPU_TOLERANCE = 0.02;

export class Model {
  readonly #runtime: Runtime;
  readonly #bytes: Uint8Array;
  readonly #recognizer: Recognizer;
  #explainer: Promise<Explainer> | undefined;
  #gpu: Recognizer | undefined;

  private constructor(runtime: Runtime, bytes: Uint8Array, recognizer: Recognizer) {
    this.#runtime = runtime;
    this.#bytes = bytes;
    this.#recognizer = recognizer;
  }

  static async load({ url, bytes, name }: SiteModel, onProgress: OnProgress): Promise<Model> {
    const [runtime, file] = await Promise.all([
      openRuntime("wasm", onProgress),
      download(url, bytes, (loaded, total) => onProgress({ part: "model", loaded, total })),
    ]);
    return new Model(runtime, file, await Recognizer.load(runtime, file, { name }));
  }

  get labels(): readonly string[] {
    return this.#recognizer.labels;
  }

  async answer(photo: RgbPhoto): Promise<Omit<DeviceAnswer, "milliseconds">> {
    const [prediction] = await (this.#gpu ?? this.#recognizer).predict([photo]);
    return {
      confidences: prediction!.top(this.labels.length),
      engine: this.#gpu === undefined ? "wasm" : "webgpu",
    };
  }

  async explain(photo: RgbPhoto, label: string): Promise<HeatMap> {
    const index = this.labels.indexOf(label);
    // The API's model may be another one than the page's.
    if (index < 0)
      fail("BAD_OPTION", { option: "label", expected: `one of ${this.labels.join(", ")}`, received: label });
    this.#explainer ??= this.#loadExplainer();
    const explainer = await this.#explainer;
    const { cam } = await this.#recognizer.run(photo.data, [1, photo.height, photo.width, 3], ["cam"]);
    const map = await explainer.explain(cam!, index);
    const { size, resize } = this.#recognizer.preprocess;
    const seen = (size / resize) * Math.min(photo.width, photo.height);
    const width = seen / photo.width;
    const height = seen / photo.height;
    return { ...map, area: { left: (1 - width) / 2, top: (1 - height) / 2, width, height } };
  }

  /** Its code takes models apart, with a library that answers do without: more than all the rest of the worker. */
  async #loadExplainer(): Promise<Explainer> {
    try {
      const { Explainer } = await fetched(import("./explain.ts"), "the code for maps");
      return await Explainer.load(this.#runtime, this.#bytes);
    } catch (error) {
      // What the network did not bring is asked for again.
      this.#explainer = undefined;
      throw error;
    }
  }

  async tryGpu(photo: RgbPhoto, onProgress: OnProgress): Promise<GpuCheck> {
    const { gpu: webgpu } = navigator as Navigator & { readonly gpu?: { requestAdapter(): Promise<object | null> } };
    if (webgpu === undefined) return { used: false, reason: "this browser has no WebGPU" };
    let gpu: Recognizer | undefined;
    try {
      // Before 27 MB are fetched for nothing.
      if ((await webgpu.requestAdapter()) === null)
        return { used: false, reason: "the browser finds no graphics card that it could use" };
      const runtime = await openRuntime("webgpu", onProgress);
      gpu = await Recognizer.load(runtime, this.#bytes, { session: { executionProviders: ["webgpu"] } });
      const [[wasm], [there]] = await Promise.all([this.#recognizer.predict([photo]), gpu.predict([photo])]);
      const difference = Math.max(...wasm!.probabilities.map((p, i) => Math.abs(p - there!.probabilities[i]!)));
      if (difference < GPU_TOLERANCE) {
        this.#gpu = gpu;
        return { used: true, difference };
      }
      await gpu.release();
      return { used: false, reason: `it computes wrongly here: off by ${difference.toFixed(3)}` };
    } catch (error) {
      await gpu?.release().catch(() => undefined);
      return { used: false, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async leaveGpu(): Promise<void> {
    await this.#gpu?.release();
    this.#gpu = undefined;
  }
}
