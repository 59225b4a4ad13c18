// Parameters packed into flat vectors: one Split and a few large element-wise ops per step instead of thousands of small ones. Also how a
// checkpoint's plain tensors become packed, stored ones and back.

import type { FilterLayout } from "../lowering/layout.ts";
import { filterShape, loadFilter, storeFilter } from "../lowering/layout.ts";
import type { Value } from "../ops/graph.ts";
import { fixedShape } from "../ops/shape.ts";
import { float32, sizeOf, type TensorData } from "../tensor.ts";

export interface PackEntry {
  readonly name: string;
  /** Plain shape, as a checkpoint has it. */
  readonly shape: readonly number[];
  readonly layout?: FilterLayout;
  readonly storedShape: readonly number[];
  readonly offset: number;
  readonly size: number;
}

/** Several parameters of one group and one decay setting, in one vector. Plain data: it crosses to the worker. */
export interface Pack {
  readonly id: string;
  readonly group: number;
  readonly decay: boolean;
  readonly size: number;
  readonly entries: readonly PackEntry[];
}

/**
 * A vector of this many floats (1 MiB) stays in a core's cache from one element-wise op to the next; larger parameters get one alone.
 */
const PACK_SIZE = 1 << 18;

export function packParameters(parameters: readonly Value[], plan: ReadonlyMap<Value, FilterLayout>): Pack[] {
  const buckets = new Map<string, Value[]>();
  for (const parameter of parameters) {
    if (parameter.source.kind !== "parameter") continue;
    const { group, decay } = parameter.source.options;
    const key = `${group}/${decay}`;
    buckets.set(key, [...(buckets.get(key) ?? []), parameter]);
  }
  return [...buckets.values()].flatMap((values) => split(values, plan));
}

function split(values: readonly Value[], plan: ReadonlyMap<Value, FilterLayout>): Pack[] {
  const packs: { entries: PackEntry[]; size: number }[] = [];
  for (const value of values) {
    const entry = describe(value, plan.get(value));
    const last = packs.at(-1);
    if (last === undefined || last.size + entry.size > PACK_SIZE)
      packs.push({ entries: [{ ...entry, offset: 0 }], size: entry.size });
    else {
      last.entries.push({ ...entry, offset: last.size });
      last.size += entry.size;
    }
  }
  const { group, decay } = optionsOf(values[0]!);
  return packs.map(({ entries, size }, index) => ({
    id: `${group}${decay ? "d" : "n"}${index}`,
    group,
    decay,
    size,
    entries,
  }));
}

function optionsOf(value: Value) {
  if (value.source.kind !== "parameter") throw new Error("internal: only parameters are packed");
  return value.source.options;
}

function describe(value: Value, layout: FilterLayout | undefined): Omit<PackEntry, "offset"> {
  const shape = fixedShape(value, "pack");
  const storedShape = layout === undefined ? shape : filterShape(shape, layout);
  const name = value.source.kind === "parameter" || value.source.kind === "buffer" ? value.source.name : "";
  return { name, shape, storedShape, size: sizeOf(storedShape), ...(layout && { layout }) };
}

/** Buffers (running statistics) in one pack, all plain. */
export function packBuffers(buffers: readonly Value[]): Pack {
  let size = 0;
  const entries = buffers.map((buffer) => {
    const entry = { ...describe(buffer, undefined), offset: size };
    size += entry.size;
    return entry;
  });
  return { id: "buffers", group: 0, decay: false, size, entries };
}

/** Plain tensors by name to the packed vector; `get` may return undefined for zeros. */
export function pack({ entries, size }: Pack, get: (name: string) => TensorData | undefined): Float32Array {
  const vector = new Float32Array(size);
  for (const { name, shape, layout, offset } of entries) {
    const tensor = get(name);
    if (tensor === undefined) continue;
    const data = tensor.data as Float32Array;
    vector.set(layout === undefined ? data : storeFilter(data, shape, layout), offset);
  }
  return vector;
}

/** The packed vector to plain tensors by name. */
export function unpack({ entries }: Pack, vector: Float32Array): [name: string, tensor: TensorData][] {
  return entries.map(({ name, shape, layout, offset, size }) => {
    const stored = vector.slice(offset, offset + size);
    return [name, float32(layout === undefined ? stored : loadFilter(stored, shape, layout), shape)];
  });
}
