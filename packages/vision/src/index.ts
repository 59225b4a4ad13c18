// @ballsight/vision: image classifiers on @ballsight/grad.

export {
  AUGMENT_DEFAULTS,
  type AugmentConfig,
  type AugmentDraws,
  drawAugmentation,
  evaluationResize,
  lighting,
} from "./data/augment.ts";
export { type Prefetched, prefetch } from "./data/prefetch.ts";
export { randomSplit, type Split, stratifiedSplit } from "./data/split.ts";
export { BallsightError, ERRORS, type ErrorCode, type ErrorValues, type FailOptions, fail } from "./errors.ts";
export { type ActivationMap, Explainer } from "./explain/explainer.ts";
export { type ModelFileOptions, writeModelFile } from "./export/modelFile.ts";
export { readSafetensors, type Safetensors, writeSafetensors } from "./io/safetensors.ts";
export { isWebPage, readWeights } from "./io/weightsFile.ts";
export {
  findWrongLabels,
  type LabelDoubt,
  type LabelFindings,
  type LabelledProbabilities,
} from "./labels/confident.ts";
export { cosine, type Rows, unitRows } from "./labels/features.ts";
export { type Neighbours, nearestRows } from "./labels/nearest.ts";
export { assignFolds, type OutOfFoldOptions, outOfFold } from "./labels/outOfFold.ts";
export { averageDecay } from "./learner/average.ts";
export { type Best, type BestOptions, MONITORS, type Monitor, type PhaseEnd } from "./learner/best.ts";
export { atTemperature, type Calibration, calibrate, fitTemperature } from "./learner/calibrate.ts";
export { cacheSizeFor, type LearnerConfig, testSizeFor, trainingSizes } from "./learner/config.ts";
export { type EpochShape, epochShape } from "./learner/epoch.ts";
export { type BatchEvent, Learner, type LearnerOptions } from "./learner/learner.ts";
export { type LrFindOptions, type LrFindResult, lrFind } from "./learner/lrFind.ts";
export {
  accuracy,
  argmaxRows,
  type ClassScores,
  type ConfusedPair,
  classScores,
  confusionMatrix,
  crossEntropies,
  expectedCalibrationError,
  macroScores,
  mostConfused,
  type ReliabilityBin,
  reliabilityBins,
  type SmoothLoss,
  smoothLoss,
  topLosses,
  wilsonInterval,
} from "./learner/metrics.ts";
export { type CutBox, drawCutMix, drawMixUp, type Mix, type SoftTargetOptions, softTargets } from "./learner/mixup.ts";
export { evaluationModel, type NetworkSpec, type TrainGraphOptions, trainProgram } from "./learner/network.ts";
export type { CurvePoint, EpochRow, Position } from "./learner/position.ts";
export {
  broadcastLr,
  type FineTuneOptions,
  type FlatCos,
  fineTunePlan,
  flatCos,
  type Hypers,
  hypersAt,
  type LearningRate,
  type OneCycle,
  oneCycle,
  type Phase,
  type ProgressiveSizes,
  progressiveSize,
  SCHEDULES,
  type Schedule,
  type ScheduleName,
} from "./learner/schedule.ts";
export type { PhotoSource } from "./learner/source.ts";
export { type LrCurve, type LrSuggestion, type SuggestRule, suggestLrs, suggestPoints } from "./learner/suggest.ts";
export {
  evaluationLogits,
  score,
  softmaxRows,
  type TtaOptions,
  testTimeAugmentation,
  type Validation,
} from "./learner/validate.ts";
export type { Architecture, Padding } from "./models/architecture.ts";
export { ARCHITECTURES } from "./models/architectures.ts";
export { type BuilderOptions, FROZEN, ModelBuilder, type NormStatistics, type TrainPolicy } from "./models/builder.ts";
export { HEADS, type HeadKind, type HeadOutputs } from "./models/head.ts";
export type { ModelEntry } from "./models/weightsTable.ts";
export {
  checkAspect,
  MAX_ASPECT,
  type Preprocess,
  parsePreprocess,
  serializePreprocess,
} from "./preprocess/contract.ts";
export { addPreprocess, resizeCropModel } from "./preprocess/graph.ts";
export {
  type BadPicture,
  badPictures,
  type MeasuredPicture,
  QUALITY_CHECKS,
  QUALITY_THRESHOLDS,
  type QualityCheck,
  type SteppedBack,
  stepBack,
} from "./quality/checks.ts";
export {
  type PictureFigures,
  percentileOf,
  pictureFigures,
} from "./quality/figures.ts";
export type { Pixels } from "./quality/pixels.ts";
export { Generator, type GeneratorState, STREAMS } from "./random/generator.ts";
export { randperm } from "./random/mt19937.ts";
export {
  type Answer,
  type Description,
  type LoadOptions,
  OUTPUT_NAMES,
  type OutputName,
  type OutputTensor,
  Prediction,
  Recognizer,
  type RgbPhoto,
} from "./recognizer.ts";
export { listModels, resolveModel } from "./registry.ts";
