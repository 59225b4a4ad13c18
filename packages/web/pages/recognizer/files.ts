// What stands beside the built page: the example pictures, and a default ballsight.json for servers that bring none.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const EXAMPLES = join(import.meta.dirname, "../../../../docs/examples");

export function files(): Plugin {
  return {
    name: "ballsight-files",
    generateBundle() {
      const emit = (fileName: string, source: Uint8Array | string) =>
        this.emitFile({ type: "asset", fileName, source });
      const examples = readdirSync(EXAMPLES)
        .filter((name) => name.endsWith(".jpg"))
        .sort();
      for (const name of examples) emit(`examples/${name}`, readFileSync(join(EXAMPLES, name)));
      const labels = examples.map((name) => name.slice(0, -".jpg".length));
      const config = {
        labels,
        model: { url: "model.onnx", name: "model.onnx", bytes: 0 },
        examples: labels.map((label) => ({ file: `examples/${label}.jpg`, label })),
      };
      emit("ballsight.json", `${JSON.stringify(config, null, 2)}\n`);
    },
  };
}
