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
    train: (program) => engine.train(program).catch(runtimeFailed("load the training step")),
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
