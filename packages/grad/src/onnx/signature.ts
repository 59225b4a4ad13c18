// What an ONNX model says of itself: inputs, outputs, metadata. Read off the wire without the schemas, which are most of the protobuf library:
// a browser that only asks for labels need not load them.

import { BinaryReader, getTextEncoding, WireType } from "@bufbuild/protobuf/wire";
import type { DType } from "../tensor.ts";
import { type Dim, ELEM_TYPE } from "./graph.ts";

export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType | undefined;
  readonly dims: readonly Dim[];
}

export interface OnnxSignature {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly metadata: Readonly<Record<string, string>>;
}

export const DTYPE = new Map(Object.entries(ELEM_TYPE).map(([dtype, number]) => [number, dtype as DType]));

/** Field numbers of onnx.proto. */
const MODEL = { graph: 7, metadataProps: 14 } as const;
const ENTRY = { key: 1, value: 2 } as const;
const GRAPH = { input: 11, output: 12 } as const;
const VALUE_INFO = { name: 1, type: 2 } as const;
const TYPE = { tensorType: 1 } as const;
const TENSOR_TYPE = { elemType: 1, shape: 2 } as const;
const SHAPE = { dim: 1 } as const;
const DIMENSION = { value: 1, param: 2 } as const;

/** Parses a model file as far as needed; throws when the bytes are no ONNX model (no graph in them). */
export function readSignature(bytes: Uint8Array): OnnxSignature {
  try {
    const model = fieldsOf(bytes);
    const graph = fieldsOf(graphOf(model));
    return {
      inputs: graph.all(GRAPH.input).map(valueInfo),
      outputs: graph.all(GRAPH.output).map(valueInfo),
      metadata: Object.fromEntries(
        model
          .all(MODEL.metadataProps)
          .map(fieldsOf)
          .map((entry) => [entry.text(ENTRY.key) ?? "", entry.text(ENTRY.value) ?? ""]),
      ),
    };
  } catch (cause) {
    throw noModel(cause);
  }
}

export const noModel = (cause: unknown) =>
  new Error("expected an ONNX model but the bytes do not parse as one", { cause });

/** The graph of a model's fields, as a view of its bytes. */
export function graphOf(model: Fields): Uint8Array {
  const graph = model.last(MODEL.graph);
  if (graph === undefined) throw new Error("found no graph");
  return graph;
}

function valueInfo(bytes: Uint8Array): ValueInfo {
  const value = fieldsOf(bytes);
  const tensor = value.inner(VALUE_INFO.type)?.inner(TYPE.tensorType);
  const dims = tensor?.inner(TENSOR_TYPE.shape)?.all(SHAPE.dim).map(fieldsOf) ?? [];
  return {
    name: value.text(VALUE_INFO.name) ?? "",
    dtype: DTYPE.get(tensor?.number(TENSOR_TYPE.elemType) ?? 0),
    dims: dims.map((dim) => dim.number(DIMENSION.value) ?? dim.text(DIMENSION.param) ?? "?"),
  };
}

/** The fields of one message that are messages, strings or whole numbers, as they lie there; later ones count, as protobuf has it. */
export class Fields {
  readonly #bytes = new Map<number, Uint8Array[]>();
  readonly #numbers = new Map<number, number>();

  constructor(bytes: Uint8Array) {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      if (type === WireType.Varint) {
        this.#numbers.set(number, Number(reader.int64()));
      } else if (type === WireType.LengthDelimited) {
        const known = this.#bytes.get(number);
        if (known === undefined) this.#bytes.set(number, [reader.bytes()]);
        else known.push(reader.bytes());
      } else {
        reader.skip(type, number);
      }
    }
  }

  /** Views, not copies. */
  all(field: number): readonly Uint8Array[] {
    return this.#bytes.get(field) ?? [];
  }

  last(field: number): Uint8Array | undefined {
    return this.all(field).at(-1);
  }

  inner(field: number): Fields | undefined {
    const bytes = this.last(field);
    return bytes === undefined ? undefined : fieldsOf(bytes);
  }

  text(field: number): string | undefined {
    const bytes = this.last(field);
    return bytes === undefined ? undefined : getTextEncoding().decodeUtf8(bytes);
  }

  number(field: number): number | undefined {
    return this.#numbers.get(field);
  }
}

export const fieldsOf = (bytes: Uint8Array) => new Fields(bytes);
