// Floor 1: what is computed. A graph of typed values; every op knows its shape rule and its gradient rule, none knows ONNX or a memory layout.

import { GradError } from "../errors.ts";
import type { Dim } from "../onnx/graph.ts";
import type { DType, TensorData } from "../tensor.ts";

export type Shape = readonly Dim[];

export interface ValueType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A tensor in the graph: the result of an op, or something fed, trained or constant. */
export interface Value extends ValueType {
  readonly graph: Graph;
  readonly id: number;
  readonly source: Source;
}

/** Where a value comes from. */
export type Source =
  | { readonly kind: "op"; readonly node: Node; readonly index: number }
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "parameter"; readonly name: string; readonly options: ParameterOptions }
  | { readonly kind: "buffer"; readonly name: string }
  | { readonly kind: "constant"; readonly tensor: TensorData };

export interface ParameterOptions {
  /** Index of the parameter group whose learning rate applies. */
  readonly group: number;
  /** Whether weight decay applies (fastai: not to biases and norms). */
  readonly decay: boolean;
}

export interface Tracked {
  readonly value: Value;
  readonly momentum: number;
  readonly factor: number;
}

/** How an op computes, as far as shapes and gradients go. */
export interface OpDefinition<A = unknown> {
  readonly name: string;
  /** Types of the outputs; throws SHAPE_MISMATCH. */
  readonly infer: (inputs: readonly Value[], attributes: A) => readonly ValueType[];
  /**
   * Gradients for the inputs from those of the outputs (undefined where an output is not used). `needs[i]` says whether
   * input i's gradient is wanted; anything may be returned where it is not. Absent: the op cannot be differentiated.
   */
  readonly gradient?: (context: GradientContext<A>) => readonly (Value | undefined)[];
}

export interface GradientContext<A> {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly grads: readonly (Value | undefined)[];
  readonly needs: readonly boolean[];
  readonly attributes: A;
}

export interface Node<A = unknown> {
  readonly op: OpDefinition<A>;
  readonly inputs: readonly Value[];
  readonly attributes: A;
  readonly outputs: readonly Value[];
}

/** A graph of ops over inputs, parameters, buffers (running statistics) and constants, in the order in which it was built. */
export class Graph {
  readonly nodes: Node[] = [];
  readonly inputs: Value[] = [];
  readonly parameters: Value[] = [];
  readonly buffers: Value[] = [];
  /** Batch statistics that buffers follow: buffer += momentum · (factor · value - buffer). */
  readonly tracked = new Map<Value, Tracked>();
  /** Inputs that hold a dropout mask, by name. */
  readonly randomMasks = new Map<string, { readonly p: number; readonly value: Value }>();
  #count = 0;

  input(name: string, dtype: DType, shape: Shape): Value {
    const value = this.#value({ dtype, shape }, { kind: "input", name });
    this.inputs.push(value);
    return value;
  }

  parameter(name: string, shape: readonly number[], options: ParameterOptions = { group: 0, decay: true }): Value {
    const value = this.#value({ dtype: "float32", shape }, { kind: "parameter", name, options });
    this.parameters.push(value);
    return value;
  }

  /** State that a step replaces but no gradient reaches: BatchNorm's running statistics. */
  buffer(name: string, shape: readonly number[]): Value {
    const value = this.#value({ dtype: "float32", shape }, { kind: "buffer", name });
    this.buffers.push(value);
    return value;
  }

  /** Makes a buffer follow `value` as an exponential average from step to step. */
  track(buffer: Value, value: Value, options: { readonly momentum: number; readonly factor: number }): void {
    this.tracked.set(buffer, { value, ...options });
  }

  constant(tensor: TensorData): Value {
    return this.#value({ dtype: tensor.dtype, shape: tensor.dims }, { kind: "constant", tensor });
  }

  /** What is fed, with its names. */
  namedInputs(): { readonly value: Value; readonly name: string }[] {
    return this.inputs.flatMap((value) => (value.source.kind === "input" ? [{ value, name: value.source.name }] : []));
  }

  apply<A>(op: OpDefinition<A>, inputs: readonly Value[], attributes: A): readonly Value[] {
    for (const input of inputs) {
      if (input.graph !== this)
        throw new GradError("BAD_ATTRIBUTE", `${op.name}: expected inputs of one graph but received one of another`);
    }
    const outputs: Value[] = [];
    const node: Node<A> = { op, inputs, attributes, outputs };
    for (const [index, type] of op.infer(inputs, attributes).entries()) {
      outputs.push(this.#value(type, { kind: "op", node: node as Node, index }));
    }
    this.nodes.push(node as Node);
    return outputs;
  }

  #value(type: ValueType, source: Source): Value {
    this.#count += 1;
    return { ...type, graph: this, id: this.#count, source };
  }
}

/** Adds a node with one output and returns it. */
export function apply<A>(op: OpDefinition<A>, inputs: readonly Value[], attributes: A): Value {
  const [first] = inputs;
  if (first === undefined)
    throw new GradError("BAD_ATTRIBUTE", `${op.name}: expected at least one input but received none`);
  return first.graph.apply(op, inputs, attributes)[0] as Value;
}
