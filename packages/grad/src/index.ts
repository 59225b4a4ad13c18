// @ballsight/grad: ONNX graphs that train.

export { type Attributes, type Dim, float, MICROSOFT_DOMAIN, NCHWC_DOMAIN, OnnxGraph } from "./onnx/graph.ts";
export { type OnnxModel, readModel, type ValueInfo } from "./onnx/read.ts";
export type { OrtRuntime } from "./runtime.ts";
export { bytesOf, type DType, float32, int64, sizeOf, type TensorArray, type TensorData, zeros } from "./tensor.ts";
