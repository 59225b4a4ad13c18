// `bench clean-labels`: labels swapped by seed on photos whose labels are sound, and how many of them `ballsight clean` finds.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import {
  Generator,
  HEADS,
  type NetworkSpec,
  Recognizer,
  readWeights,
  resolveModel,
  unitRows,
  writeModelFile,
} from "@ballsight/vision";
import * as runtime from "onnxruntime-node";
import {
  checkLabels,
  defaultModelPath,
  doubtOf,
  loadSharp,
  makeFolders,
  Progress,
  passOver,
  readDataset,
  recordsFolder,
} from "./internals.ts";
import { architectureOf, dataFolder, share, wholeNumber } from "./options.ts";
import { print, type Row, rounded } from "./output.ts";

/** As commander hands them over. */
export interface CleanLabelsOptions {
  readonly data?: string;
  readonly model?: string;
  readonly body?: string;
  readonly arch: string;
  readonly swapped: string;
  readonly seeds: string;
  readonly cache: string;
  readonly json?: true;
}

export interface Found {
  /** Of what is called wrong, how much was swapped. */
  readonly precision: number;
  /** Of what was swapped, how much is called wrong. */
  readonly recall: number;
  /** Over all photos ranked by their margin. */
  readonly averagePrecision: number;
}

export async function cleanLabels(options: CleanLabelsOptions): Promise<void> {
  const swapped = share("swapped", options.swapped);
  const seeds = wholeNumber("seeds", options.seeds, 1, 100);
  const dataset = await readDataset(dataFolder(options.data));
  const bytes =
    options.body === undefined
      ? new Uint8Array(await readFile(options.model ?? defaultModelPath()))
      : await bareModel(options.body, options.arch);
  const [recognizer] = await Promise.all([Recognizer.load(runtime, bytes), loadSharp()]);
  const folder = recordsFolder(options.cache, dataset.dir);
  await makeFolders(folder);
  const progress = new Progress({ stream: process.stderr });
  progress.start("Photos");
  const passed = await passOver({
    dataset,
    recognizer,
    model: createHash("sha256").update(bytes).digest("hex"),
    folder,
    onProgress: (done, total) => progress.update({ done, total }),
  });
  progress.clear();
  const classes = dataset.classes.length;
  const features = unitRows(passed.embeddings);
  const groups = passed.photos.map((_, i) => i);
  const runs: Found[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const { targets, wrong } = swap(
      passed.photos.map(({ target }) => target),
      classes,
      swapped,
      seed,
    );
    const photos = passed.photos.map((photo, i) => ({ ...photo, target: targets[i]! }));
    const { doubts, probabilities } = await checkLabels({ runtime, photos, features, classes, groups });
    const margins = targets.map((_, row) => doubtOf({ probabilities, targets, classes }, row).margin);
    runs.push(
      found(
        doubts.map(({ row }) => row),
        margins,
        wrong,
      ),
    );
  }
  const mean = (value: (run: Found) => number) => rounded(runs.reduce((sum, run) => sum + value(run), 0) / runs.length);
  const result = {
    photos: passed.photos.length,
    swapped,
    seeds,
    precision: mean(({ precision }) => precision),
    recall: mean(({ recall }) => recall),
    average_precision: mean(({ averagePrecision }) => averagePrecision),
  };
  const rows: Row[] = Object.entries(result).map(([name, value]) => [name, String(value)]);
  print(result, rows, options.json === true);
}

/** Some labels changed to any other class, all alike. */
export function swap(truth: readonly number[], classes: number, portion: number, seed: number) {
  const random = new Generator({ seed });
  const wrong = new Set(random.permutation(truth.length).slice(0, Math.round(portion * truth.length)));
  const targets = truth.map((k, row) => (wrong.has(row) ? (k + 1 + random.integer(classes - 1)) % classes : k));
  return { targets, wrong };
}

export function found(flagged: readonly number[], margins: readonly number[], wrong: ReadonlySet<number>): Found {
  const hits = flagged.filter((row) => wrong.has(row)).length;
  const ranked = [...margins.keys()].sort((a, b) => margins[a]! - margins[b]!);
  let [seen, sum] = [0, 0];
  for (const [rank, row] of ranked.entries()) if (wrong.has(row)) sum += ++seen / (rank + 1);
  return {
    precision: flagged.length === 0 ? 1 : hits / flagged.length,
    recall: hits / wrong.size,
    averagePrecision: sum / wrong.size,
  };
}

/** Published weights under a head that knows nothing: embeddings of a network that never saw one of these labels. */
async function bareModel(path: string, arch: string): Promise<Uint8Array> {
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
