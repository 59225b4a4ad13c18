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
  /** Where it begins in the pack, and how many numbers there are. */
  readonly offset: number;
  readonly size: number;
  /** Which part of the stored parameter it is: its first number, and how many there are in all parts. */
  readonly start: number;
  readonly whole: number;
}

/** Several parameters of one group and one decay setting, or a part of a large one, in one vector. Plain data: it crosses to the worker. */
export interface Pack {
  readonly id: string;
  readonly group: number;
  readonly decay: boolean;
  readonly size: number;
  /** The shape of its tensors: [size], or a picture whose memory is that vector's, where blocked kernels compute with it. */
  readonly shape: readonly number[];
  readonly entries: readonly PackEntry[];
}

/**
 * Parameters are packed into vectors of up to this many floats (1 MiB): such a vector stays in the cache from one element-wise op to the
 * next, and its buffers are used again instead of being mapped anew at every step.
 */
const PACK_SIZE = 1 << 18;

/** Larger parameters are cut into parts of up to this many floats (4 MiB): with smaller ones, more calls of the kernels cost what the cache saves. */
const PART_SIZE = 1 << 20;

/** Rows of a pack's picture at most: what threads share, each long enough for the kernel. */
const ROWS = 64;

/** [1, block, rows, columns] for the blocked kernels where the blocks come out even. */
function packShape(size: number, block: number): number[] {
  const pixels = size / block;
  if (block === 1 || !Number.isInteger(pixels)) return [size];
  let rows = ROWS;
  while (pixels % rows !== 0) rows--;
  return [1, block, rows, pixels / rows];
}

/** @param block Size of the blocked kernels' blocks; 1 where there are none. */
export function packParameters(
  parameters: readonly Value[],
  plan: ReadonlyMap<Value, FilterLayout>,
  block: number,
): Pack[] {
  const buckets = new Map<string, Value[]>();
  for (const parameter of parameters) {
    if (parameter.source.kind !== "parameter") continue;
    const { group, decay } = parameter.source.options;
    const key = `${group}/${decay}`;
    buckets.set(key, [...(buckets.get(key) ?? []), parameter]);
  }
  return [...buckets.values()].flatMap((values) => split(values, plan, block));
}

function split(values: readonly Value[], plan: ReadonlyMap<Value, FilterLayout>, block: number): Pack[] {
  const packs: { entries: PackEntry[]; size: number }[] = [];
  for (const value of values) {
    const entry = describe(value, plan.get(value));
    const last = packs.at(-1);
    if (entry.size > PACK_SIZE) packs.push(...parts(entry, block));
    else if (last === undefined || last.size + entry.size > PACK_SIZE)
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
    shape: packShape(size, block),
    entries,
  }));
}

function parts(entry: Omit<PackEntry, "offset">, block: number): { entries: PackEntry[]; size: number }[] {
  const bounds = partBounds(entry, block);
  return bounds.slice(1).map((end, i) => {
    const [start, size] = [bounds[i]!, end - bounds[i]!];
    return { entries: [{ ...entry, start, size, offset: 0 }], size };
  });
}

/**
 * Where a parameter is cut: dense filters behind whole blocks of output channels, so that convolutions take the parts as they lie, and
 * behind every fourth where that fits, as the kernel computes four at a time; others behind any block, into parts of one size.
 */
function partBounds({ whole, layout, storedShape }: Omit<PackEntry, "offset">, block: number): number[] {
  const row = layout?.kind === "dense" ? whole / storedShape[0]! : whole;
  const unit = [4 * row, row].find((size) => size <= 1.25 * PART_SIZE) ?? block;
  const units = Math.ceil(whole / unit);
  const count = Math.ceil(units / Math.max(1, Math.floor(PART_SIZE / unit)));
  const size = Math.ceil(units / count) * unit;
  return [...Array.from({ length: Math.ceil(whole / size) }, (_, i) => i * size), whole];
}

function optionsOf(value: Value) {
  if (value.source.kind !== "parameter") throw new Error("internal: only parameters are packed");
  return value.source.options;
}

function describe(value: Value, layout: FilterLayout | undefined): Omit<PackEntry, "offset"> {
  const shape = fixedShape(value, "pack");
  const storedShape = layout === undefined ? shape : filterShape(shape, layout);
  const name = value.source.kind === "parameter" || value.source.kind === "buffer" ? value.source.name : "";
  const size = sizeOf(storedShape);
  return { name, shape, storedShape, size, start: 0, whole: size, ...(layout && { layout }) };
}

/** Buffers (running statistics) in one pack, all plain. */
export function packBuffers(buffers: readonly Value[]): Pack {
  let size = 0;
  const entries = buffers.map((buffer) => {
    const entry = { ...describe(buffer, undefined), offset: size };
    size += entry.size;
    return entry;
  });
  return { id: "buffers", group: 0, decay: false, size, shape: [size], entries };
}

/** Plain tensors by name to packed vectors; what is undefined is zeros. Remembers what it stored last: the parts of a parameter follow each other. */
export function packer(): (pack: Pack, get: (name: string) => TensorData | undefined) => Float32Array {
  let last: { readonly tensor: TensorData; readonly stored: Float32Array } | undefined;
  const storedOf = (tensor: TensorData, { layout, shape }: PackEntry) => {
    if (layout === undefined) return tensor.data as Float32Array;
    if (last?.tensor !== tensor) last = { tensor, stored: storeFilter(tensor.data as Float32Array, shape, layout) };
    return last.stored;
  };
  return ({ entries, size }, get) => {
    const vector = new Float32Array(size);
    for (const entry of entries) {
      const tensor = get(entry.name);
      if (tensor === undefined) continue;
      vector.set(storedOf(tensor, entry).subarray(entry.start, entry.start + entry.size), entry.offset);
    }
    return vector;
  };
}

/** Packed vectors to plain tensors by name. */
export function unpack(packs: readonly (readonly [pack: Pack, vector: Float32Array])[]): Map<string, TensorData> {
  const stored = new Map<string, { readonly entry: PackEntry; readonly data: Float32Array }>();
  for (const [{ entries }, vector] of packs) {
    for (const entry of entries) {
      const { name, offset, size, start, whole } = entry;
      const known = stored.get(name) ?? { entry, data: new Float32Array(whole) };
      known.data.set(vector.subarray(offset, offset + size), start);
      stored.set(name, known);
    }
  }
  const plain = ({ entry: { layout, shape }, data }: { entry: PackEntry; data: Float32Array }) =>
    float32(layout === undefined ? data : loadFilter(data, shape, layout), shape);
  return new Map([...stored].map(([name, parts]) => [name, plain(parts)]));
}
