// Reads ONNX models: what goes in and out, the metadata, the constants.

import { fromBinary } from "@bufbuild/protobuf";
import { arrayFromBytes, type DType, type TensorData } from "../tensor.ts";
import { type Dim, ELEM_TYPE } from "./graph.ts";
import { type ModelProto, ModelProtoSchema, type ValueInfoProto } from "./onnx_pb.ts";

const DTYPE = new Map(Object.entries(ELEM_TYPE).map(([dtype, number]) => [number, dtype as DType]));

export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType | undefined;
  readonly dims: readonly Dim[];
}

export interface OnnxModel {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly nodes: readonly { readonly opType: string; readonly domain: string }[];
  /** Constants stored with `raw_data` in a type that this package knows. */
  readonly constants: ReadonlyMap<string, TensorData>;
}

/** Parses a model file; throws when the bytes are no ONNX model (no graph in them). */
export function readModel(bytes: Uint8Array): OnnxModel {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new Error("expected an ONNX model but the bytes do not parse as one", { cause });
  }
  const graph = model.graph;
  if (graph === undefined) throw new Error("expected an ONNX model but found no graph in it");
  const constants = graph.initializer.flatMap((tensor): [string, TensorData][] => {
    const dtype = DTYPE.get(tensor.dataType);
    if (dtype === undefined || tensor.rawData.length === 0) return [];
    return [[tensor.name, { dtype, dims: tensor.dims.map(Number), data: arrayFromBytes(dtype, tensor.rawData) }]];
  });
  return {
    inputs: graph.input.map(info),
    outputs: graph.output.map(info),
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
    nodes: graph.node.map(({ opType, domain }) => ({ opType, domain })),
    constants: new Map(constants),
  };
}

function info(value: ValueInfoProto): ValueInfo {
  const tensor = value.type?.value.case === "tensorType" ? value.type.value.value : undefined;
  const dims = (tensor?.shape?.dim ?? []).map(({ value: dim }) =>
    dim.case === "dimValue" ? Number(dim.value) : (dim.value ?? "?"),
  );
  return { name: value.name, dtype: tensor === undefined ? undefined : DTYPE.get(tensor.elemType), dims };
}
