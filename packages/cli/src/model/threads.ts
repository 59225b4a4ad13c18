// How many threads a network computes with: ONNX Runtime takes one per core unless told otherwise.

import { fail } from "@ballsight/vision";

const NAME = "BALLSIGHT_THREADS";

/** Session options from BALLSIGHT_THREADS, where it is set: to leave cores to others, or when several trainings share a machine. @throws BAD_OPTION */
export function threadOptions(env: NodeJS.ProcessEnv = process.env): { intraOpNumThreads?: number } {
  const text = env[NAME];
  if (text === undefined || text === "") return {};
  const threads = Number(text);
  if (!Number.isInteger(threads) || threads < 1)
    fail("BAD_OPTION", { option: NAME, expected: "a whole number of threads from 1 on", received: text });
  return { intraOpNumThreads: threads };
}
