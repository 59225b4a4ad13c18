// Runs a training program step by step on a given ONNX Runtime, and keeps parameters, optimiser state and statistics between steps.

import type * as ort from "onnxruntime-common";
import { GradError } from "../errors.ts";
import type { OrtRuntime } from "../runtime.ts";
import type { TensorData } from "../tensor.ts";
import { type Pack, pack, unpack } from "./packs.ts";
import { HYPER, nextName, slotName, type TrainProgram } from "./program.ts";

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

const prefixed = (slot: string, name: string) => (slot === "value" ? name : `${slot}.${name}`);

export class TrainingSession {
  readonly #runtime: OrtRuntime;
  readonly #session: ort.InferenceSession;
  readonly #program: TrainProgram;
  readonly #held = new Map<string, ort.Tensor>();

  static async create(
    runtime: OrtRuntime,
    program: TrainProgram,
    options: ort.InferenceSession.SessionOptions = {},
  ): Promise<TrainingSession> {
    const session = await runtime.InferenceSession.create(program.model, {
      // Second moments and faint gradients underflow into denormals, which x86 computes many times slower.
      extra: { session: { set_denormal_as_zero: "1" } },
      graphOptimizationLevel: "all",
      ...options,
    });
    return new TrainingSession(runtime, session, program);
  }

  private constructor(runtime: OrtRuntime, session: ort.InferenceSession, program: TrainProgram) {
    this.#runtime = runtime;
    this.#session = session;
    this.#program = program;
  }

  #slots(): { pack: Pack; slot: string }[] {
    const { packs, slots, buffers, bufferSlots } = this.#program;
    return [
      ...packs.flatMap((pack) => slots.map((slot) => ({ pack, slot }))),
      ...bufferSlots.map((slot) => ({ pack: buffers, slot })),
    ];
  }

  /**
   * Sets the state. Parameters and buffers must all be there in their shapes; optimiser state that is missing starts as
   * zeros, averages that are missing start as the values.
   */
  load(state: State): void {
    const { packs, buffers } = this.#program;
    for (const { name, shape } of [...packs, buffers].flatMap(({ entries }) => entries)) {
      const tensor = state.get(name);
      if (tensor === undefined) throw new GradError("BAD_STATE", `expected a tensor for \`${name}\` but found none`);
      if (tensor.dims.join() !== shape.join()) {
        throw new GradError("BAD_STATE", `expected shape [${shape}] for \`${name}\` but received [${tensor.dims}]`);
      }
    }
    for (const { pack: entry, slot } of this.#slots()) {
      const find = (name: string) =>
        state.get(prefixed(slot, name)) ?? (slot === "average" ? state.get(name) : undefined);
      this.#held.set(slotName(slot, entry), new this.#runtime.Tensor("float32", pack(entry, find), [entry.size]));
    }
  }

  /** The whole state, copied, in plain order. */
  async save(): Promise<State> {
    const state = new Map<string, TensorData>();
    for (const { pack: entry, slot } of this.#slots()) {
      const data = (await this.#held.get(slotName(slot, entry))!.getData()) as Float32Array;
      for (const [name, tensor] of unpack(entry, data)) state.set(prefixed(slot, name), tensor);
    }
    return state;
  }

  /** One step on the given inputs (by the names that the graph gave them). */
  async step(inputs: Readonly<Record<string, TensorData>>, hyper: StepHyper): Promise<StepResult> {
    const { Tensor } = this.#runtime;
    const scalar = (value: number) => new Tensor("float32", Float32Array.of(value), []);
    const feeds: Record<string, ort.Tensor> = {
      [HYPER.lr]: new Tensor("float32", Float32Array.from(hyper.lr), [hyper.lr.length]),
      [HYPER.momentum]: scalar(hyper.momentum),
      [HYPER.step]: scalar(hyper.step),
      [HYPER.weightDecay]: scalar(hyper.weightDecay),
    };
    if (this.#program.slots.includes("average")) feeds[HYPER.average] = scalar(hyper.average ?? 0);
    for (const [name, { dtype, data, dims }] of Object.entries(inputs))
      feeds[name] = new Tensor(dtype, data as Float32Array, dims);
    for (const [name, tensor] of this.#held) feeds[name] = tensor;
    const started = performance.now();
    const results = await this.#session.run(feeds);
    const milliseconds = performance.now() - started;
    for (const name of this.#held.keys()) this.#held.set(name, results[nextName(name)]!);
    const outputs: Record<string, TensorData> = {};
    for (const name of this.#program.outputs) {
      const tensor = results[name]!;
      outputs[name] = {
        dtype: tensor.type as TensorData["dtype"],
        dims: tensor.dims,
        data: tensor.data as Float32Array,
      };
    }
    return { outputs, milliseconds };
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}
