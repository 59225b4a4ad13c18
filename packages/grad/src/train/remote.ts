// An engine behind a message channel: one side serves a local engine, the other looks like one. Works over worker_threads' and browsers' ports alike.

import type { TensorData } from "../tensor.ts";
import type { Engine, Inference, Tensors, Trainer } from "./engine.ts";
import type { State, StepResult } from "./session.ts";

/** The two things needed of a message port; `transfer` lists buffers that move instead of being copied. */
export interface Channel {
  post(message: unknown, transfer?: ArrayBuffer[]): void;
  listen(handler: (message: unknown) => void): void;
}

interface Request {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

type Reply = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

/** Answers requests from the channel with the given engine, one after the other: a step must see the state that the last one left. */
export function serveEngine(channel: Channel, engine: Engine): void {
  const trainers = new Map<number, Trainer>();
  const inferences = new Map<number, Inference>();
  let handles = 0;
  const trainer = (handle: unknown) => trainers.get(handle as number)!;
  const inference = (handle: unknown) => inferences.get(handle as number)!;
  const methods: Record<string, (...args: never[]) => Promise<unknown>> = {
    probe: () => engine.probe(),
    train: async (program: Parameters<Engine["train"]>[0]) => {
      trainers.set(++handles, await engine.train(program));
      return handles;
    },
    load: (handle: number, state: State) => trainer(handle).load(state),
    accumulate: (handle: number, inputs: Tensors) => trainer(handle).accumulate(inputs),
    step: (handle: number, ...args: Parameters<Trainer["step"]>) => trainer(handle).step(...args),
    save: (handle: number) => trainer(handle).save(),
    releaseTrainer: async (handle: number) => {
      await trainer(handle).release();
      trainers.delete(handle);
    },
    infer: async (model: Uint8Array) => {
      inferences.set(++handles, await engine.infer(model));
      return handles;
    },
    run: (handle: number, inputs: Tensors) => inference(handle).run(inputs),
    releaseInference: async (handle: number) => {
      await inference(handle).release();
      inferences.delete(handle);
    },
  };
  let last: Promise<void> = Promise.resolve();
  channel.listen((message) => {
    const { id, method, args } = message as Request;
    last = last.then(async () => {
      try {
        const value = await methods[method]!(...(args as never[]));
        channel.post({ id, value });
      } catch (error) {
        channel.post({ id, error: error instanceof Error ? error.message : String(error) });
      }
    });
  });
}

export interface RemoteEngine extends Engine {
  /** Makes every open and later request fail: the other side is gone. */
  fail(reason: Error): void;
}

/** The engine at the other end of the channel. Inputs of steps and runs are moved to it, not copied. */
export function remoteEngine(channel: Channel): RemoteEngine {
  const open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let ids = 0;
  let gone: Error | undefined;
  channel.listen((message) => {
    const reply = message as Reply;
    const waiting = open.get(reply.id);
    open.delete(reply.id);
    if ("error" in reply) waiting?.reject(new Error(reply.error));
    else waiting?.resolve(reply.value);
  });
  const call = <T>(method: string, args: readonly unknown[], inputs: Tensors = {}): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (gone !== undefined) return reject(gone);
      ids += 1;
      open.set(ids, { resolve: resolve as (value: unknown) => void, reject });
      channel.post({ id: ids, method, args }, buffersOf(inputs));
    });
  return {
    probe: () => call("probe", []),
    train: async (program) => {
      const handle = await call<number>("train", [program]);
      return {
        load: (state) => call("load", [handle, state]),
        accumulate: (inputs) => call<StepResult>("accumulate", [handle, inputs], inputs),
        step: (inputs, hyper) => call<StepResult>("step", [handle, inputs, hyper], inputs),
        save: () => call<State>("save", [handle]),
        release: () => call("releaseTrainer", [handle]),
      };
    },
    infer: async (model) => {
      const handle = await call<number>("infer", [model]);
      return {
        run: (inputs) => call<Tensors>("run", [handle, inputs], inputs),
        release: () => call("releaseInference", [handle]),
      };
    },
    fail: (reason) => {
      gone = reason;
      for (const { reject } of open.values()) reject(reason);
      open.clear();
    },
  };
}

/** The buffers that tensors fill alone: a view into a larger buffer (Node's pool) cannot be moved. */
function buffersOf(inputs: Tensors): ArrayBuffer[] {
  const whole = Object.values(inputs).flatMap(({ data }: TensorData) =>
    data.buffer instanceof ArrayBuffer && data.byteLength === data.buffer.byteLength ? [data.buffer] : [],
  );
  return [...new Set(whole)];
}
