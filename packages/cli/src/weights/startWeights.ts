// The weights that a training starts from: found in a folder or downloaded, checked, read, and cut down to the body's tensors.

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { Graph, type State } from "@ballsight/grad";
import {
  ARCHITECTURES,
  BallsightError,
  FROZEN,
  fail,
  listModels,
  ModelBuilder,
  type ModelEntry,
  readWeights,
  resolveModel,
} from "@ballsight/vision";
import { warn } from "../output/warn.ts";
import { isWeightsFile } from "../train/options.ts";
import { isSupervised, trainingProgress } from "../train/supervision.ts";
import { type DownloadOptions, downloadWeights } from "./download.ts";
import { downloadFolder, findWeights, isOffline, weightsUrl } from "./places.ts";

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

export interface LoadOptions extends DownloadOptions {
  /** Download nothing. */
  readonly offline?: boolean | undefined;
  /** Start from random weights where those of the table cannot be had, instead of failing. */
  readonly randomIfMissing?: boolean | undefined;
}

type CommandOptions = Pick<LoadOptions, "offline" | "randomIfMissing"> & { readonly json?: boolean };

/** How a command's options have weights loaded: with a bar and notes on stderr, or with silence for `--json`. */
export function loadOptions({ offline, randomIfMissing, json }: CommandOptions): LoadOptions {
  const silent = json === true && !isSupervised();
  return {
    offline,
    randomIfMissing,
    progress: trainingProgress(json),
    say: (line) => void (silent ? undefined : warn(line)),
  };
}

/** What a file can hold that Node reads at once. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * `--weights`: "default" (the first of the architecture's weights that is at hand, else the first that can be downloaded),
 * "none", an `arch.weights` name, or a file of safetensors or PyTorch. A file that a run left, or that is named as the
 * registry's, is taken with that entry's padding, mean and deviation; name and licence need the registry's content too.
 * @throws UNKNOWN_ARCHITECTURE, BAD_OPTION, FILE_NOT_FOUND, IS_A_FOLDER, FILE_NOT_READABLE, FILE_TOO_LARGE, DISK_FULL, and WEIGHTS_...
 *   MISSING, DOWNLOAD, NOT_WRITABLE, HASH, INVALID, UNSAFE, SHAPE
 */
export async function loadWeights(arch: string, weights: string, options: LoadOptions = {}): Promise<StartWeights> {
  const entry = resolveModel(arch);
  if (weights === "none") return fresh(entry);
  if (isWeightsFile(weights)) return await loadFile(weights, entry);
  const candidates =
    weights !== "default"
      ? [namedWeights(weights, entry)]
      : arch.includes(".")
        ? [entry]
        : listModels(`${entry.architecture}.*`);
  for (const candidate of candidates) {
    const path = findWeights(candidate);
    if (path !== undefined) return await loadEntry(candidate, path);
  }
  const wanted = candidates.find(({ url }) => url !== undefined) ?? candidates[0]!;
  const path = await getWeights(wanted, options).catch((error: unknown) => {
    if (!options.randomIfMissing || !isUnavailable(error)) throw error;
    options.say?.(`${error.message}; ${arch} starts from random weights`);
  });
  return path === undefined ? fresh(entry) : await loadEntry(wanted, path);
}

const fresh = (entry: ModelEntry): StartWeights => ({
  entry,
  state: new Map(),
  name: "none",
  license: "none",
  settled: "none",
});

/** A file that came and is another one is a fault to look into, and not the same. */
const isUnavailable = (error: unknown): error is BallsightError =>
  error instanceof BallsightError &&
  ["WEIGHTS_MISSING", "WEIGHTS_DOWNLOAD", "WEIGHTS_NOT_WRITABLE"].includes(error.code);

async function getWeights(entry: ModelEntry, { offline, ...options }: LoadOptions): Promise<string> {
  const url = weightsUrl(entry);
  if (url === undefined || isOffline(offline)) {
    const elsewhere = "its publisher, name another file with --weights, or start from nothing with --weights none";
    const path = join(downloadFolder(), entry.file);
    return fail("WEIGHTS_MISSING", { name: entry.name, path, source: url ?? elsewhere });
  }
  options.say?.(`getting ${entry.name} (${entry.license}) from ${url} into ${downloadFolder()}`);
  return await downloadWeights(entry, url, downloadFolder(), options);
}

/** A file that lies under a registry's name must be that file: half a copy of it, for one, is told before it is read. */
async function loadEntry(entry: ModelEntry, path: string): Promise<StartWeights> {
  const bytes = await readBytes(path);
  const { sha256, name, license } = entry;
  if (sha256 !== undefined) {
    const digest = digestOf(bytes);
    const received = `${digest.slice(0, sha256.length)}...`;
    const source = weightsUrl(entry) ?? "its publisher";
    if (!digest.startsWith(sha256)) fail("WEIGHTS_HASH", { name: path, expected: sha256, received, source });
  }
  return { entry, state: bodyTensors(readWeights(bytes, path).tensors, path, entry), name, license, settled: name };
}

async function loadFile(path: string, wanted: ModelEntry): Promise<StartWeights> {
  const bytes = await readBytes(path);
  const { tensors, metadata } = readWeights(bytes, path);
  const ofArchitecture = listModels(`${wanted.architecture}.*`);
  const namesake = ofArchitecture.find(({ file }) => file === basename(path));
  const recorded = ofArchitecture.find(({ name }) => name === metadata.entry);
  const isPublished = namesake?.sha256 !== undefined && digestOf(bytes).startsWith(namesake.sha256);
  const entry = (isPublished ? namesake : recorded) ?? namesake ?? wanted;
  return {
    entry,
    state: bodyTensors(tensors, path, entry),
    name: isPublished ? namesake.name : basename(path),
    // Where a run's file names none, it was written when only the registry's licences were passed on.
    license: isPublished ? namesake.license : (metadata.license ?? recorded?.license ?? "unknown"),
    settled: path,
  };
}

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** What config.json keeps of the start: a checkpoint holds the tensors, and a run goes on without the file. */
export const recordOf = ({ entry, name, license }: StartWeights) => ({ entry: entry.name, name, license });

/** Back from `recordOf`, without tensors; undefined where it is none. */
export function recordedStart(record: unknown, settled: string): StartWeights | undefined {
  const { entry, name, license } = { ...(record as Partial<ReturnType<typeof recordOf>>) };
  const known = listModels().find((model) => model.name === entry);
  if (known === undefined || typeof name !== "string" || typeof license !== "string") return undefined;
  return { entry: known, state: new Map(), name, license, settled };
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) fail("IS_A_FOLDER", { name: path });
    if (info.size > MAX_BYTES) fail("FILE_TOO_LARGE", { name: path, limit: MAX_BYTES, received: info.size });
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof BallsightError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return fail("FILE_NOT_FOUND", { name: path }, { cause });
    const denied = code === "EACCES" || code === "EPERM";
    const reason = denied ? "one without permission to read" : (code ?? String(cause));
    return fail("FILE_NOT_READABLE", { name: path, reason }, { cause });
  }
}

function namedWeights(name: string, wanted: ModelEntry): ModelEntry {
  const refuse = (advice: string) => {
    const expected = `the name of weights or a file (${advice})`;
    return fail("BAD_OPTION", { option: "--weights", expected, received: name });
  };
  let entry: ModelEntry;
  try {
    entry = resolveModel(name);
  } catch (error) {
    if (!(error instanceof BallsightError)) throw error;
    return refuse(String(error.details.advice));
  }
  if (entry.architecture === wanted.architecture) return entry;
  const names = listModels(`${wanted.architecture}.*`).map((model) => model.name);
  return refuse(`for ${wanted.architecture} there are ${names.join(", ")}`);
}

/** A file that lacks one of the body's tensors is refused before anything starts; classifiers and auxiliary heads are left behind. */
function bodyTensors(state: State, path: string, { architecture, padding }: ModelEntry): State {
  const { stride, body } = ARCHITECTURES[architecture]!;
  const graph = new Graph();
  const builder = new ModelBuilder(graph, { state, weightsName: path, ...FROZEN });
  body(builder, graph.input("x", "float32", [1, 3, stride * 2, stride * 2]), padding);
  return new Map([...state].filter(([name]) => builder.used.has(name)));
}
