// Floor 2: turns a graph into ONNX nodes for a target. Keeps, for every value, the ONNX tensors that hold it in one layout or another,
// and converts between layouts only where a rule asks for one that is not there yet.

import { GradError } from "../errors.ts";
import { NCHWC_DOMAIN, type OnnxGraph } from "../onnx/graph.ts";
import type { Node, OpDefinition, Value } from "../ops/graph.ts";
import { fixedShape, showShape } from "../ops/shape.ts";
import type { TensorData } from "../tensor.ts";
import { filterToPlain, plainToFilter } from "./filters.ts";
import { type FilterLayout, filterShape, roundUp, storeFilter } from "./layout.ts";

/** `plain` is standard ONNX and runs everywhere; `blocked` names ONNX Runtime's kernels of block size B (x64 CPUs). */
export type Target = { readonly kind: "plain" } | { readonly kind: "blocked"; readonly block: number };

/** Lowers one node; returning false hands it to the plain rule, anything else means done. */
export type Rule = (node: Node, context: Lowering) => unknown;
export type RuleTable = ReadonlyMap<string, Rule>;

/** A row of a rule table; the op's definition gives the type of the attributes. */
export function rule<A>(
  op: OpDefinition<A>,
  lower: (node: Node<A>, context: Lowering) => unknown,
): readonly [string, Rule] {
  return [op.name, lower as Rule];
}

/** Some of a dense filter's output channels, as [blocks, C/B, kh, kw, B, B]. */
export interface FilterPart {
  readonly name: string;
  /** Blocks of output channels. */
  readonly blocks: number;
}

export class Lowering {
  readonly g: OnnxGraph;
  readonly target: Target;
  /** Block size; 1 for the plain target. */
  readonly block: number;
  readonly #plain = new Map<Value, string>();
  readonly #blocked = new Map<Value, string>();
  readonly #filters = new Map<Value, { name: string; layout: FilterLayout }>();
  readonly #filterParts = new Map<Value, { parts: readonly FilterPart[]; layout: FilterLayout }>();
  readonly #consumers = new Map<Value, Node[]>();
  readonly #fused = new Set<Node>();
  readonly #deferred = new Set<Node>();
  readonly #shared = new Map<string, string>();
  readonly #rows = new Map<Value, string>();
  /** What each reshaped tensor was before: a view of a view is one node on the first. */
  readonly #views = new Map<string, string>();
  readonly #kept: ReadonlySet<Value>;

  /** `kept` are the values that somebody outside the nodes reads: they cannot vanish inside a fused kernel. */
  constructor(nodes: readonly Node[], target: Target, onnx: OnnxGraph, kept: ReadonlySet<Value>) {
    this.g = onnx;
    this.#kept = kept;
    this.target = target;
    this.block = target.kind === "blocked" ? target.block : 1;
    for (const node of nodes) {
      for (const input of new Set(node.inputs)) {
        const known = this.#consumers.get(input);
        if (known === undefined) this.#consumers.set(input, [node]);
        else known.push(node);
      }
    }
  }

  run(nodes: readonly Node[], tables: readonly RuleTable[]): void {
    for (const node of nodes) {
      if (this.#fused.has(node)) continue;
      const rules = tables.flatMap((table) => table.get(node.op.name) ?? []);
      if (!rules.some((lower) => lower(node, this) !== false)) {
        throw new GradError("MISSING_LOWERING", `${node.op.name} has no lowering for the target ${this.target.kind}`);
      }
    }
  }

  /** The ops that read a value; undefined where somebody outside of them does too. */
  consumers(value: Value): readonly Node[] | undefined {
    return this.#kept.has(value) ? undefined : (this.#consumers.get(value) ?? []);
  }

  /** The op that alone reads `value`, if it is one of these: then both can be one kernel. */
  soleConsumer(value: Value, ...names: string[]): Node | undefined {
    const [only, ...others] = this.consumers(value) ?? [];
    return only !== undefined && others.length === 0 && names.includes(only.op.name) ? only : undefined;
  }

  /** Marks a node as done by another's kernel. */
  fuse(node: Node): void {
    this.#fused.add(node);
  }

  /** Marks a node that emits nothing itself: its only reader, a later node, computes it too. */
  defer(node: Node): void {
    this.#deferred.add(node);
  }

  /** The deferred node that a value comes from, if it comes from one. */
  deferred({ source }: Value): Node | undefined {
    return source.kind === "op" && this.#deferred.has(source.node) ? source.node : undefined;
  }

  isBlocked(value: Value): boolean {
    return this.#blocked.has(value);
  }

  setPlain(value: Value, name: string): void {
    this.#plain.set(value, name);
  }

  setBlocked(value: Value, name: string): void {
    this.#blocked.set(value, name);
  }

  setFilter(value: Value, name: string, layout: FilterLayout): void {
    this.#filters.set(value, { name, layout });
  }

  /** A dense filter that is kept in parts, in the order of its output channels. */
  setFilterParts(value: Value, parts: readonly FilterPart[], layout: FilterLayout): void {
    this.#filterParts.set(value, { parts, layout });
  }

  /** The parts of a dense filter, if it is kept in some. */
  filterParts(value: Value): readonly FilterPart[] | undefined {
    return this.#filterParts.get(value)?.parts;
  }

  /** The layout in which a weight is already there, if it is in a filter layout. */
  filterLayout(value: Value): FilterLayout | undefined {
    return (this.#filters.get(value) ?? this.#filterParts.get(value))?.layout;
  }

  /** Channels as the blocked layout holds them. */
  padded(channels: number): number {
    return roundUp(channels, this.block);
  }

  /** Whether a value's channels need no padding in the blocked layout. */
  fillsBlocks(value: Value): boolean {
    return (value.shape[1] as number) % this.block === 0;
  }

  /** The value in plain row-major order. */
  plain(value: Value): string {
    const known = this.#plain.get(value);
    if (known !== undefined) return known;
    const name = this.#toPlain(value);
    this.#plain.set(value, name);
    return name;
  }

  #toPlain(value: Value): string {
    if (value.source.kind === "constant") return this.g.constant(value.source.tensor);
    const blocked = this.#blocked.get(value);
    if (blocked !== undefined) {
      return this.g.op("ReorderOutput", [blocked], { channels: value.shape[1] as number }, { domain: NCHWC_DOMAIN });
    }
    const layout = this.filterLayout(value);
    if (layout !== undefined)
      return filterToPlain(this.g, this.filter(value, layout), fixedShape(value, "weight"), layout);
    throw new GradError(
      "MISSING_LOWERING",
      `value ${value.id} ${showShape(value.shape)} is used before it is computed`,
    );
  }

  /** The value [N, C, H, W] in the blocked layout, with the nominal shape [N, padded C, H, W]. */
  blocked(value: Value): string {
    const known = this.#blocked.get(value);
    if (known !== undefined) return known;
    const c = value.shape[1] as number;
    const plain = this.plain(value);
    const pad = this.padded(c) - c;
    const whole = pad === 0 ? plain : this.g.op("Pad", [plain, this.g.ints(0, 0, 0, 0, 0, pad, 0, 0)]);
    const name = this.g.op("ReorderInput", [whole], {}, { domain: NCHWC_DOMAIN });
    this.#blocked.set(value, name);
    return name;
  }

  /** The value [N, C, H, W] with channels last, [N, H, W, padded C], from the blocked layout: one pass for all that read it so. */
  channelsLast(value: Value): string {
    const known = this.#rows.get(value);
    if (known !== undefined) return known;
    const attributes = { channels: this.padded(value.shape[1] as number), channels_last: 1 };
    const name = this.g.op("ReorderOutput", [this.blocked(value)], attributes, { domain: NCHWC_DOMAIN });
    this.#rows.set(value, name);
    return name;
  }

  /** A weight in the given filter layout, as its stored shape. */
  filter(value: Value, layout: FilterLayout): string {
    const known = this.#filters.get(value);
    if (known !== undefined && known.layout.kind === layout.kind) return known.name;
    const cut = this.#filterParts.get(value);
    if (cut !== undefined && cut.layout.kind === layout.kind) {
      const whole = this.g.op(
        "Concat",
        cut.parts.map(({ name }) => name),
        { axis: 0 },
      );
      this.#filters.set(value, { name: whole, layout });
      return whole;
    }
    const shape = fixedShape(value, "weight");
    const name =
      value.source.kind === "constant"
        ? this.g.constant({
            dtype: "float32",
            dims: filterShape(shape, layout),
            data: storeFilter(value.source.tensor.data as Float32Array, shape, layout),
          })
        : plainToFilter(this.g, this.plain(value), shape, layout);
    this.#filters.set(value, { name, layout });
    return name;
  }

  /** A vector [C] with zeros up to the padded number of channels. */
  vector(value: Value): string {
    const c = value.shape[0] as number;
    return this.padVector(this.plain(value), c);
  }

  padVector(name: string, channels: number): string {
    const pad = this.padded(channels) - channels;
    return pad === 0 ? name : this.g.op("Pad", [name, this.g.ints(0, pad)]);
  }

  /** Undoes padVector. */
  cutVector(name: string, channels: number): string {
    return this.padded(channels) === channels
      ? name
      : this.g.op("Slice", [name, this.g.ints(0), this.g.ints(channels)]);
  }

  reshape(name: string, ...dims: number[]): string {
    const source = this.#views.get(name) ?? name;
    const view = this.g.op("Reshape", [source, this.g.ints(...dims)]);
    this.#views.set(view, source);
    return view;
  }

  /**
   * Rows of the matrix `rows` [n, width], picked by index: one pass that copies, pads, shifts and moves at once, on all cores,
   * where Slice, Concat and Transpose would be a pass each. `key` names the index list, which layers of one shape share.
   */
  gatherRows(rows: string, key: string, index: () => Int32Array): string {
    const indices = this.shared(key, () => {
      const data = index();
      return { dtype: "int32", dims: [data.length], data };
    });
    return this.g.op("Gather", [rows, indices], { axis: 0 });
  }

  /** A constant that layers of one shape share under `key`. */
  shared(key: string, make: () => TensorData): string {
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    const name = this.g.constant(make());
    this.#shared.set(key, name);
    return name;
  }

  /** A value in the blocked layout as [N, padded C/B, H, W, B] or another view of that memory; N may be free. */
  nominal(name: string, value: Value): string {
    const [n, c, h, w] = value.shape;
    return this.reshape(name, typeof n === "number" ? n : -1, this.padded(c as number), h as number, w as number);
  }

  /** The numbers of a value as one vector, in the order in which a filter layout stores them or in plain order. */
  flat(value: Value, size: number, layout?: FilterLayout): string {
    if (layout !== undefined) return this.reshape(this.filter(value, layout), size);
    return value.shape.length === 1 ? this.plain(value) : this.reshape(this.plain(value), size);
  }
}
