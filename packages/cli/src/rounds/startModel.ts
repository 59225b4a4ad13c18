// The network as rounds start from it, as a model file: its embeddings have not learnt a label of these photos, right or wrong.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeModelFile } from "@ballsight/vision";
import { writeAtomic } from "../run/writeAtomic.ts";
import type { RunConfig } from "../train/options.ts";
import { initialState, preprocessOf, specOf } from "../train/prepare.ts";
import { type LoadOptions, loadWeights } from "../weights/startWeights.ts";

/**
 * A body that was trained on the labels that it is to judge has learnt the wrong ones by heart: heads on its embeddings find hardly any.
 * The same file serves every round, so that photos are shown to it once.
 * @param config with the weights that the first round settled on
 * @returns its path
 * @throws what loading weights throws
 */
export async function startModel(
  folder: string,
  config: RunConfig,
  labels: readonly string[],
  options: LoadOptions,
): Promise<string> {
  const path = join(folder, "start.onnx");
  if (existsSync(path)) return path;
  const start = await loadWeights(config.arch, config.weights, options);
  const spec = specOf(config, start.entry, labels.length);
  const model = writeModelFile({
    spec,
    state: initialState(spec, start, config.learner.seed),
    labels,
    preprocess: preprocessOf(config, start.entry),
    weights: start.name,
    license: start.license,
    metrics: {},
    data: "",
  });
  await writeAtomic(path, model);
  return path;
}
