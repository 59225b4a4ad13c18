// Reads ONNX models: what goes in and out and the metadata at once, nodes and constants when they are asked for. A recogniser opens a model
// of ten megabytes to read a few names; parsing all of its nodes would take it longer than an answer.

import { fromBinary } from "@bufbuild/protobuf";
import { arrayFromBytes, type DType, type TensorData } from "../tensor.ts";
import { GraphProtoSchema, NodeProtoSchema, type TensorProto, TensorProtoSchema } from "./onnx_pb.ts";
import { DTYPE, fieldsOf, graphOf, noModel, type OnnxSignature, readSignature } from "./signature.ts";

export interface OnnxModel extends OnnxSignature {
  readonly nodes: () => readonly { readonly opType: string; readonly domain: string }[];
  /** Names of the constants stored with `raw_data` in a type that this package knows. */
  readonly constantNames: () => readonly string[];
  /** A copy of one of them. */
  readonly constant: (name: string) => TensorData | undefined;
}

/** Parses a model file; throws when the bytes are no ONNX model (no graph in them). Keeps hold of the bytes. */
export function readModel(bytes: Uint8Array): OnnxModel {
  try {
    return { ...readSignature(bytes), ...readGraph(graphOf(fieldsOf(bytes))) };
  } catch (cause) {
    throw noModel(cause);
  }
}

function readGraph(bytes: Uint8Array): Omit<OnnxModel, keyof OnnxSignature> {
  const graph = fieldsOf(bytes);
  const { node, initializer } = GraphProtoSchema.field;
  let constants: ReadonlyMap<string, Constant> | undefined;
  const known = () => {
    constants ??= constantsOf(graph.all(initializer.number));
    return constants;
  };
  return {
    nodes: () =>
      graph.all(node.number).map((body) => {
        const { opType, domain } = fromBinary(NodeProtoSchema, body);
        return { opType, domain };
      }),
    constantNames: () => [...known().keys()],
    constant: (name) => {
      const constant = known().get(name);
      if (constant === undefined) return undefined;
      const { dtype, tensor } = constant;
      return { dtype, dims: tensor.dims.map(Number), data: arrayFromBytes(dtype, tensor.rawData) };
    },
  };
}

interface Constant {
  readonly dtype: DType;
  readonly tensor: TensorProto;
}

function constantsOf(bodies: readonly Uint8Array[]): Map<string, Constant> {
  const constants = new Map<string, Constant>();
  for (const body of bodies) {
    const tensor = fromBinary(TensorProtoSchema, body);
    const dtype = DTYPE.get(tensor.dataType);
    if (dtype !== undefined && tensor.rawData.length > 0) constants.set(tensor.name, { dtype, tensor });
  }
  return constants;
}
