// Whose embeddings: a model of `ballsight train`, or published weights under no head at all, which never saw one of these labels.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import {
  Generator,
  HEADS,
  type NetworkSpec,
  Recognizer,
  readWeights,
  resolveModel,
  writeModelFile,
} from "@ballsight/vision";
import * as runtime from "onnxruntime-node";
import {
  type Dataset,
  defaultModelPath,
  makeFolders,
  type Passed,
  Progress,
  passOver,
  recordsFolder,
} from "../internals.ts";
import { architectureOf } from "../options.ts";

export interface EyesOptions {
  readonly model?: string;
  readonly body?: string;
  readonly arch: string;
  readonly cache: string;
}

export interface Eyes {
  /** @param name of where its records are kept: the folder, where that stays */
  look(dataset: Dataset, name?: string): Promise<Passed>;
  release(): Promise<void>;
}

export async function openEyes({ model, body, arch, cache }: EyesOptions): Promise<Eyes> {
  const bytes =
    body === undefined ? new Uint8Array(await readFile(model ?? defaultModelPath())) : await bareModel(body, arch);
  const recognizer = await Recognizer.load(runtime, bytes);
  const hash = createHash("sha256").update(bytes).digest("hex");
  return {
    look: async (dataset, name = dataset.dir) => {
      const folder = recordsFolder(cache, name);
      await makeFolders(folder);
      const progress = new Progress({ stream: process.stderr });
      progress.start("Photos");
      const onProgress = (done: number, total: number) => progress.update({ done, total });
      const passed = await passOver({ dataset, recognizer, model: hash, folder, onProgress });
      progress.clear();
      return passed;
    },
    release: () => recognizer.release(),
  };
}

export async function bareModel(path: string, arch: string): Promise<Uint8Array> {
  const entry = resolveModel(arch);
  const { mean, std, padding } = entry;
  const spec: NetworkSpec = { architecture: architectureOf(arch), padding, head: "linear", classes: 2, mean, std };
  const head = HEADS.linear.initial(spec.architecture.features, 2, new Generator({ seed: 0 }));
  const { tensors } = readWeights(new Uint8Array(await readFile(path)), path);
  return writeModelFile({
    spec,
    state: new Map([...tensors, ...head]),
    labels: ["nothing", "something"],
    preprocess: { size: 224, resize: 248, resample: "bilinear", antialias: true, crop: "center", mean, std },
    weights: arch,
    license: "as the weights",
    metrics: null,
    data: "",
  });
}
