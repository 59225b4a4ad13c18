// The real worker, but some sizes of photos are its death or its despair: what a fault of a native library does to its thread.

import { openSync } from "node:fs";
import { parentPort } from "node:worker_threads";

const listeners = [];
const on = parentPort.on.bind(parentPort);
parentPort.on = (event, listener) => {
  if (event !== "message") return on(event, listener);
  listeners.push(listener);
  return parentPort;
};
on("message", (message) => {
  // The width of a PNG, behind its signature and the chunk's head.
  const bytes = message.picture?.bytes;
  const width = bytes === undefined ? 0 : Buffer.from(bytes).readUInt32BE(16);
  if (width === 13) process.exit(3);
  if (width === 14) throw new Error("thrown out of a thread");
  // Blocks the thread as a native run does: 300 ms.
  if (width === 15) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  // In a call that nobody can interrupt, `terminate` neither: opening a pipe that nobody writes to.
  if (width === 16) openSync(process.env.BALLSIGHT_TEST_PIPE, "r");
  // A fault of ONNX Runtime: there is no such output.
  if (width === 17) message.outputs = ["nonsense"];
  for (const listener of listeners) listener(message);
});

await import("../../dist/pool/worker.js");
