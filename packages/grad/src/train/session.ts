// Runs a training program step by step on a given ONNX Runtime, and keeps parameters, optimiser state and statistics between steps.

import type * as ort from "onnxruntime-common";
import { GradError } from "../errors.ts";
import { readModel } from "../onnx/read.ts";
import type { OrtRuntime } from "../runtime.ts";
import { float32, type TensorData } from "../tensor.ts";
import { Downloader } from "./download.ts";
import { runInPlace, withSequence, writesInPlace } from "./inPlace.ts";
import { type Pack, packer, unpack } from "./packs.ts";
import type { TrainProgram } from "./program.ts";
import { GRADIENT, HYPER, heldName, isNextName, nextName, slotName } from "./updates.ts";

/** What steers a step besides its data. */
export interface StepHyper {
  /** One learning rate per parameter group. */
  readonly lr: readonly number[];
  readonly momentum: number;
  /** Number of this step since the optimiser's state was cleared, from 1. */
  readonly step: number;
  readonly weightDecay: number;
  /** Decay of the weight average; only read when the program keeps one. */
  readonly average?: number;
}

export interface StepResult {
  readonly outputs: Readonly<Record<string, TensorData>>;
  /** Time inside ONNX Runtime. */
  readonly milliseconds: number;
}

/** State in plain order: parameters and buffers by name, the optimiser's as `exp_avg.NAME`, averages as `average.NAME`. */
export type State = ReadonlyMap<string, TensorData>;

const scalar = (value: number) => float32([value], []);
const prefixed = (slot: string, name: string) => (slot === "value" ? name : `${slot}.${name}`);

export class TrainingSession {
  readonly #runtime: OrtRuntime;
  readonly #session: ort.InferenceSession;
  /** The optimiser's own model, where gradients are summed over batches. */
  readonly #update: ort.InferenceSession | undefined;
  readonly #program: TrainProgram;
  readonly #held = new Map<string, ort.Tensor>();
  /** By name of what is held: where values before it lay, and next ones may go. None where outputs are new tensors. */
  readonly #spare: Map<string, ort.Tensor[]> | undefined;
  /** Reads tensors that stay on a device; none where all are in memory. */
  readonly #downloader: Downloader | undefined;
  /** What every pack's sum begins with: one run of zeros serves all steps, and is never written into. */
  readonly #zeros = new Map<string, ort.Tensor>();
  /** Batches whose gradients are summed and wait for a step. */
  #summed = 0;

  /** @param onDevice Whether what is held stays on the GPU that `options` name, instead of being copied at every step. */
  static async create(
    runtime: OrtRuntime,
    program: TrainProgram,
    options: ort.InferenceSession.SessionOptions = {},
    onDevice = false,
  ): Promise<TrainingSession> {
    const inPlace = !onDevice && (await writesInPlace(runtime));
    const opened: Pick<ort.InferenceSession, "release">[] = [];
    const open = async (model: Uint8Array) => {
      const session = await runtime.InferenceSession.create(inPlace ? withSequence(model) : model, {
        // Second moments and faint gradients underflow into denormals, which x86 computes many times slower.
        extra: { session: { set_denormal_as_zero: "1" } },
        graphOptimizationLevel: "all",
        // One block planned for all tensors of a step took 2.7 GB where the arena takes 1.5 (MobileNetV2, 16 photos at 224 px), and as long.
        enableMemPattern: false,
        ...options,
        ...(onDevice && { preferredOutputLocation: stayingOutputs(model) }),
      });
      opened.push(session);
      return session;
    };
    try {
      const session = await open(program.model);
      const update = program.update && (await open(program.update));
      const downloader = onDevice ? await Downloader.create(runtime, options) : undefined;
      return new TrainingSession(runtime, session, program, update, downloader, inPlace);
    } catch (error) {
      await Promise.allSettled(opened.map((session) => session.release()));
      throw error;
    }
  }

  private constructor(
    runtime: OrtRuntime,
    session: ort.InferenceSession,
    program: TrainProgram,
    update: ort.InferenceSession | undefined,
    downloader: Downloader | undefined,
    inPlace: boolean,
  ) {
    this.#runtime = runtime;
    this.#session = session;
    this.#program = program;
    this.#update = update;
    this.#downloader = downloader;
    this.#spare = inPlace ? new Map() : undefined;
    if (update === undefined) return;
    const none = new Float32Array(Math.max(...program.packs.map(({ size }) => size)));
    for (const pack of program.packs)
      this.#zeros.set(slotName(GRADIENT, pack), new runtime.Tensor("float32", none.subarray(0, pack.size), pack.shape));
  }

  #hold(name: string, tensor: ort.Tensor): void {
    const old = this.#held.get(name);
    // The garbage collector knows nothing of a device's memory, and would leave step after step there.
    if (old !== undefined && old.location !== "cpu") old.dispose();
    else if (old !== undefined && old !== this.#zeros.get(name))
      this.#spare?.set(name, [...(this.#spare.get(name) ?? []), old]);
    this.#held.set(name, tensor);
  }

  #slots(): { slot: string; packs: readonly Pack[] }[] {
    const { packs, slots, buffers, bufferSlots } = this.#program;
    return [...slots.map((slot) => ({ slot, packs })), ...bufferSlots.map((slot) => ({ slot, packs: [buffers] }))];
  }

  /**
   * Sets the state. Parameters and buffers must all be there; optimiser state that is missing starts as zeros, averages that
   * are missing start as the values.
   * @throws BAD_STATE, before anything is set, where a tensor is missing or any has another shape than its parameter
   */
  load(state: State): void {
    for (const { slot, packs } of this.#slots()) {
      for (const { name, shape } of packs.flatMap(({ entries }) => entries)) {
        const key = prefixed(slot, name);
        const tensor = state.get(key);
        if (tensor === undefined && slot === "value")
          throw new GradError("BAD_STATE", `expected a tensor for \`${key}\` but found none`);
        if (tensor !== undefined && tensor.dims.join() !== shape.join())
          throw new GradError("BAD_STATE", `expected shape [${shape}] for \`${key}\` but received [${tensor.dims}]`);
      }
    }
    // Else each load would add to what is kept.
    this.#spare?.clear();
    const packed = packer();
    for (const { slot, packs } of this.#slots()) {
      const find = (name: string) =>
        state.get(prefixed(slot, name)) ?? (slot === "average" ? state.get(name) : undefined);
      for (const pack of packs)
        this.#hold(slotName(slot, pack), new this.#runtime.Tensor("float32", packed(pack, find), pack.shape));
    }
    this.#clearSums();
  }

  #clearSums(): void {
    this.#summed = 0;
    if (this.#update === undefined) return;
    for (const [name, none] of this.#zeros) this.#hold(name, none);
  }

  /** The whole state, copied, in plain order. Gradients that wait for their step are no part of it. */
  async save(): Promise<State> {
    const state = new Map<string, TensorData>();
    const held = async (slot: string, pack: Pack) => {
      const tensor = this.#held.get(slotName(slot, pack))!;
      return tensor.location === "cpu" ? (tensor.data as Float32Array) : await this.#downloader!.read(tensor);
    };
    for (const { slot, packs } of this.#slots()) {
      const vectors = await Promise.all(packs.map(async (pack) => [pack, await held(slot, pack)] as const));
      for (const [name, tensor] of unpack(vectors)) state.set(prefixed(slot, name), tensor);
    }
    return state;
  }

  /** Adds the gradients of a batch to those of the next step. @throws BAD_STATE for a program without `accumulate` */
  async accumulate(inputs: Readonly<Record<string, TensorData>>): Promise<StepResult> {
    if (this.#update === undefined)
      throw new GradError(
        "BAD_STATE",
        "expected a program built with `accumulate` but received one that steps at once",
      );
    const { results, milliseconds } = await this.#run(this.#session, this.#feeds(inputs));
    this.#summed += 1;
    return { outputs: this.#outputs(results), milliseconds };
  }

  /** One step on the given inputs (by the names that the graph gave them), with the mean of the gradients since the last one. */
  async step(inputs: Readonly<Record<string, TensorData>>, hyper: StepHyper): Promise<StepResult> {
    const steering = this.#feeds(this.#steering(hyper));
    if (this.#update === undefined) {
      const { results, milliseconds } = await this.#run(this.#session, { ...steering, ...this.#feeds(inputs) });
      return { outputs: this.#outputs(results), milliseconds };
    }
    const last = await this.accumulate(inputs);
    const share = this.#feeds({ [HYPER.share]: scalar(1 / this.#summed) });
    const { milliseconds } = await this.#run(this.#update, { ...steering, ...share });
    this.#clearSums();
    return { outputs: last.outputs, milliseconds: last.milliseconds + milliseconds };
  }

  #steering({ lr, momentum, step, weightDecay, average = 0 }: StepHyper): Record<string, TensorData> {
    return {
      [HYPER.lr]: float32(lr),
      [HYPER.momentum]: scalar(momentum),
      [HYPER.step]: scalar(step),
      [HYPER.weightDecay]: scalar(weightDecay),
      ...(this.#program.slots.includes("average") && { [HYPER.average]: scalar(average) }),
    };
  }

  #feeds(tensors: Readonly<Record<string, TensorData>>): Record<string, ort.Tensor> {
    const { Tensor } = this.#runtime;
    return Object.fromEntries(
      Object.entries(tensors).map(([name, { dtype, data, dims }]) => [
        name,
        new Tensor(dtype, data as Float32Array, dims),
      ]),
    );
  }

  /** Runs a model on what it asks of the held tensors, and holds what it makes anew. */
  async #run(session: ort.InferenceSession, feeds: Record<string, ort.Tensor>) {
    for (const name of session.inputNames) {
      const tensor = this.#held.get(name);
      if (tensor !== undefined) feeds[name] = tensor;
    }
    const started = performance.now();
    const spare = this.#spare;
    // Taken out for good: what a run that fails has half written is not used again.
    const results =
      spare === undefined
        ? await session.run(feeds)
        : await runInPlace(this.#runtime, session, feeds, (output) => spare.get(heldName(output))?.pop());
    const milliseconds = performance.now() - started;
    for (const name of this.#held.keys()) {
      const tensor = results[nextName(name)];
      if (tensor !== undefined) this.#hold(name, tensor);
    }
    return { results, milliseconds };
  }

  #outputs(results: ort.InferenceSession.OnnxValueMapType): Record<string, TensorData> {
    const outputs: Record<string, TensorData> = {};
    for (const name of this.#program.outputs) {
      const tensor = results[name]!;
      outputs[name] = {
        dtype: tensor.type as TensorData["dtype"],
        dims: tensor.dims,
        data: tensor.data as Float32Array,
      };
    }
    return outputs;
  }

  async release(): Promise<void> {
    // Before the sessions, to whose device they belong.
    for (const tensor of this.#held.values()) if (tensor.location !== "cpu") tensor.dispose();
    this.#held.clear();
    this.#spare?.clear();
    await this.#downloader?.release();
    await this.#session.release();
    await this.#update?.release();
  }
}

/** What the next step takes again; the loss and what else is asked for comes to memory. */
function stayingOutputs(model: Uint8Array): Record<string, "gpu-buffer"> {
  const names = readModel(model).outputs.map(({ name }) => name);
  return Object.fromEntries(names.filter(isNextName).map((name) => [name, "gpu-buffer"]));
}
