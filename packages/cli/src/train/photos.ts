// Opens the cached photos that a training needs: squares for each side it goes through, the model's own pixels for validation.

import {
  cacheSizeFor,
  type LearnerConfig,
  type PhotoSource,
  type Preprocess,
  resizeCropModel,
  trainingSizes,
} from "@ballsight/vision";
import type { Dataset } from "../data/dataset.ts";
import { openPhotoCache, type PhotoCache } from "../data/photoCache.ts";
import { threadOptions } from "../model/threads.ts";
import type { Progress } from "../output/progress.ts";
import { warn } from "../output/warn.ts";

export interface TrainPhotos {
  readonly main: PhotoCache;
  /** The photos for training at a side in pixels. */
  readonly bySize: (size: number) => PhotoSource;
  /** What is odd about the data set's folders and, once photos are read, its classes. */
  readonly warnings: readonly string[];
  readonly close: () => Promise<void>;
}

export interface TrainPhotosOptions {
  readonly dataset: Dataset;
  readonly preprocess: Preprocess;
  readonly config: LearnerConfig;
  /** The architecture's. */
  readonly stride: number;
  /** `--cache DIR`. */
  readonly cacheDir: string | undefined;
  readonly progress: Progress;
  /** Ends the reading; what was read stays cached. */
  readonly signal?: AbortSignal;
}

export async function openTrainPhotos(options: TrainPhotosOptions): Promise<TrainPhotos> {
  const { dataset, preprocess, config, stride, cacheDir, progress, signal } = options;
  const runtime = await import("onnxruntime-node");
  const session = await runtime.InferenceSession.create(resizeCropModel(preprocess), {
    logSeverityLevel: 3,
    ...threadOptions(),
  });
  const evaluate = async ({ width, height, data }: { width: number; height: number; data: Uint8Array }) => {
    const results = await session.run({ image: new runtime.Tensor("uint8", data, [1, height, width, 3]) });
    return results.pixels!.data as Uint8Array;
  };
  let cache: PhotoCache;
  try {
    progress.start("Reading photos");
    cache = await openPhotoCache({
      dataset,
      cacheSizes: [...new Set(trainingSizes(config, stride).map(cacheSizeFor))],
      preprocess,
      evaluate,
      cacheDir,
      ...(signal && { signal }),
      onWait: (holder) => warn(`waiting for ${holder}, which reads the same photos`),
      onProgress: ({ done, total }) => progress.update({ done, total }),
    });
  } finally {
    progress.clear();
    await session.release();
  }
  const warnings = [...dataset.warnings, ...cache.warnings].map(({ message }) => message);
  return { main: cache, bySize: (size) => cache.at(cacheSizeFor(size)), warnings, close: () => cache.close() };
}
