// The parts of the packages that are measured but that their doors do not show: no user asks for them by name. Compiled files, so that what runs is what ships.

export { CopyFinder } from "../../packages/cli/dist/clean/copies.js";
export { findIssues } from "../../packages/cli/dist/clean/find.js";
export type { Issue } from "../../packages/cli/dist/clean/issues.js";
export { checkLabels } from "../../packages/cli/dist/clean/labels.js";
export { nearestByClass, pickRows } from "../../packages/cli/dist/clean/neighbours.js";
export { distancesToClass, findOffTopic, rangesBeyond } from "../../packages/cli/dist/clean/offTopic.js";
export { type Passed, passOver, recordsFolder } from "../../packages/cli/dist/clean/pass.js";
export { readThresholds } from "../../packages/cli/dist/clean/thresholds.js";
export { collectDataset } from "../../packages/cli/dist/collect/collect.js";
export { collectSettings } from "../../packages/cli/dist/collect/settings.js";
export { type Dataset, readDataset } from "../../packages/cli/dist/data/dataset.js";
export { type DataVersion, formatVersion, readVersion } from "../../packages/cli/dist/data/version.js";
export { HashIndex } from "../../packages/cli/dist/hash/hashIndex.js";
export { sketchOf } from "../../packages/cli/dist/hash/likeness.js";
export { orientedHashes } from "../../packages/cli/dist/hash/perceptual.js";
export { aheadOf } from "../../packages/cli/dist/images/aheadOf.js";
export { listPhotos } from "../../packages/cli/dist/images/photoList.js";
export { defaultModelPath } from "../../packages/cli/dist/model/load.js";
export { errorRecord } from "../../packages/cli/dist/output/errors.js";
export { Progress } from "../../packages/cli/dist/output/progress.js";
export type { RoundResult } from "../../packages/cli/dist/rounds/result.js";
export { makeFolders } from "../../packages/cli/dist/run/writeAtomic.js";
export { runConfig } from "../../packages/cli/dist/train/options.js";
export { openTrainPhotos } from "../../packages/cli/dist/train/photos.js";
export { decode, decodeFile, loadSharp } from "../../packages/server/dist/photos/index.js";
export { doubtOf } from "../../packages/vision/dist/labels/confident.js";
export { epochOrder, makeBatch } from "../../packages/vision/dist/learner/batches.js";
