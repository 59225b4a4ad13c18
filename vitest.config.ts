// Tests by what they need: unit (nothing), node (native modules: onnxruntime-node, sharp),
// browser (Debian's chromium, CHROMIUM names another), slow (minutes of training).
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const project = (name: string, include: string[], timeout: number) => ({
  test: { name, include, testTimeout: timeout, hookTimeout: timeout },
});

export default defineConfig({
  test: {
    // Three at least: many wait for a network, a page or a killed process, and two left a fifth of two cores idle.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    projects: [
      project("unit", ["{packages/*,bench}/test/unit/**/*.test.ts"], 30_000),
      project("node", ["{packages/*,bench}/test/node/**/*.test.ts"], 120_000),
      project("browser", ["packages/*/test/browser/**/*.test.ts"], 120_000),
      project("slow", ["{packages/*,bench}/test/slow/**/*.test.ts"], 900_000),
    ],
  },
});
