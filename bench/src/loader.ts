// `bench loader`: photos decoded per second in the first epoch, batches made per second from then on, and what a training step consumes beside it.

import { localEngine, probeTarget, type State, type Tensors, type TrainProgram } from "@ballsight/grad";
import {
  fail,
  Generator,
  HEADS,
  type LearnerConfig,
  type NetworkSpec,
  prefetch,
  resolveModel,
  STREAMS,
  trainProgram,
} from "@ballsight/vision";
import * as runtime from "onnxruntime-node";
import { epochOrder, makeBatch, openTrainPhotos, readDataset, runConfig } from "./internals.ts";
import { architectureOf, dataFolder, sideFor, wholeNumber } from "./options.ts";
import { print, type Row, rate, rounded, seconds, tell, times } from "./output.ts";
import { progressBar } from "./progress.ts";
import { median } from "./stats.ts";
import { temporaryFolder } from "./temporary.ts";

/** As commander hands them over. */
export interface LoaderOptions {
  readonly data?: string;
  readonly arch: string;
  readonly size: string;
  readonly batch: string;
  readonly photos?: string;
  readonly steps: string;
  readonly json?: true;
}

type Dataset = Awaited<ReturnType<typeof readDataset>>;
type TrainPhotos = Awaited<ReturnType<typeof openTrainPhotos>>;

/** Batches in the making while one is used: what a training reads ahead. */
const AHEAD = 3;
const WARM_UP = 2;

/** The issue of this benchmark: the data side must outrun the engine by this factor. */
const WANTED = 4;

export async function loader(options: LoaderOptions): Promise<void> {
  const entry = resolveModel(options.arch);
  const architecture = architectureOf(options.arch);
  const size = sideFor(architecture, options.size);
  const batch = wholeNumber("batch", options.batch, 2, 1024);
  const steps = wholeNumber("steps", options.steps, 1, 1000);
  const folder = dataFolder(options.data);
  const whole = await readDataset(folder);
  const dataset =
    options.photos === undefined ? whole : everyNth(whole, wholeNumber("photos", options.photos, 2 * batch));
  if (dataset.files.length < batch)
    fail("DATA_TOO_FEW", {
      name: folder,
      least: batch,
      received: dataset.files.length,
      advice: "add photos, or take a smaller --batch",
    });
  const { learner: config, resize } = runConfig(folder, { size: `${size}`, batch: `${batch}` });
  // As a training has its photos: the pixels of validation are cached beside the squares, at their own side.
  const preprocess = {
    size: config.testSize,
    resize,
    resample: "bilinear",
    antialias: true,
    crop: "center",
    mean: entry.mean,
    std: entry.std,
  } as const;
  const cache = temporaryFolder();
  const { stride } = architecture;
  const open = () => openTrainPhotos({ dataset, preprocess, config, stride, cacheDir: cache, progress: progressBar() });

  const began = performance.now();
  const first = await open();
  const decodeSeconds = (performance.now() - began) / 1000;
  const { decoded, unreadable } = first.main;
  await first.close();
  if (unreadable.length > 0) tell(`${unreadable.length} photos could not be read`);

  const photos = await open();
  try {
    const spec: NetworkSpec = {
      architecture,
      padding: entry.padding,
      head: config.head,
      classes: photos.main.classes.length,
      mean: entry.mean,
      std: entry.std,
    };
    const random = new Generator({ seed: config.seed, stream: STREAMS.init });
    const state: State = new Map([
      ...architecture.initial(random),
      ...HEADS[spec.head].initial(architecture.features, spec.classes, random),
    ]);
    const unfrozen = await programFor(spec, state, config, photos, 0);
    const frozen = await programFor(spec, state, config, photos, architecture.bodyGroups);
    const made = await makeBatches(photos, config, unfrozen);
    const all = await consumption(unfrozen, state, made.samples, steps, "Training steps, all layers");
    const head = await consumption(frozen, state, made.samples, steps, "Training steps, head alone");
    const perSecond = made.photos / made.seconds;
    const result = {
      data_photos: dataset.files.length,
      arch: architecture.name,
      size,
      batch,
      decode: {
        photos: decoded,
        seconds: rounded(decodeSeconds),
        photos_per_s: rounded(decoded / decodeSeconds, 1),
      },
      batches: {
        photos: made.photos,
        decoded: photos.main.decoded,
        seconds: rounded(made.seconds),
        photos_per_s: rounded(perSecond, 1),
      },
      step_consumes: { all_layers_photos_per_s: rounded(all, 1), head_alone_photos_per_s: rounded(head, 1) },
      ratio: { all_layers: rounded(perSecond / all, 2), head_alone: rounded(perSecond / head, 2) },
    };
    const rows: Row[] = [
      [`loader, ${size} px, batch ${batch}`, "photos", "time", "photos/s"],
      ["first epoch: decoded into the cache", `${decoded}`, seconds(decodeSeconds), rate(decoded / decodeSeconds)],
      [
        `later epochs: batches made (${photos.main.decoded} decoded)`,
        `${made.photos}`,
        seconds(made.seconds),
        rate(perSecond),
      ],
      ["a training step consumes, all layers", "", "", rate(all)],
      ["a training step consumes, head alone", "", "", rate(head)],
      [`batches / step, all layers (wanted: ${WANTED} x)`, "", "", times(perSecond / all)],
      ["batches / step, head alone", "", "", times(perSecond / head)],
    ];
    print(result, rows, options.json === true);
  } finally {
    await photos.close();
  }
}

/** About `count` photos, spread evenly over the whole list and with it over the classes. */
function everyNth(dataset: Dataset, count: number): Dataset {
  const n = dataset.files.length;
  if (count >= n) return dataset;
  const kept = Array.from({ length: count }, (_, i) => Math.floor((i * n) / count));
  return {
    ...dataset,
    files: kept.map((i) => dataset.files[i]!),
    targets: Int32Array.from(kept, (i) => dataset.targets[i]!),
    sizes: Float64Array.from(kept, (i) => dataset.sizes[i]!),
    modified: Float64Array.from(kept, (i) => dataset.modified[i]!),
  };
}

/** The step of a real training, which augments in its graph. */
async function programFor(
  spec: NetworkSpec,
  state: State,
  config: LearnerConfig,
  photos: TrainPhotos,
  firstGroup: number,
): Promise<TrainProgram> {
  return trainProgram(spec, state, {
    batch: config.batch,
    size: config.size,
    cacheSize: photos.bySize(config.size).cacheSize,
    firstGroup,
    trainFrozenNorms: config.trainFrozenNorms,
    statistics: config.statistics,
    mixup: config.mixup > 0,
    average: config.average > 0,
    target: await probeTarget(runtime),
  });
}

/** One epoch of batches as the learner makes them, with nobody to wait for. A few are kept for the steps. */
async function makeBatches(photos: TrainPhotos, config: LearnerConfig, program: TrainProgram) {
  const source = photos.bySize(config.size);
  const order = epochOrder([...source.targets.keys()], config.seed, 0);
  const count = Math.floor(order.length / config.batch);
  const batches = prefetch(
    (step) =>
      makeBatch(source, order.slice(step * config.batch, (step + 1) * config.batch), config, program, {
        epoch: 0,
        step,
      }),
    count,
    AHEAD,
  );
  const progress = progressBar();
  progress.start("Batches");
  const samples: Tensors[] = [];
  const began = performance.now();
  let done = 0;
  for await (const batch of batches) {
    if (samples.length < 4) samples.push(batch);
    progress.update({ done: ++done, total: count });
  }
  progress.clear();
  return { photos: count * config.batch, seconds: (performance.now() - began) / 1000, samples };
}

/** Photos per second that the engine would eat if they were always there. */
async function consumption(
  program: TrainProgram,
  state: State,
  batches: readonly Tensors[],
  steps: number,
  label: string,
): Promise<number> {
  const progress = progressBar();
  progress.start(label);
  const trainer = await localEngine(runtime, { logSeverityLevel: 3 }).train(program);
  try {
    await trainer.load(state);
    const durations: number[] = [];
    for (let step = 0; step < WARM_UP + steps; step++) {
      // The head alone has the same dropout masks as all layers; inputs are the same for both programs.
      const began = performance.now();
      await trainer.step(batches[step % batches.length]!, {
        lr: new Array<number>(program.groups).fill(1e-3),
        momentum: 0.9,
        step: step + 1,
        weightDecay: 0.01,
        average: 0.99,
      });
      durations.push((performance.now() - began) / 1000);
      progress.update({ done: step + 1, total: WARM_UP + steps });
    }
    return batches[0]!.pixels!.dims[0]! / median(durations.slice(WARM_UP));
  } finally {
    progress.clear();
    await trainer.release();
  }
}
