// @ballsight/vision: image classifiers on @ballsight/grad.

export { BallsightError, ERRORS, type ErrorCode, type ErrorValues, type FailOptions, fail } from "./errors.ts";
export {
  checkAspect,
  MAX_ASPECT,
  type Preprocess,
  parsePreprocess,
  serializePreprocess,
} from "./preprocess/contract.ts";
export { addPreprocess, resizeCropModel } from "./preprocess/graph.ts";
export { type Answer, type LoadOptions, Prediction, Recognizer, type RgbPhoto } from "./recognizer.ts";
