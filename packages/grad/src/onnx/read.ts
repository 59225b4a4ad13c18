// Reads ONNX models: what goes in and out and the metadata at once, nodes and constants when they are asked for. A recogniser opens a model
// of ten megabytes to read a few names; parsing all of its nodes would take it longer than an answer.

import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { arrayFromBytes, type DType, type TensorData } from "../tensor.ts";
import { type Dim, ELEM_TYPE } from "./graph.ts";
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./onnx_pb.ts";

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
  readonly nodes: () => readonly { readonly opType: string; readonly domain: string }[];
  /** Names of the constants stored with `raw_data` in a type that this package knows. */
  readonly constantNames: () => readonly string[];
  /** A copy of one of them. */
  readonly constant: (name: string) => TensorData | undefined;
}

/** Parses a model file; throws when the bytes are no ONNX model (no graph in them). Keeps hold of the bytes. */
export function readModel(bytes: Uint8Array): OnnxModel {
  try {
    const model = submessages(bytes);
    const { graph, metadataProps } = ModelProtoSchema.field;
    const [body] = model.get(graph.number) ?? [];
    if (body === undefined) throw new Error("found no graph");
    const entries = model.get(metadataProps.number) ?? [];
    return {
      ...readGraph(body),
      metadata: Object.fromEntries(
        entries.map((entry) => fromBinary(StringStringEntryProtoSchema, entry)).map(({ key, value }) => [key, value]),
      ),
    };
  } catch (cause) {
    throw new Error("expected an ONNX model but the bytes do not parse as one", { cause });
  }
}

function readGraph(bytes: Uint8Array): Omit<OnnxModel, "metadata"> {
  const graph = submessages(bytes);
  const { input, output, node, initializer } = GraphProtoSchema.field;
  const all = (field: { readonly number: number }) => graph.get(field.number) ?? [];
  let constants: ReadonlyMap<string, Constant> | undefined;
  const known = () => {
    constants ??= constantsOf(all(initializer));
    return constants;
  };
  return {
    inputs: all(input).map((value) => info(fromBinary(ValueInfoProtoSchema, value))),
    outputs: all(output).map((value) => info(fromBinary(ValueInfoProtoSchema, value))),
    nodes: () =>
      all(node).map((body) => {
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

/** The fields of a message that hold messages (or strings), by number, as views of their bytes. */
function submessages(bytes: Uint8Array): Map<number, Uint8Array[]> {
  const reader = new BinaryReader(bytes);
  const found = new Map<number, Uint8Array[]>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type !== WireType.LengthDelimited) {
      reader.skip(type, number);
      continue;
    }
    const known = found.get(number);
    if (known === undefined) found.set(number, [reader.bytes()]);
    else known.push(reader.bytes());
  }
  return found;
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

function info(value: ValueInfoProto): ValueInfo {
  const tensor = value.type?.value.case === "tensorType" ? value.type.value.value : undefined;
  const dims = (tensor?.shape?.dim ?? []).map(({ value: dim }) =>
    dim.case === "dimValue" ? Number(dim.value) : (dim.value ?? "?"),
  );
  return { name: value.name, dtype: tensor === undefined ? undefined : DTYPE.get(tensor.elemType), dims };
}
