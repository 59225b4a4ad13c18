// The engine in a worker thread, as the learner sees it.

import { Worker } from "node:worker_threads";
import { type Channel, type Device, type Engine, remoteEngine } from "@ballsight/grad";
import { fail } from "@ballsight/vision";

export interface WorkerEngine extends Engine {
  close(): Promise<void>;
}

export function workerEngine(device: Device): WorkerEngine {
  const worker = new Worker(new URL("./engineWorker.js", import.meta.url), { workerData: device });
  const channel: Channel = {
    post: (message, transfer) => worker.postMessage(message, transfer ?? []),
    listen: (handler) => worker.on("message", handler),
  };
  const engine = remoteEngine(channel);
  worker.on("error", (error) => engine.fail(error));
  worker.on("exit", () => engine.fail(new Error("the engine's thread has ended")));
  return {
    ...engine,
    train: async (program) => {
      const trainer = await engine.train(program).catch(runtimeFailed("load the training step"));
      // A GPU's memory is taken as steps run, and a GPU can be lost.
      const failed = runtimeFailed("make a training step");
      return {
        ...trainer,
        accumulate: (inputs) => trainer.accumulate(inputs).catch(failed),
        step: (inputs, hyper) => trainer.step(inputs, hyper).catch(failed),
      };
    },
    infer: (model) => engine.infer(model).catch(runtimeFailed("load the network")),
    close: async () => {
      await worker.terminate();
    },
  };
}

/** ONNX Runtime's own message tells more than a stack trace of this program would. */
function runtimeFailed(task: string): (cause: Error) => never {
  return (cause) => fail("RUNTIME_FAILED", { task, reason: cause.message }, { cause });
}
