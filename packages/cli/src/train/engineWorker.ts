// The worker thread in which training runs: ONNX Runtime blocks its thread for a whole step, and the next batch is made meanwhile in the main one.

import { parentPort, workerData } from "node:worker_threads";
import { type Channel, type Device, localEngine, serveEngine } from "@ballsight/grad";
import * as runtime from "onnxruntime-node";
import { threadOptions } from "../model/threads.ts";

const port = parentPort;
if (port === null) throw new Error("engineWorker runs as a worker thread only");

const channel: Channel = {
  post: (message, transfer) => port.postMessage(message, transfer ?? []),
  listen: (handler) => port.on("message", handler),
};
serveEngine(channel, localEngine(runtime, { logSeverityLevel: 3, ...threadOptions() }, workerData as Device));
