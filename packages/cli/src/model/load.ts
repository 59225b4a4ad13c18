// The model file of a command: the one that was named or the one that ships, opened with the ONNX Runtime of Node.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { fail, Recognizer } from "@ballsight/vision";
import { threadOptions } from "./threads.ts";

/** The recogniser that ships: in `models/` of the published package, else of the repository. */
export function defaultModelPath(): string {
  const inPackage = fileURLToPath(new URL("../../models/sports-balls.onnx", import.meta.url));
  const inRepository = fileURLToPath(new URL("../../../../models/sports-balls.onnx", import.meta.url));
  return existsSync(inPackage) ? inPackage : inRepository;
}

/** @throws MODEL_NOT_FOUND, MODEL_INVALID, MODEL_INCOMPATIBLE */
export async function loadRecognizer(path: string): Promise<Recognizer> {
  const [runtime, bytes] = await Promise.all([import("onnxruntime-node"), readModelFile(path)]);
  // Severity 3 is errors only: what the runtime warns about is for whoever made the model.
  return Recognizer.load(runtime, bytes, {
    name: path,
    session: { graphOptimizationLevel: "all", logSeverityLevel: 3, ...threadOptions() },
  });
}

/** @throws MODEL_NOT_FOUND, MODEL_INVALID */
export async function readModelFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") fail("MODEL_NOT_FOUND", { name: path }, { cause });
    const received = code === "EISDIR" ? "a folder" : `a file that cannot be read (${code})`;
    return fail("MODEL_INVALID", { name: path, received }, { cause });
  }
}
