// Opens the cached photos that a training needs: one cache per side, the model's own pixels for validation.

import type { Preprocess } from "@ballsight/vision";
import { cacheSizeFor, type LearnerConfig, resizeCropModel, trainingSizes } from "@ballsight/vision";
import type { Dataset } from "../data/dataset.ts";
import { openPhotoCache, type PhotoCache } from "../data/photoCache.ts";
import type { Progress } from "../output/progress.ts";

export interface TrainPhotos {
  readonly main: PhotoCache;
  readonly bySize: (size: number) => PhotoCache;
  /** What is odd about the data set's folders and, once photos are read, its classes. */
  readonly warnings: readonly string[];
  readonly close: () => Promise<void>;
}

export async function openTrainPhotos(
  dataset: Dataset,
  preprocess: Preprocess,
  config: LearnerConfig,
  stride: number,
  cacheDir: string | undefined,
  progress: Progress,
  signal: AbortSignal,
): Promise<TrainPhotos> {
  const runtime = await import("onnxruntime-node");
  const session = await runtime.InferenceSession.create(resizeCropModel(preprocess), { logSeverityLevel: 3 });
  const evaluate = async ({ width, height, data }: { width: number; height: number; data: Uint8Array }) => {
    const results = await session.run({ image: new runtime.Tensor("uint8", data, [1, height, width, 3]) });
    return results.pixels!.data as Uint8Array;
  };
  const caches = new Map<number, PhotoCache>();
  const close = async () => {
    await Promise.all([...caches.values()].map((cache) => cache.close()));
    await session.release();
  };
  try {
    for (const size of trainingSizes(config, stride)) {
      progress.start(`Reading photos for ${size} px`);
      const cache = await openPhotoCache({
        dataset,
        cacheSize: cacheSizeFor(size),
        preprocess,
        evaluate,
        cacheDir,
        signal,
        onWait: (holder) => process.stderr.write(`ballsight: waiting for ${holder}, which reads the same photos\n`),
        onProgress: ({ done, total }) => progress.update({ done, total }),
      });
      progress.clear();
      caches.set(size, cache);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const main = caches.get(config.size)!;
  const warnings = [...dataset.warnings, ...main.warnings].map(({ message }) => message);
  return { main, bySize: (size) => caches.get(size)!, warnings, close };
}
