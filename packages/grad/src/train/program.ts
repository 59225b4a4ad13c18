// The training step as one ONNX model: forward pass, loss, gradients, optimiser, running statistics and weight averages.

import { gradients } from "../autodiff.ts";
import { GradError } from "../errors.ts";
import type { Lowering, Target } from "../lowering/context.ts";
import { lower } from "../lowering/lower.ts";
import { planParameters } from "../lowering/plan.ts";
import { type Dim, OnnxGraph } from "../onnx/graph.ts";
import type { Graph, Value } from "../ops/graph.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { type DType, float32 } from "../tensor.ts";
import { type Pack, type PackEntry, packBuffers, packParameters } from "./packs.ts";
import {
  addUpdates,
  bufferSlotsOf,
  GRADIENT,
  groupsOf,
  nextName,
  slotName,
  slotsOf,
  updateInputs,
  updateModel,
} from "./updates.ts";

export interface TrainProgramOptions {
  readonly loss: Value;
  readonly optimizer: Optimizer;
  readonly target: Target;
  /** Values to return from each step besides the loss, by name. */
  readonly outputs?: Readonly<Record<string, Value>>;
  /** Keep an exponential moving average of parameters and buffers too. */
  readonly average?: boolean;
  /** Make two models: one that sums gradients over batches, and one that makes a step with their mean. */
  readonly accumulate?: boolean;
}

/** The model of a step and what is needed to run it; plain data, so that it can be posted to a worker. */
export interface TrainProgram {
  readonly model: Uint8Array;
  /** With `accumulate`: the optimiser's step on the summed gradients; `model` then only sums them. */
  readonly update?: Uint8Array;
  readonly packs: readonly Pack[];
  readonly buffers: Pack;
  /** State kept per parameter pack: "value", the optimiser's, and "average". */
  readonly slots: readonly string[];
  readonly bufferSlots: readonly string[];
  readonly groups: number;
  readonly inputs: readonly { readonly name: string; readonly dtype: DType; readonly shape: readonly Dim[] }[];
  readonly outputs: readonly string[];
  readonly masks: readonly { readonly name: string; readonly p: number; readonly shape: readonly number[] }[];
}

export function buildTrainProgram(graph: Graph, options: TrainProgramOptions): TrainProgram {
  const { loss, optimizer, target, outputs = {}, average = false, accumulate = false } = options;
  const { parameters } = graph;
  if (parameters.length === 0)
    throw new GradError("BAD_ATTRIBUTE", "buildTrainProgram: expected at least one trainable parameter but found none");
  const plan = planParameters(graph, target);
  const packs = packParameters(parameters, plan, target.kind === "blocked" ? target.block : 1);
  const buffers = packBuffers(graph.buffers);
  const grads = new Map(gradients(loss, parameters).map((grad, index) => [parameters[index]!, grad]));
  const byName = new Map(parameters.map((value) => [nameOf(value), value]));

  const g = new OnnxGraph("train_step");
  const update = { packs, buffers, optimizer, average };
  const hyper = accumulate ? undefined : updateInputs(g, update);
  const ownSlots = accumulate ? ["value", GRADIENT] : slotsOf(update);
  for (const pack of packs) for (const slot of ownSlots) g.input(slotName(slot, pack), "float32", pack.shape);
  const bufferSlots = bufferSlotsOf(update);
  for (const slot of accumulate ? bufferSlots.slice(0, 1) : bufferSlots)
    g.input(slotName(slot, buffers), "float32", buffers.shape);

  const wanted = [
    loss,
    ...Object.values(outputs),
    ...grads.values(),
    ...[...graph.tracked.values()].map(({ value }) => value),
  ];
  const context = lower(graph, wanted, target, g, (lowering) => {
    for (const input of graph.inputs) lowering.setPlain(input, g.input(nameOf(input), input.dtype, input.shape));
    bindPacks(lowering, packs, byName);
    if (buffers.size > 0) bindPacks(lowering, [buffers], new Map(graph.buffers.map((value) => [nameOf(value), value])));
  });

  const partsOf = (name: string) => packs.flatMap(({ entries }) => entries.filter((entry) => entry.name === name));
  const cut = new Map<string, string[]>();
  const gradientPart = ({ name, layout, start, size, whole }: PackEntry) => {
    const grad = grads.get(byName.get(name)!)!;
    const flat = () => context.flat(grad, whole, layout);
    if (size === whole) return flat();
    const entries = partsOf(name);
    const index = entries.findIndex((entry) => entry.start === start);
    const parts = context.filterParts(grad);
    if (parts !== undefined) return context.reshape(parts[index]!.name, size);
    const made =
      cut.get(name) ??
      split(
        context,
        flat(),
        entries.map((entry) => entry.size),
      );
    cut.set(name, made);
    return made[index]!;
  };
  const gradientOf = ({ entries, shape }: Pack) => {
    const parts = entries.map(gradientPart);
    const whole = parts.length === 1 ? parts[0]! : g.op("Concat", parts, { axis: 0 });
    return shape.length === 1 ? whole : context.reshape(whole, ...shape);
  };
  const moved = buffers.size > 0 ? moveBuffers(context, graph, buffers) : undefined;
  if (moved !== undefined) g.output(moved, "float32", buffers.shape, nextName(slotName("value", buffers)));
  if (hyper !== undefined) addUpdates(g, update, hyper, gradientOf, moved);
  else {
    for (const pack of packs) {
      const sum = slotName(GRADIENT, pack);
      g.output(g.op("Add", [sum, gradientOf(pack)]), "float32", pack.shape, nextName(sum));
    }
  }
  g.output(context.plain(loss), "float32", [], "loss");
  for (const [name, value] of Object.entries(outputs)) g.output(context.plain(value), value.dtype, value.shape, name);

  return {
    model: g.toModel(),
    ...(accumulate && { update: updateModel(update) }),
    packs,
    buffers,
    slots: slotsOf(update),
    bufferSlots,
    groups: groupsOf(packs),
    inputs: graph.inputs.map((input) => ({ name: nameOf(input), dtype: input.dtype, shape: input.shape })),
    outputs: ["loss", ...Object.keys(outputs)],
    masks: [...graph.randomMasks].map(([name, { p, value }]) => ({ name, p, shape: value.shape as number[] })),
  };
}

function nameOf(value: Value): string {
  return value.source.kind === "op" || value.source.kind === "constant" ? `value ${value.id}` : value.source.name;
}

/** WebGPU promises eight storage buffers per shader, and ONNX Runtime's Split binds them all: the vector and its parts. */
const MOST_PARTS = 7;

/** The parts of a vector; in the plain target by splits of splits, as that must run on GPUs too. */
function split({ g, target }: Pick<Lowering, "g" | "target">, name: string, sizes: readonly number[]): string[] {
  const cut = (whole: string, parts: readonly number[]) =>
    g.node("Split", [whole, g.ints(...parts)], { axis: 0 }, { outputs: parts.length });
  if (target.kind === "blocked" || sizes.length <= MOST_PARTS) return cut(name, sizes);
  let each = MOST_PARTS;
  while (each * MOST_PARTS < sizes.length) each *= MOST_PARTS;
  const groups = Array.from({ length: Math.ceil(sizes.length / each) }, (_, i) =>
    sizes.slice(i * each, (i + 1) * each),
  );
  const sums = groups.map((group) => group.reduce((sum, size) => sum + size, 0));
  return cut(name, sums).flatMap((whole, i) =>
    groups[i]!.length === 1 ? whole : split({ g, target }, whole, groups[i]!),
  );
}

/** Gives each parameter its stored shape, from the pack that it is in or from the packs that hold its parts. */
function bindPacks(context: Lowering, packs: readonly Pack[], values: ReadonlyMap<string, Value>): void {
  const { g } = context;
  const parts = new Map<string, { readonly entries: PackEntry[]; readonly names: string[] }>();
  for (const pack of packs) {
    const held = slotName("value", pack);
    const whole = pack.shape.length === 1 ? held : context.reshape(held, pack.size);
    const sizes = pack.entries.map(({ size }) => size);
    const names = sizes.length === 1 ? [whole] : split(context, whole, sizes);
    for (const [index, entry] of pack.entries.entries()) {
      const known = parts.get(entry.name) ?? { entries: [], names: [] };
      known.entries.push(entry);
      known.names.push(names[index]!);
      parts.set(entry.name, known);
    }
  }
  for (const [name, { entries, names }] of parts) {
    const value = values.get(name)!;
    const { layout, storedShape, whole } = entries[0]!;
    const row = whole / storedShape[0]!;
    if (layout?.kind === "dense" && entries.length > 1 && entries.every(({ size }) => size % row === 0)) {
      const part = ({ size }: PackEntry, index: number) => {
        const blocks = size / row;
        return { name: context.reshape(names[index]!, blocks, ...storedShape.slice(1)), blocks };
      };
      context.setFilterParts(value, entries.map(part), layout);
      continue;
    }
    const flat = names.length === 1 ? names[0]! : g.op("Concat", names, { axis: 0 });
    const shaped = storedShape.length === 1 ? flat : context.reshape(flat, ...storedShape);
    if (layout === undefined) context.setPlain(value, shaped);
    else context.setFilter(value, shaped, layout);
  }
}

/** buffer + momentum · (factor · statistic - buffer), for all buffers at once; those that nothing tracks stay. */
function moveBuffers(context: Lowering, graph: Graph, pack: Pack): string {
  const { g } = context;
  const factors = new Float32Array(pack.size);
  const momenta = new Float32Array(pack.size);
  const statistics = graph.buffers.map((buffer, index) => {
    const { offset, size } = pack.entries[index]!;
    const tracked = graph.tracked.get(buffer);
    factors.fill(tracked?.factor ?? 0, offset, offset + size);
    momenta.fill(tracked?.momentum ?? 0, offset, offset + size);
    return context.flat(tracked?.value ?? buffer, size);
  });
  const old = slotName("value", pack);
  const target = g.op("Mul", [g.op("Concat", statistics, { axis: 0 }), g.constant(float32(factors))]);
  return g.op("Add", [old, g.op("Mul", [g.op("Sub", [target, old]), g.constant(float32(momenta))])]);
}
