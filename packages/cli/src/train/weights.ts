// Finds and reads the weights that a training starts from.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { State } from "@ballsight/grad";
import { fail, listModels, type ModelEntry, readSafetensors, resolveModel } from "@ballsight/vision";
import { userCache } from "../data/cacheFolder.ts";

export interface StartWeights {
  readonly entry: ModelEntry;
  /** Empty where training starts from scratch. */
  readonly state: State;
  /** What config.json and the model's card call them. */
  readonly name: string;
  readonly path?: string;
}

/** Folders in which a weights file is looked for: BALLSIGHT_WEIGHTS, the user's cache, and what comes with the program. */
export function weightsFolders(env: NodeJS.ProcessEnv = process.env): string[] {
  const shipped = ["../../models", "../../../../models"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return [...(env["BALLSIGHT_WEIGHTS"] ? [env["BALLSIGHT_WEIGHTS"]] : []), join(userCache(env), "weights"), ...shipped];
}

/**
 * `--weights`: "default" (the first of the architecture's weights that is at hand), "none", an `arch.weights` name, or a
 * safetensors file. A file named as the registry's is taken for that entry, with its padding, mean and deviation.
 * @throws UNKNOWN_ARCHITECTURE, WEIGHTS_MISSING, WEIGHTS_INVALID, FILE_NOT_FOUND
 */
export async function loadWeights(arch: string, weights: string): Promise<StartWeights> {
  const entry = resolveModel(arch);
  if (weights === "none") return { entry, state: new Map(), name: "none" };
  if (/[/\\]|\.safetensors$/.test(weights)) {
    if (!existsSync(weights)) fail("FILE_NOT_FOUND", { name: weights });
    const known = listModels(`${entry.architecture}.*`).find(({ file }) => file === basename(weights)) ?? entry;
    return {
      entry: known,
      state: await read(weights),
      name: known.file === basename(weights) ? known.name : basename(weights),
      path: weights,
    };
  }
  const wanted =
    weights === "default"
      ? arch.includes(".")
        ? [entry]
        : listModels(`${entry.architecture}.*`)
      : [resolveModel(weights)];
  for (const candidate of wanted) {
    const path = weightsFolders()
      .map((folder) => join(folder, candidate.file))
      .find((file) => existsSync(file));
    if (path !== undefined && candidate.format === "safetensors")
      return { entry: candidate, state: await read(path), name: candidate.name, path };
  }
  const [first] = wanted as [ModelEntry];
  return fail("WEIGHTS_MISSING", {
    name: first.name,
    path: join(weightsFolders()[0]!, first.file),
    source: first.url ?? "whoever gave you the photos' weights, or train with --weights none",
  });
}

async function read(path: string): Promise<State> {
  return readSafetensors(await readFile(path), path).tensors;
}
