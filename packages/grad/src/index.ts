// @ballsight/grad: ONNX graphs that train.

export { gradients } from "./autodiff.ts";
export { GradError, type GradErrorCode } from "./errors.ts";
export type { Target } from "./lowering/context.ts";
export { lower } from "./lowering/lower.ts";
export { probeTarget } from "./lowering/probe.ts";
export { extractModel } from "./onnx/extract.ts";
export { float16Bits } from "./onnx/float16.ts";
export { type Attributes, type Dim, float, MICROSOFT_DOMAIN, NCHWC_DOMAIN, OnnxGraph } from "./onnx/graph.ts";
export { type OnnxModel, readModel } from "./onnx/read.ts";
export { type OnnxSignature, readSignature, type ValueInfo } from "./onnx/signature.ts";
export { gelu, hardSigmoid, hardSwish, relu, relu6, sigmoid, silu } from "./ops/activation.ts";
export { type ConvOptions, conv2d } from "./ops/conv.ts";
export { dropout, stochasticDepth } from "./ops/dropout.ts";
export { add, div, mul, neg, scale, sub } from "./ops/elementwise.ts";
export { scaleChannels } from "./ops/excite.ts";
export { Graph, type Shape, type Value } from "./ops/graph.ts";
export { type LayerNormParameters, layerNorm, layerNorm2d } from "./ops/layerNorm.ts";
export { crossEntropy, logSoftmax, softCrossEntropy } from "./ops/loss.ts";
export { gemm, linear } from "./ops/matmul.ts";
export {
  type BatchNormOptions,
  type BatchNormParameters,
  batchNorm,
  batchNorm1d,
  batchNormEval,
  convBatchNormFolded,
  scaleFilter,
} from "./ops/norm.ts";
export { averagePool, globalAveragePool, globalMaxPool, maxPool, spatialMean } from "./ops/pool.ts";
export { reduceMean, reduceSum } from "./ops/reduce.ts";
export { concat, expandLike, flatten, reshape, slice, transpose } from "./ops/reshape.ts";
export { cast, clamp, gatherRows, gridSample } from "./ops/sample.ts";
export { exp, log, sqrt } from "./ops/unary.ts";
export { type AdamWOptions, adamw } from "./optim/adamw.ts";
export type { Optimizer } from "./optim/optimizer.ts";
export { sgd } from "./optim/sgd.ts";
export type { OrtRuntime } from "./runtime.ts";
export { bytesOf, type DType, float32, int64, sizeOf, type TensorArray, type TensorData, zeros } from "./tensor.ts";
export { type Device, type Engine, type Inference, localEngine, type Tensors, type Trainer } from "./train/engine.ts";
export { buildTrainProgram, type TrainProgram, type TrainProgramOptions } from "./train/program.ts";
export { type Channel, type RemoteEngine, remoteEngine, serveEngine } from "./train/remote.ts";
export { type State, type StepHyper, type StepResult, TrainingSession } from "./train/session.ts";
