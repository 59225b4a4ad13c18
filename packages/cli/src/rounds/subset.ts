// Some files of a data set, as a data set.

import type { Dataset } from "../data/dataset.ts";

/** In the same order; classes stay, also those that lose all of their photos. */
export function subsetOf(dataset: Dataset, files: ReadonlySet<string>): Dataset {
  const kept = [...dataset.files.keys()].filter((i) => files.has(dataset.files[i]!));
  return {
    ...dataset,
    files: kept.map((i) => dataset.files[i]!),
    targets: Int32Array.from(kept, (i) => dataset.targets[i]!),
    sizes: Float64Array.from(kept, (i) => dataset.sizes[i]!),
    modified: Float64Array.from(kept, (i) => dataset.modified[i]!),
  };
}
