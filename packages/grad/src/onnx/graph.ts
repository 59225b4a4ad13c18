// Writes ONNX models: nodes, constants, inputs and outputs by name, then the file. Knows nothing of gradients.

import { create, toBinary } from "@bufbuild/protobuf";
import { getTextEncoding } from "@bufbuild/protobuf/wire";
import { GradError } from "../errors.ts";
import { bytesOf, type DType, float32, int64, type TensorData } from "../tensor.ts";
import { float16Bits } from "./float16.ts";
import {
  type AttributeProto,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./onnx_pb.ts";

/** ONNX AttributeProto.AttributeType numbers. */
const ATTRIBUTE_TYPE = { FLOAT: 1, INT: 2, STRING: 3, FLOATS: 6, INTS: 7 } as const;

/** ONNX TensorProto.DataType numbers. */
export const ELEM_TYPE: Record<DType, number> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11 };

/** A dimension: a number, or a name where the size is free ("N"). */
export type Dim = number | string;

class FloatAttribute {
  readonly values: number | readonly number[];
  constructor(values: number | readonly number[]) {
    this.values = values;
  }
}

/** Marks an attribute as FLOAT or FLOATS: a bare number means INT, since JavaScript cannot tell 1 from 1.0. */
export const float = (values: number | readonly number[]) => new FloatAttribute(values);

export type AttributeValue = number | string | readonly number[] | FloatAttribute;
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** ORT's internal domain of blocked-layout kernels and its public one of contributed ops. */
export const NCHWC_DOMAIN = "com.microsoft.nchwc";
export const MICROSOFT_DOMAIN = "com.microsoft";

const OPSETS: Record<string, number> = { "": 20, [NCHWC_DOMAIN]: 1, [MICROSOFT_DOMAIN]: 1 };

export interface NodeOptions {
  readonly domain?: string;
  /** How many outputs the node has (1), or their names; an empty name leaves an optional output out. */
  readonly outputs?: number | readonly string[];
}

export interface GraphOptions {
  /** float32 constants of at least this many elements are stored as float16 behind a Cast: half the file, the same kernels. */
  readonly halfFrom?: number;
}

/** ONNX's number for float16, a stored type that no value of this package has. */
const FLOAT16 = 10;

/**
 * An ONNX graph under construction. Values are names.
 *
 *     const g = new OnnxGraph("double");
 *     const x = g.input("x", "float32", ["N", 3]);
 *     g.output(g.op("Add", [x, x]), "float32", ["N", 3], "y");
 *     const bytes = g.toModel();
 */
export class OnnxGraph {
  readonly #name: string;
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #constants = new Map<string, string>();
  readonly #domains = new Set<string>([""]);
  /** What nodes make. */
  readonly #made = new Set<string>();
  /** Names in the file that differ from those here. */
  readonly #names = new Map<string, string>();
  readonly #halfFrom: number;
  #count = 0;

  constructor(name = "graph", options: GraphOptions = {}) {
    this.#name = name;
    this.#halfFrom = options.halfFrom ?? Number.POSITIVE_INFINITY;
  }

  input(name: string, dtype: DType, dims: readonly Dim[]): string {
    this.#inputs.push(valueInfo(name, dtype, dims));
    return name;
  }

  /** Declares `value` an output of the model. With `name` the file calls it so; here nodes go on to take it by its old name. */
  output(value: string, dtype: DType, dims: readonly Dim[], name?: string): string {
    if ((name ?? value) === value && this.#names.has(value))
      throw new GradError(
        "BAD_ATTRIBUTE",
        `output: \`${value}\` is an output as \`${this.#names.get(value)}\` already`,
      );
    const output = name === undefined || name === value ? value : this.#rename(value, name);
    this.#outputs.push(valueInfo(output, dtype, dims));
    return output;
  }

  /** What no node makes, and what has its name as an output already, needs a node of its own: a copy at each run. */
  #rename(value: string, name: string): string {
    const isOutput = this.#outputs.some((output) => output.name === value);
    if (!this.#made.has(value) || this.#names.has(value) || isOutput)
      return this.op("Identity", [value], {}, { outputs: [name] });
    this.#names.set(value, name);
    return name;
  }

  /** A constant of the model. Small equal ones are stored once, unless they are given a name. */
  constant(tensor: TensorData, name?: string): string {
    if (tensor.dtype === "float32" && tensor.data.length >= this.#halfFrom)
      return this.#halfConstant(tensor as TensorData<"float32">);
    const bytes = bytesOf(tensor.data);
    const key =
      name === undefined && bytes.length <= 256 ? `${tensor.dtype}[${tensor.dims}]${bytes.join()}` : undefined;
    const known = key === undefined ? undefined : this.#constants.get(key);
    if (known !== undefined) return known;
    const id = name ?? this.#fresh("const");
    this.#initializers.push(
      create(TensorProtoSchema, {
        name: id,
        dims: tensor.dims.map(BigInt),
        dataType: ELEM_TYPE[tensor.dtype],
        rawData: bytes,
      }),
    );
    if (key !== undefined) this.#constants.set(key, id);
    return id;
  }

  #halfConstant({ data, dims }: TensorData<"float32">): string {
    const name = this.#fresh("half");
    const halves = Uint16Array.from(data, float16Bits);
    this.#initializers.push(
      create(TensorProtoSchema, {
        name,
        dims: dims.map(BigInt),
        dataType: FLOAT16,
        rawData: new Uint8Array(halves.buffer),
      }),
    );
    return this.op("Cast", [name], { to: ELEM_TYPE.float32 });
  }

  /** A float32 scalar. */
  scalar(value: number): string {
    return this.constant(float32([value], []));
  }

  /** A one-dimensional int64 constant: shapes, axes, starts and ends. */
  ints(...values: number[]): string {
    return this.constant(int64(values));
  }

  /** Adds a node; an input "" is an optional one left out. Returns the names of its outputs. */
  node(opType: string, inputs: readonly string[], attributes: Attributes = {}, options: NodeOptions = {}): string[] {
    const domain = options.domain ?? "";
    this.#domains.add(domain);
    const outputs = options.outputs ?? 1;
    const output =
      typeof outputs === "number" ? Array.from({ length: outputs }, () => this.#fresh(opType)) : [...outputs];
    for (const made of output) this.#made.add(made);
    this.#nodes.push(
      create(NodeProtoSchema, {
        opType,
        domain,
        input: [...inputs],
        output,
        name: this.#fresh(opType),
        attribute: Object.entries(attributes).flatMap(([name, value]) =>
          value === undefined ? [] : [attribute(name, value)],
        ),
      }),
    );
    return output;
  }

  /** Adds a node and returns its first output. */
  op(opType: string, inputs: readonly string[], attributes: Attributes = {}, options: NodeOptions = {}): string {
    return this.node(opType, inputs, attributes, options)[0] as string;
  }

  /** The model file. `metadata` becomes `metadata_props`. */
  toModel(metadata: Readonly<Record<string, string>> = {}): Uint8Array {
    const named = (names: readonly string[]) => names.map((name) => this.#names.get(name) ?? name);
    const { nodes, initializers } = this.#needed();
    const model = create(ModelProtoSchema, {
      irVersion: 10n,
      producerName: "ballsight",
      opsetImport: [...this.#domains].map((domain) => ({ domain, version: BigInt(OPSETS[domain] ?? 1) })),
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      graph: create(GraphProtoSchema, {
        name: this.#name,
        node: nodes.map((node) => ({ ...node, input: named(node.input), output: named(node.output) })),
        initializer: initializers,
        input: this.#inputs,
        output: this.#outputs,
      }),
    });
    return toBinary(ModelProtoSchema, model);
  }

  /** What the outputs depend on: what nobody reads in the end would be computed all the same. */
  #needed(): { nodes: NodeProto[]; initializers: TensorProto[] } {
    const here = new Map([...this.#names].map(([name, inFile]) => [inFile, name]));
    const read = new Set(this.#outputs.map(({ name }) => here.get(name) ?? name));
    const nodes = this.#nodes.toReversed().filter(({ input, output }) => {
      if (!output.some((name) => read.has(name))) return false;
      for (const name of input) read.add(name);
      return true;
    });
    return { nodes: nodes.reverse(), initializers: this.#initializers.filter(({ name }) => read.has(name)) };
  }

  #fresh(stem: string): string {
    this.#count += 1;
    return `${stem}_${this.#count}`;
  }
}

function valueInfo(name: string, dtype: DType, dims: readonly Dim[]): ValueInfoProto {
  const dim = dims.map((size) =>
    typeof size === "number"
      ? ({ value: { case: "dimValue", value: BigInt(size) } } as const)
      : ({ value: { case: "dimParam", value: size } } as const),
  );
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: { elemType: ELEM_TYPE[dtype], shape: { dim } } } },
  });
}

function attribute(name: string, value: AttributeValue): AttributeProto {
  const text = (string: string) => getTextEncoding().encodeUtf8(string);
  if (typeof value === "number")
    return create(AttributeProtoSchema, { name, type: ATTRIBUTE_TYPE.INT, i: BigInt(value) });
  if (typeof value === "string")
    return create(AttributeProtoSchema, { name, type: ATTRIBUTE_TYPE.STRING, s: text(value) });
  if (value instanceof FloatAttribute) {
    return typeof value.values === "number"
      ? create(AttributeProtoSchema, { name, type: ATTRIBUTE_TYPE.FLOAT, f: value.values })
      : create(AttributeProtoSchema, { name, type: ATTRIBUTE_TYPE.FLOATS, floats: [...value.values] });
  }
  return create(AttributeProtoSchema, { name, type: ATTRIBUTE_TYPE.INTS, ints: value.map(BigInt) });
}
