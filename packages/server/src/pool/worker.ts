// A worker thread: decodes photos and runs the model, one after the other, on a session of its own, since a native run blocks its thread.

import { parentPort, workerData } from "node:worker_threads";
import { BallsightError, Recognizer } from "@ballsight/vision";
import * as runtime from "onnxruntime-node";
import { decode, loadSharp } from "../photos/decode.ts";
import { blockOtherLoaders } from "./loaders.ts";
import type { Outputs, PlainError, Work, WorkerMessage, WorkerOrder, WorkerSetup, WorkMessage } from "./messages.ts";

/** Side of the grey picture that allocates a session's memory before the first photo comes. */
const WARM_SIDE = 256;

const setup = workerData as WorkerSetup;
const say = (message: WorkerMessage, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(message, transfer);

try {
  const recognizer = await open();
  let last: Promise<void> = Promise.resolve();
  parentPort?.on("message", (order: WorkerOrder) => {
    if ("end" in order) void last.then(() => process.exit());
    else last = answer(recognizer, order);
  });
  say({ ready: { labels: recognizer.labels, metadata: recognizer.metadata } });
} catch (error) {
  say({ refused: plain(error) });
}

async function open(): Promise<Recognizer> {
  blockOtherLoaders(await loadSharp());
  // ONNX Runtime reads no shared memory.
  const model = new Uint8Array(setup.model).slice();
  const recognizer = await Recognizer.load(runtime, model, {
    name: setup.name,
    session: {
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
      intraOpNumThreads: setup.threads,
      interOpNumThreads: 1,
      // Threads that wait for work by spinning would take the cores from the other workers.
      extra: { session: { intra_op: { allow_spinning: "0" } } },
    },
  });
  const grey = new Uint8Array(WARM_SIDE * WARM_SIDE * 3).fill(128);
  await recognizer.run(grey, [1, WARM_SIDE, WARM_SIDE, 3], ["probabilities"]);
  return recognizer;
}

async function answer(recognizer: Recognizer, { id, ...work }: WorkMessage): Promise<void> {
  try {
    const result = await compute(recognizer, work);
    const buffers = new Set(Object.values(result.outputs).map(({ data }) => data.buffer as ArrayBuffer));
    say({ id, answer: result }, [...buffers]);
  } catch (error) {
    say({ id, error: plain(error) });
  }
}

async function compute(recognizer: Recognizer, { picture, name, outputs }: Work): Promise<Outputs> {
  const began = performance.now();
  const { pixels, dims } = "bytes" in picture ? await decoded(picture.bytes, name) : picture;
  const ready = performance.now();
  const results = await recognizer.run(pixels, dims, outputs);
  return {
    outputs: results,
    width: dims[2],
    height: dims[1],
    decodeMs: ready - began,
    inferMs: performance.now() - ready,
  };
}

async function decoded(bytes: Uint8Array, name: string) {
  const { data, width, height } = await decode(bytes, name, setup.limits);
  return { pixels: data, dims: [1, height, width, 3] as const };
}

function plain(error: unknown): PlainError {
  if (error instanceof BallsightError) {
    return { code: error.code, details: error.details as PlainError["details"] };
  }
  return {
    code: "INTERNAL",
    details: { reason: error instanceof Error ? (error.stack ?? error.message) : String(error) },
  };
}
