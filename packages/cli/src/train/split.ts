// Which photos of a training train and which validate: by a version of the data set, else by seed, with copies on one side.

import { cacheSizeFor, randomSplit, type Split, stratifiedSplit } from "@ballsight/vision";
import { copyGroups } from "../data/copyGroups.ts";
import type { Dataset } from "../data/dataset.ts";
import { applyVersion, type DataVersion, type Versioned } from "../data/version.ts";
import { hashPhotos } from "../evaluate/provenance.ts";
import type { Progress } from "../output/progress.ts";
import { warn } from "../output/warn.ts";
import type { RunConfig } from "./options.ts";
import type { TrainPhotos } from "./photos.ts";

/** The data set by the version's labels; what has changed since is said. */
export async function takeVersion(version: DataVersion, dataset: Dataset): Promise<Versioned> {
  const taken = applyVersion(version, dataset, await hashPhotos(dataset));
  const { vanished, added } = taken;
  const missed = vanished.filter(({ split }) => split !== "out");
  if (missed.length > 0) {
    const one = missed.length === 1;
    const first = missed[0]!.file;
    warn(
      `${missed.length} of the ${version.length} photos of this version ${one ? "is" : "are"} no longer there or ${one ? "has" : "have"} changed (${first}${one ? "" : ", ..."}): the others go on without`,
    );
  }
  if (added > 0) warn(`${added} ${added === 1 ? "photo is" : "photos are"} not part of this version and left out`);
  return taken;
}

interface SplitOptions {
  readonly photos: TrainPhotos;
  readonly config: RunConfig;
  readonly taken: Versioned | undefined;
  readonly progress: Progress;
}

export async function splitPhotos({ photos, config, taken, progress }: SplitOptions): Promise<Split> {
  const { main, bySize } = photos;
  if (taken !== undefined) {
    const place = new Map(main.files.map((file, i) => [file, i]));
    // A photo that can no longer be read was told of already.
    const places = (files: readonly string[]) => files.flatMap((file) => place.get(file) ?? []);
    return { train: places(taken.train), valid: places(taken.valid) };
  }
  const { seed, size } = config.learner;
  const groups = config.groupSplit ? await findGroups() : undefined;
  return config.stratify
    ? stratifiedSplit(main.targets, config.valid, seed, groups)
    : randomSplit(main.targets.length, config.valid, seed, groups);

  async function findGroups(): Promise<Int32Array> {
    progress.start("Copies");
    const source = bySize(size);
    const found = await copyGroups({
      sha256: main.sha256,
      side: cacheSizeFor(size),
      read: (indices) => source.read(indices),
      onProgress: (done, total) => progress.update({ done, total }),
    });
    progress.clear();
    return found;
  }
}
