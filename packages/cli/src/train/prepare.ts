// What a training needs besides its settings: the photos in their cache, the split, the network and its first weights.

import type { State } from "@ballsight/grad";
import {
  ARCHITECTURES,
  fail,
  Generator,
  HEADS,
  type ModelEntry,
  type NetworkSpec,
  type Preprocess,
  type Split,
  STREAMS,
} from "@ballsight/vision";
import { readDataset } from "../data/dataset.ts";
import { type DataVersion, versionOf } from "../data/version.ts";
import type { Progress } from "../output/progress.ts";
import { warn } from "../output/warn.ts";
import type { StartWeights } from "../weights/startWeights.ts";
import type { RunConfig } from "./options.ts";
import { openTrainPhotos, type TrainPhotos } from "./photos.ts";
import { splitPhotos, takeVersion } from "./split.ts";
import { abortOnSignals } from "./supervision.ts";

export interface Prepared {
  readonly preprocess: Preprocess;
  readonly photos: TrainPhotos;
  readonly split: Split;
  /** What is trained on, for `data.jsonl`. */
  readonly version: DataVersion;
  readonly spec: NetworkSpec;
  /** Seconds that reading the photos took. */
  readonly caching: number;
}

interface PrepareOptions {
  readonly cache: string | undefined;
  readonly progress: Progress;
  /** Whose labels and split are taken, instead of the folders' and a split of its own. */
  readonly version?: DataVersion | undefined;
}

/** Reads what is not cached yet, which Ctrl-C ends. The caller closes the photos. @throws DATA_TOO_FEW, INTERRUPTED, and what reading throws */
export async function prepareTraining(
  config: RunConfig,
  { entry }: StartWeights,
  { cache, progress, version }: PrepareOptions,
): Promise<Prepared> {
  const { learner: settings } = config;
  const architecture = ARCHITECTURES[entry.architecture]!;
  const folder = await readDataset(config.data);
  const taken = version === undefined ? undefined : await takeVersion(version, folder);
  const dataset = taken?.dataset ?? folder;
  const preprocess = preprocessOf(config, entry);
  const began = performance.now();
  const reading = abortOnSignals();
  const photos = await openTrainPhotos({
    dataset,
    preprocess,
    config: settings,
    stride: architecture.stride,
    cacheDir: cache,
    progress,
    signal: reading.signal,
  }).finally(reading.end);
  const caching = (performance.now() - began) / 1000;
  for (const message of photos.warnings) warn(message);
  for (const { file, message, code } of photos.main.unreadable) warn(`${file}: ${message} [${code}]`);
  const { classes, targets, files, sha256 } = photos.main;
  let split: Split;
  try {
    split = await splitPhotos({ photos, config, taken, progress });
    expectEnough(split, config);
  } catch (error) {
    await photos.close();
    throw error;
  }
  const spec = specOf(config, entry, classes.length);
  const out = version?.filter((photo) => photo.split === "out") ?? [];
  const labels = Array.from(targets, (target) => classes[target]!);
  const used = versionOf({ files, sha256, labels }, split);
  return { preprocess, photos, split, version: [...used, ...out], spec, caching };
}

/** What a photo goes through before the network, when it is validated and served. */
export function preprocessOf({ learner, resize }: RunConfig, { mean, std }: ModelEntry): Preprocess {
  return { size: learner.testSize, resize, resample: "bilinear", antialias: true, crop: "center", mean, std };
}

export function specOf({ learner }: RunConfig, entry: ModelEntry, classes: number): NetworkSpec {
  const { architecture, padding, mean, std } = entry;
  return { architecture: ARCHITECTURES[architecture]!, padding, head: learner.head, classes, mean, std };
}

/** Body and head before the first step, by torch's names. */
export function initialState(spec: NetworkSpec, start: StartWeights, seed: number): State {
  const random = new Generator({ seed, stream: STREAMS.init });
  const head = HEADS[spec.head].initial(spec.architecture.features, spec.classes, random);
  const body = start.name === "none" ? spec.architecture.initial(random) : start.state;
  return new Map([...body, ...head]);
}

function expectEnough(
  { train: training, valid }: Split,
  { data: name, valid: share, groupSplit, dataVersion }: RunConfig,
): void {
  const wanted = Math.trunc(share * (training.length + valid.length));
  // Enough for a plain split: it is the copies.
  const areCopies = groupSplit && dataVersion === null && valid.length === 0 && wanted > 0;
  const advice = areCopies
    ? "they are copies of one another, which stay on one side: add others, or split them all the same with --no-group-split"
    : "add photos, or hold out another share with --valid";
  const expect = (part: string, least: number, received: number) => {
    if (received < least) fail("DATA_TOO_FEW", { name: `${name}, ${part}`, least, received, advice });
  };
  expect("to train on", 2, training.length);
  expect("held out", 1, valid.length);
}
