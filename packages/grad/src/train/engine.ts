// Where training runs: in this thread, or behind a message channel in a worker (a native run blocks its thread, so the next batch is prepared outside).

import type * as ort from "onnxruntime-common";
import type { Target } from "../lowering/context.ts";
import { probeTarget } from "../lowering/probe.ts";
import type { OrtRuntime } from "../runtime.ts";
import type { TensorData } from "../tensor.ts";
import type { TrainProgram } from "./program.ts";
import { type State, type StepHyper, type StepResult, TrainingSession } from "./session.ts";

export type Tensors = Readonly<Record<string, TensorData>>;

/** A running training program; see TrainingSession. */
export interface Trainer {
  load(state: State): Promise<void>;
  /** Only for programs built with `accumulate`. */
  accumulate(inputs: Tensors): Promise<StepResult>;
  step(inputs: Tensors, hyper: StepHyper): Promise<StepResult>;
  save(): Promise<State>;
  release(): Promise<void>;
}

/** A loaded model that only answers. */
export interface Inference {
  run(inputs: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

export interface Engine {
  /** The best target of the runtime. */
  probe(): Promise<Target>;
  train(program: TrainProgram): Promise<Trainer>;
  infer(model: Uint8Array): Promise<Inference>;
}

/** Where an engine computes: in the CPU, or in a GPU through ONNX Runtime's WebGPU provider, which the runtime must have. */
export type Device = "cpu" | "webgpu";

/** An engine that runs in the calling thread. What the GPU's provider lacks of a graph runs in the CPU. */
export function localEngine(
  runtime: OrtRuntime,
  sessionOptions: ort.InferenceSession.SessionOptions = {},
  device: Device = "cpu",
): Engine {
  const gpu = device === "webgpu";
  const options = gpu ? { executionProviders: ["webgpu"], ...sessionOptions } : sessionOptions;
  return {
    // The blocked kernels are the CPU's alone.
    probe: async () => (gpu ? { kind: "plain" } : await probeTarget(runtime)),
    train: async (program) => {
      const session = await TrainingSession.create(runtime, program, options, gpu);
      return {
        load: async (state) => session.load(state),
        accumulate: (inputs) => session.accumulate(inputs),
        step: (inputs, hyper) => session.step(inputs, hyper),
        save: () => session.save(),
        release: () => session.release(),
      };
    },
    infer: async (model) => {
      const session = await runtime.InferenceSession.create(model, { graphOptimizationLevel: "all", ...options });
      return {
        run: async (inputs) => {
          const feeds = Object.entries(inputs).map(([name, { dtype, data, dims }]) => [
            name,
            new runtime.Tensor(dtype, data as Float32Array, dims),
          ]);
          const results = await session.run(Object.fromEntries(feeds));
          const tensors = Object.entries(results).map(([name, { type, dims, data }]): [string, TensorData] => [
            name,
            { dtype: type as TensorData["dtype"], dims, data: data as Float32Array },
          ]);
          return Object.fromEntries(tensors);
        },
        release: () => session.release(),
      };
    },
  };
}
