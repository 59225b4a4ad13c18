// ONNX Runtime in a worker: the small wasm build first, the one with WebGPU on request. Both come from the page's own folder.

import type { Recognizer } from "@ballsight/vision";
import gpuWasm from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import plainWasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { download, fetched } from "./download.ts";
import type { Engine, Progress } from "./protocol.ts";
import { RUNTIME_SIZES } from "./sizes.ts";

/** ONNX Runtime, whichever build. */
export type Runtime = Parameters<typeof Recognizer.load>[0];

export async function openRuntime(engine: Engine, onProgress: (progress: Progress) => void): Promise<Runtime> {
  const wasm = new URL(engine === "wasm" ? plainWasm : gpuWasm, self.location.href).href;
  const part = engine === "wasm" ? "runtime" : "gpu runtime";
  const [binary, ort] = await Promise.all([
    download(wasm, RUNTIME_SIZES[engine].bytes, (loaded, total) => onProgress({ part, loaded, total })),
    fetched(
      engine === "wasm" ? import("onnxruntime-web/wasm") : import("onnxruntime-web/webgpu"),
      "the runtime's code",
    ),
  ]);
  ort.env.wasm.wasmBinary = binary;
  // Threads need headers that GitHub Pages cannot send, and one answer takes a fraction of a second without.
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  return ort;
}
