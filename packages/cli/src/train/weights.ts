// Finds and reads the weights that a training starts from.

import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Graph, type State } from "@ballsight/grad";
import {
  ARCHITECTURES,
  BallsightError,
  FROZEN,
  fail,
  listModels,
  ModelBuilder,
  type ModelEntry,
  readSafetensors,
  resolveModel,
} from "@ballsight/vision";
import { userCache } from "../data/cacheFolder.ts";
import { isWeightsFile } from "./options.ts";

export interface StartWeights {
  readonly entry: ModelEntry;
  /** Empty where training starts from scratch. */
  readonly state: State;
  /** What config.json and the model's card call them. */
  readonly name: string;
  /** SPDX identifier; "none" for fresh weights, "unknown" for a file of the user's. */
  readonly license: string;
  /** What `--weights` must be for the same start another time: a name, or an absolute path. */
  readonly settled: string;
}

/** Folders in which a weights file is looked for: BALLSIGHT_WEIGHTS, the user's cache, and what comes with the program. */
export function weightsFolders(env: NodeJS.ProcessEnv = process.env): string[] {
  const shipped = ["../../models", "../../../../models"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return [...(env.BALLSIGHT_WEIGHTS ? [env.BALLSIGHT_WEIGHTS] : []), join(userCache(env), "weights"), ...shipped];
}

/**
 * `--weights`: "default" (the first of the architecture's weights that is at hand), "none", an `arch.weights` name, or a
 * safetensors file. A file named as the registry's is taken for that entry, with its padding, mean and deviation.
 * @throws UNKNOWN_ARCHITECTURE, WEIGHTS_MISSING, WEIGHTS_INVALID, WEIGHTS_SHAPE, FILE_NOT_FOUND, IS_A_FOLDER
 */
export async function loadWeights(arch: string, weights: string): Promise<StartWeights> {
  const entry = resolveModel(arch);
  if (weights === "none") return { entry, state: new Map(), name: "none", license: "none", settled: "none" };
  if (isWeightsFile(weights)) {
    if (!existsSync(weights)) fail("FILE_NOT_FOUND", { name: weights });
    if (statSync(weights).isDirectory()) fail("IS_A_FOLDER", { name: weights });
    const known =
      listModels(`${entry.architecture}.*`).find(({ file }) => file === basename(weights)) ?? (await entryOf(weights));
    const state = await read(weights, known ?? entry);
    return {
      entry: known ?? entry,
      state,
      name: known?.file === basename(weights) ? known.name : basename(weights),
      license: known?.license ?? "unknown",
      settled: weights,
    };
  }
  const wanted =
    weights === "default"
      ? arch.includes(".")
        ? [entry]
        : listModels(`${entry.architecture}.*`)
      : [weightsEntry(weights)];
  for (const candidate of wanted) {
    const path = weightsFolders()
      .map((folder) => join(folder, candidate.file))
      .find((file) => existsSync(file));
    if (path === undefined) continue;
    if (candidate.format === "safetensors") {
      const { name, license } = candidate;
      return { entry: candidate, state: await read(path, candidate), name, license, settled: name };
    }
    if (weights !== "default")
      fail("WEIGHTS_INVALID", { name: path, received: "a PyTorch file, which is not read yet" });
  }
  const [first] = wanted as [ModelEntry];
  return fail("WEIGHTS_MISSING", {
    name: first.name,
    path: join(weightsFolders()[0]!, first.file),
    source: first.url ?? "its publisher, name another file with --weights, or start from nothing with --weights none",
  });
}

/** The registry's entry that a run's weights started from, which its metadata names. */
async function entryOf(path: string): Promise<ModelEntry | undefined> {
  const name = readSafetensors(await readFile(path), path).metadata.entry;
  return name === undefined ? undefined : listModels(name)[0];
}

function weightsEntry(name: string): ModelEntry {
  try {
    return resolveModel(name);
  } catch (error) {
    if (!(error instanceof BallsightError)) throw error;
    const advice = String(error.details.advice);
    return fail("BAD_OPTION", {
      option: "--weights",
      expected: `the name of weights or a file (${advice})`,
      received: name,
    });
  }
}

/** The body's tensors; a file that lacks one is named before anything starts, and a classifier of other classes is left behind. */
async function read(path: string, entry: ModelEntry): Promise<State> {
  const state = readSafetensors(await readFile(path), path).tensors;
  const graph = new Graph();
  const builder = new ModelBuilder(graph, { state, weightsName: path, ...FROZEN });
  const side = ARCHITECTURES[entry.architecture]!.stride * 2;
  ARCHITECTURES[entry.architecture]!.body(builder, graph.input("x", "float32", [1, 3, side, side]), entry.padding);
  return new Map([...state].filter(([name]) => builder.used.has(name)));
}
