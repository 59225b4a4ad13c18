// The parts of the packages that are measured but that their doors do not show: no user asks for them by name. Compiled files, so that what runs is what ships.

export { collectDataset } from "../../packages/cli/dist/collect/collect.js";
export { collectSettings } from "../../packages/cli/dist/collect/settings.js";
export { readDataset } from "../../packages/cli/dist/data/dataset.js";
export { aheadOf } from "../../packages/cli/dist/images/aheadOf.js";
export { listPhotos } from "../../packages/cli/dist/images/photoList.js";
export { defaultModelPath } from "../../packages/cli/dist/model/load.js";
export { errorRecord } from "../../packages/cli/dist/output/errors.js";
export { Progress } from "../../packages/cli/dist/output/progress.js";
export { runConfig } from "../../packages/cli/dist/train/options.js";
export { openTrainPhotos } from "../../packages/cli/dist/train/photos.js";
export { decode, decodeFile, loadSharp } from "../../packages/server/dist/photos/index.js";
export { epochOrder, makeBatch } from "../../packages/vision/dist/learner/batches.js";
