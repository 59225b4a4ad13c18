// The ONNX Runtime as a value: onnxruntime-node, onnxruntime-web and what else keeps to onnxruntime-common.

import type * as ort from "onnxruntime-common";

/** What this project needs of an ONNX Runtime: `import * as ort from "onnxruntime-node"` is one. */
export interface OrtRuntime {
  readonly InferenceSession: typeof ort.InferenceSession;
  readonly Tensor: typeof ort.Tensor;
}
