// The optimiser's part of a training step: the new values, moments and averages of all packs, behind the gradients or as a model of its own.

import { OnnxGraph } from "../onnx/graph.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { scaledByKernel, scaledByOps } from "../optim/scaled.ts";
import type { Pack } from "./packs.ts";

/** What is updated, and how. */
export interface Updated {
  readonly packs: readonly Pack[];
  readonly buffers: Pack;
  readonly optimizer: Optimizer;
  readonly average: boolean;
}

export const slotName = (slot: string, pack: Pack) => `${slot}/${pack.id}`;
export const nextName = (name: string) => `${name}/next`;
export const isNextName = (name: string) => name.endsWith("/next");
export const heldName = (next: string) => next.replace(/\/next$/, "");

/** The slot of gradients that are summed over batches; it is zero between steps, and no part of the state. */
export const GRADIENT = "gradient";

/** Names of the scalar and vector inputs that steer a step. */
export const HYPER = {
  lr: "hyper/lr",
  momentum: "hyper/momentum",
  step: "hyper/step",
  weightDecay: "hyper/weight_decay",
  average: "hyper/average",
  /** One over the number of batches whose gradients were summed. */
  share: "hyper/share",
} as const;

/** State kept per parameter pack. */
export const slotsOf = ({ optimizer, average }: Updated): string[] => [
  "value",
  ...optimizer.state,
  ...(average ? ["average"] : []),
];

export const bufferSlotsOf = ({ buffers, average }: Updated): string[] =>
  buffers.size === 0 ? [] : ["value", ...(average ? ["average"] : [])];

export const groupsOf = (packs: readonly Pack[]) => 1 + Math.max(...packs.map((pack) => pack.group));

interface HyperInputs {
  readonly lr: string;
  readonly momentum: string;
  readonly step: string;
  readonly weightDecay: string;
  readonly average: string | undefined;
}

export function updateInputs(g: OnnxGraph, { packs, average }: Updated): HyperInputs {
  return {
    lr: g.input(HYPER.lr, "float32", [groupsOf(packs)]),
    momentum: g.input(HYPER.momentum, "float32", []),
    step: g.input(HYPER.step, "float32", []),
    weightDecay: g.input(HYPER.weightDecay, "float32", []),
    average: average ? g.input(HYPER.average, "float32", []) : undefined,
  };
}

const scaledFor = (g: OnnxGraph, { shape: [, block] }: Pack) =>
  block === undefined ? scaledByOps(g) : scaledByKernel(g, block);

/**
 * Adds the updates to a graph whose inputs hold all slots; `gradientOf` names a pack's gradient, `buffers` the new
 * buffers where there are any (their averages follow here).
 */
export function addUpdates(
  g: OnnxGraph,
  { packs, buffers, optimizer }: Updated,
  hyper: HyperInputs,
  gradientOf: (pack: Pack) => string,
  newBuffers: string | undefined,
): void {
  const follow = (pack: Pack, value: string) => {
    if (hyper.average === undefined) return;
    // average · decay + (1 - decay) · value
    const old = slotName("average", pack);
    const share = g.op("Mul", [value, g.op("Sub", [g.scalar(1), hyper.average])]);
    g.output(g.op("Add", [g.op("Mul", [old, hyper.average]), share]), "float32", pack.shape, nextName(old));
  };
  for (const pack of packs) {
    const value = slotName("value", pack);
    const updated = optimizer.update(g, {
      parameter: value,
      gradient: gradientOf(pack),
      state: optimizer.state.map((slot) => slotName(slot, pack)),
      lr: g.op("Gather", [hyper.lr, g.ints(pack.group)], { axis: 0 }),
      momentum: hyper.momentum,
      step: hyper.step,
      weightDecay: pack.decay ? hyper.weightDecay : undefined,
      scaled: scaledFor(g, pack),
    });
    g.output(updated.parameter, "float32", pack.shape, nextName(value));
    for (const [index, slot] of optimizer.state.entries())
      g.output(updated.state[index]!, "float32", pack.shape, nextName(slotName(slot, pack)));
    follow(pack, updated.parameter);
  }
  if (newBuffers !== undefined) follow(buffers, newBuffers);
}

/** A model that makes one step with the mean of the gradients that were summed. Buffers have moved with each batch already. */
export function updateModel(update: Updated): Uint8Array {
  const { packs, buffers } = update;
  const g = new OnnxGraph("update");
  const hyper = updateInputs(g, update);
  const share = g.input(HYPER.share, "float32", []);
  for (const pack of packs)
    for (const slot of [...slotsOf(update), GRADIENT]) g.input(slotName(slot, pack), "float32", pack.shape);
  // Without averages nothing here reads the buffers.
  const averaged = update.average && buffers.size > 0;
  if (averaged) for (const slot of bufferSlotsOf(update)) g.input(slotName(slot, buffers), "float32", buffers.shape);
  const mean = (pack: Pack) => g.op("Mul", [slotName(GRADIENT, pack), share]);
  addUpdates(g, update, hyper, mean, averaged ? slotName("value", buffers) : undefined);
  return g.toModel();
}
