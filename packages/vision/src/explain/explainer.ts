// Which places of a photo speak for a label: class activation maps without gradients, from a model file alone.

import { extractModel, type OrtRuntime } from "@ballsight/grad";
import { fail } from "../errors.ts";
import type { OutputTensor } from "../recognizer.ts";

type Session = Awaited<ReturnType<OrtRuntime["InferenceSession"]["create"]>>;

/** `values` [height, width], the feature map's grid: how far a label's logit falls when the network is blind to that place. */
export interface ActivationMap {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

interface FeatureMap {
  readonly data: Float32Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Elements of feature maps that the head sees at once: 32 MB. */
const MAX_ELEMENTS = 8_000_000;

/**
 * Asks the model's head again with one place of the feature map set to zero at a time. Where the head is average pooling and a linear
 * layer, the fall of the logit is w · A[y, x] / (h w): the class activation map of Zhou et al. 2016 (arXiv:1512.04150). For heads with
 * layers between, it is occlusion (Zeiler and Fergus 2014) in feature space: the head alone is run, which takes a millisecond a place.
 */
export class Explainer {
  readonly #runtime: OrtRuntime;
  readonly #head: Session;

  private constructor(runtime: OrtRuntime, head: Session) {
    this.#runtime = runtime;
    this.#head = head;
  }

  /** @param model a model file's bytes, as `Recognizer.load` takes them */
  static async load(runtime: OrtRuntime, model: Uint8Array): Promise<Explainer> {
    try {
      return new Explainer(runtime, await runtime.InferenceSession.create(extractModel(model, "cam", "logits")));
    } catch (cause) {
      return fail("RUNTIME_FAILED", { task: "take the model's head apart", reason: String(cause) }, { cause });
    }
  }

  /**
   * @param cam the model's output of that name for one photo, [1, channels, height, width]
   * @param label index in the model's labels
   */
  async explain(cam: OutputTensor, label: number): Promise<ActivationMap> {
    const [, channels, height, width] = cam.dims as [number, number, number, number];
    const features = { data: cam.data, channels, height, width };
    const places = height * width;
    const [whole] = await this.#logits([features.data], features, label);
    const values = new Float32Array(places);
    const batch = Math.max(1, Math.floor(MAX_ELEMENTS / (channels * places)));
    for (let first = 0; first < places; first += batch) {
      const blind = Array.from({ length: Math.min(batch, places - first) }, (_, i) => without(features, first + i));
      const logits = await this.#logits(blind, features, label);
      logits.forEach((logit, i) => {
        values[first + i] = (whole as number) - logit;
      });
    }
    return { width, height, values };
  }

  async release(): Promise<void> {
    await this.#head.release();
  }

  async #logits(maps: readonly Float32Array[], { channels, height, width }: FeatureMap, label: number) {
    const data = new Float32Array(maps.length * channels * height * width);
    maps.forEach((map, row) => {
      data.set(map, row * map.length);
    });
    const cam = new this.#runtime.Tensor("float32", data, [maps.length, channels, height, width]);
    const { logits } = await this.#head.run({ cam });
    const all = logits?.data as Float32Array;
    const classes = all.length / maps.length;
    return maps.map((_, row) => all[row * classes + label] as number);
  }
}

/** The feature map with one place blind in all of its channels. */
function without({ data, channels, height, width }: FeatureMap, place: number): Float32Array {
  const copy = data.slice();
  for (let channel = 0; channel < channels; channel++) copy[channel * height * width + place] = 0;
  return copy;
}
