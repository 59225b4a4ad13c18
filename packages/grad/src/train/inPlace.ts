// Outputs of a run that are written into given buffers, and copied nowhere.
//
// onnxruntime-node copies every output into an ArrayBuffer of its own after the run (OrtValueToNapiValue in its tensor_helper.cc), on one core:
// of ResNet34's parameters and moments 255 MB, a tenth of a training step. Buffers that are given for the outputs are written by ONNX Runtime
// itself, but copied all the same. A sequence cannot be converted: as the first output it ends that before anything is copied, by an error
// that comes after the run and is no fault of it.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type * as ort from "onnxruntime-common";
import { OnnxGraph } from "../onnx/graph.ts";
import { ModelProtoSchema, NodeProtoSchema, ValueInfoProtoSchema } from "../onnx/onnx_pb.ts";
import type { OrtRuntime } from "../runtime.ts";
import { type DType, zeros } from "../tensor.ts";

const SEQUENCE = "in_place/sequence";
/** What onnxruntime-node says of an output that is a sequence. */
const NOT_CONVERTED = /non[- ]?tensor type/i;

/** The model with an empty sequence as its first output, for `runInPlace`. */
export function withSequence(bytes: Uint8Array): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  model.graph?.node.push(create(NodeProtoSchema, { opType: "SequenceEmpty", output: [SEQUENCE] }));
  // Its type is inferred.
  model.graph?.output.unshift(create(ValueInfoProtoSchema, { name: SEQUENCE }));
  return toBinary(ModelProtoSchema, model);
}

/**
 * Runs a model `withSequence` whose outputs have fixed sizes; each is written into a tensor of its own, the one that `spare` gives for its name
 * or a new one.
 */
export async function runInPlace(
  { Tensor }: OrtRuntime,
  session: ort.InferenceSession,
  feeds: Readonly<Record<string, ort.Tensor>>,
  spare: (output: string) => ort.Tensor | undefined,
): Promise<Record<string, ort.Tensor>> {
  const results: Record<string, ort.Tensor> = {};
  for (const output of session.outputMetadata) {
    if (!output.isTensor) continue;
    const made = () => {
      const { data, dims } = zeros(output.type as DType, output.shape as number[]);
      return new Tensor(output.type, data as Float32Array, dims);
    };
    results[output.name] = spare(output.name) ?? made();
  }
  try {
    await session.run(feeds, { [SEQUENCE]: null, ...results });
  } catch (error) {
    if (!(error instanceof Error && NOT_CONVERTED.test(error.message))) throw error;
  }
  return results;
}

/** Whether this ONNX Runtime writes into given buffers. That of the browser does not. */
export async function writesInPlace(runtime: OrtRuntime): Promise<boolean> {
  const g = new OnnxGraph("probe_in_place");
  const x = g.input("x", "float32", [2]);
  g.output(g.op("Add", [x, x]), "float32", [2], "y");
  let session: ort.InferenceSession | undefined;
  try {
    session = await runtime.InferenceSession.create(withSequence(g.toModel()), { logSeverityLevel: 4 });
    const feeds = { x: new runtime.Tensor("float32", Float32Array.of(1, 2), [2]) };
    const { y } = await runInPlace(runtime, session, feeds, () => undefined);
    return (y!.data as Float32Array).join() === "2,4";
  } catch {
    return false;
  } finally {
    await session?.release();
  }
}
