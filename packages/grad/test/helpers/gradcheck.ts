// Checks one op at a time: builds a case as a graph, lowers it for a target, runs it, and compares forward pass and gradients with torch's
// numbers and with finite differences.

import * as ort from "onnxruntime-node";
import { gradients } from "../../src/autodiff.ts";
import type { Target } from "../../src/lowering/context.ts";
import { lower } from "../../src/lowering/lower.ts";
import { OnnxGraph } from "../../src/onnx/graph.ts";
import { conv2d } from "../../src/ops/conv.ts";
import { mul } from "../../src/ops/elementwise.ts";
import { Graph, type Value } from "../../src/ops/graph.ts";
import { reduceSum } from "../../src/ops/reduce.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { float32, type TensorData, zeros } from "../../src/tensor.ts";
import { buildTrainProgram } from "../../src/train/program.ts";
import { TrainingSession } from "../../src/train/session.ts";
import { BUILDERS, CHAINS, type Named } from "./builders.ts";
import { difference, type Expected, fromRecipe, type Recipe } from "./recipes.ts";

export interface CaseInput {
  name: string;
  /** `data` may be another op's output, `weight` is learned, `fixed` has no gradient. */
  role: "data" | "weight" | "fixed";
  shape: number[];
  recipe: Recipe;
}

export interface OpCase {
  op: string;
  case: string;
  attributes: Record<string, unknown>;
  inputs: CaseInput[];
  output: Expected;
  gradients: Record<string, Expected>;
  /** False where the inputs lie on kinks or ties. */
  smooth?: boolean;
  /** True where kinks lie among the values, and a finite difference steps over some. */
  bent?: boolean;
  /** How many times the usual tolerance the case's rounding needs. */
  loosen?: number;
}

/**
 * How the case's values come into the graph: everything `fed`; everything a `trained` parameter, whose gradient comes through the
 * training program in the order in which the target stores it; weights `constant`, as frozen layers have them; or data
 * `behindConv`, so that it arrives in the target's own layout, through a convolution that changes nothing.
 */
export type Binding = "fed" | "trained" | "constant" | "behindConv";

export interface Tolerance {
  /** Both relative to the largest magnitude of the tensor. */
  readonly forward: number;
  readonly backward: number;
}

/** Differences of float32 against double precision over sums of a few hundred products. */
export const TOLERANCE: Tolerance = { forward: 2e-6, backward: 4e-6 };

interface Results {
  readonly output: TensorData;
  readonly gradients: ReadonlyMap<string, TensorData>;
}

/** What differs from torch, one sentence each; empty where nothing does. */
export async function gradcheck(
  opCase: OpCase,
  target: Target,
  lossWeights: Recipe,
  bindings: readonly Binding[],
  { forward, backward }: Tolerance = TOLERANCE,
): Promise<string[]> {
  const failures: string[] = [];
  const loosen = opCase.loosen ?? 1;
  for (const binding of bindings) {
    const results = await run(opCase, target, lossWeights, binding);
    const report = (tensor: string, sentence: string | undefined) => {
      if (sentence !== undefined)
        failures.push(`${opCase.op} (${opCase.case}), ${target.kind}, ${binding}, ${tensor}: ${sentence}`);
    };
    report("output", difference(results.output, opCase.output, forward * loosen));
    for (const [name, gradient] of results.gradients)
      report(`gradient of ${name}`, difference(gradient, opCase.gradients[name]!, backward * loosen));
  }
  return failures;
}

/** The bindings that make a difference for a case. */
export function bindingsOf({ op, inputs }: OpCase, target: Target): Binding[] {
  const has = (role: CaseInput["role"]) => inputs.some((input) => input.role === role);
  const maps = op !== "chain" && inputs.some(({ role, shape }) => role === "data" && shape.length === 4);
  return [
    "fed",
    "trained",
    ...(has("weight") ? (["constant"] as const) : []),
    ...(maps && target.kind === "blocked" ? (["behindConv"] as const) : []),
  ];
}

/** A depthwise 1x1 convolution with ones. */
function untouched(x: Value): Value {
  const channels = x.shape[1] as number;
  const ones = x.graph.constant(float32(new Float32Array(channels).fill(1), [channels, 1, 1, 1]));
  return conv2d(x, ones, undefined, { groups: channels });
}

interface Built {
  readonly graph: Graph;
  readonly output: Value;
  readonly loss: Value;
  /** Values whose gradients are asked for. */
  readonly wanted: ReadonlyMap<string, Value>;
}

function build(opCase: OpCase, lossWeights: Recipe, binding: Binding): Built {
  const graph = new Graph();
  const wanted = new Map<string, Value>();
  const named: Record<string, Value> = {};
  for (const { name, role, shape, recipe } of opCase.inputs) {
    // These ops make their mask input themselves.
    if (["dropout", "stochasticDepth"].includes(opCase.op) && name === "mask") continue;
    const trains = binding === "trained" || (binding === "behindConv" && role === "weight");
    const value =
      role === "weight" && binding === "constant"
        ? graph.constant(fromRecipe(recipe, shape))
        : trains && role !== "fixed"
          ? graph.parameter(name, shape)
          : graph.input(name, "float32", shape);
    if (role !== "fixed" && value.source.kind !== "constant") wanted.set(name, value);
    named[name] = binding === "behindConv" && role !== "weight" && shape.length === 4 ? untouched(value) : value;
  }
  const make = opCase.op === "chain" ? CHAINS[opCase.case] : BUILDERS[opCase.op];
  if (make === undefined) throw new Error(`no builder for ${opCase.op} (${opCase.case})`);
  const output = make(named as Named, opCase.attributes);
  const shape = output.shape as number[];
  const weighted = mul(output, graph.constant(fromRecipe(lossWeights, shape)));
  const loss = reduceSum(
    weighted,
    shape.map((_, axis) => axis),
  );
  return { graph, output, loss, wanted };
}

async function run(opCase: OpCase, target: Target, lossWeights: Recipe, binding: Binding): Promise<Results> {
  const built = build(opCase, lossWeights, binding);
  return binding === "trained" ? runTrained(opCase, built, target) : runLowered(opCase, built, target);
}

/** One step of SGD without momentum: its buffer is the gradient. */
async function runTrained(opCase: OpCase, { graph, output, loss, wanted }: Built, target: Target): Promise<Results> {
  const program = buildTrainProgram(graph, { loss, optimizer: sgd(), target, outputs: { output } });
  const session = await TrainingSession.create(ort, program, SESSION);
  try {
    const tensors = tensorsOf(opCase);
    const buffers = graph.buffers.map((buffer): [string, TensorData] => {
      if (buffer.source.kind !== "buffer") throw new Error("a buffer that is none");
      return [buffer.source.name, zeros("float32", buffer.shape as number[])];
    });
    session.load(new Map([...tensors, ...buffers]));
    const fed = Object.fromEntries(program.inputs.map(({ name }) => [name, tensors.get(name)!]));
    const hyper = { lr: [0.5], momentum: 0, step: 1, weightDecay: 0 };
    const { outputs } = await session.step(fed, hyper);
    const state = await session.save();
    const grads = [...wanted.keys()].map((name): [string, TensorData] => [name, state.get(`momentum_buffer.${name}`)!]);
    for (const [name, gradient] of grads) expectMoved(tensors.get(name)!, gradient, state.get(name)!, 0.5);
    return { output: outputs.output!, gradients: new Map(grads) };
  } finally {
    await session.release();
  }
}

/** The new parameter must be the old one less rate times gradient, in plain order too. */
function expectMoved(old: TensorData, gradient: TensorData, moved: TensorData, rate: number): void {
  for (const [index, value] of (moved.data as Float32Array).entries()) {
    const expected = (old.data[index] as number) - rate * (gradient.data[index] as number);
    if (!(Math.abs(value - expected) <= 1e-6 * Math.max(1, Math.abs(expected))))
      throw new Error(`expected the parameter to move to ${expected} at ${index} but received ${value}`);
  }
}

const SESSION: ort.InferenceSession.SessionOptions = { graphOptimizationLevel: "all", intraOpNumThreads: 1 };

/** The graph's inputs and parameters by name. */
const tensorsOf = ({ inputs }: OpCase) =>
  new Map(inputs.map(({ name, shape, recipe }): [string, TensorData] => [name, fromRecipe(recipe, shape)]));

/** A model of named inputs with the output and all gradients as its outputs; parameters become inputs. */
export function loweredModel(
  graph: Graph,
  outputs: ReadonlyMap<string, Value>,
  target: Target,
): { model: Uint8Array; inputs: string[] } {
  const onnx = new OnnxGraph("gradcheck");
  const inputs: string[] = [];
  const context = lower(graph, [...outputs.values()], target, onnx, (lowering) => {
    for (const value of [...graph.inputs, ...graph.parameters]) {
      if (value.source.kind !== "input" && value.source.kind !== "parameter") continue;
      inputs.push(value.source.name);
      lowering.setPlain(value, onnx.input(value.source.name, value.dtype, value.shape));
    }
  });
  for (const [name, value] of outputs) onnx.output(context.plain(value), value.dtype, value.shape, name);
  return { model: onnx.toModel(), inputs };
}

async function runLowered(opCase: OpCase, built: Built, target: Target): Promise<Results> {
  const { session, feeds } = await lowered(opCase, built, target);
  try {
    const results = await session.run(feeds);
    const grads = [...built.wanted.keys()].map((name): [string, TensorData] => [
      name,
      plainTensor(results[`d ${name}`]!),
    ]);
    return { output: plainTensor(results.output!), gradients: new Map(grads) };
  } finally {
    await session.release();
  }
}

async function lowered(opCase: OpCase, { graph, output, loss, wanted }: Built, target: Target) {
  const grads = gradients(loss, [...wanted.values()]);
  const outputs = new Map([
    ["output", output],
    ...[...wanted.keys()].map((name, index): [string, Value] => [`d ${name}`, grads[index]!]),
  ]);
  const { model, inputs } = loweredModel(graph, outputs, target);
  const session = await ort.InferenceSession.create(model, SESSION);
  const tensors = tensorsOf(opCase);
  const feeds = Object.fromEntries(inputs.map((name) => [name, ortTensor(tensors.get(name)!)]));
  return { session, feeds };
}

const ortTensor = ({ data, dims }: TensorData) => new ort.Tensor("float32", data as Float32Array, dims);
const plainTensor = ({ data, dims }: ort.Tensor): TensorData => float32(data as Float32Array, dims);

/** Small enough for maxima to stay where they are, large enough for float32. */
const STEP = 2e-3;
/** Where kinks lie in between, each one that a step passes spoils the difference: smaller steps pass fewer, and one free of them suffices. */
const BENT_STEPS = [2e-3, 5e-4, 1e-4, 4e-5];
/** Relative to the gradient's norm, which is what a derivative along random signs is typically as large as. */
const FINITE_DIFFERENCE_TOLERANCE = 5e-3;

/**
 * Compares, for every input, the derivative along a direction of random signs with a central difference. The loss is summed up
 * here, in double precision, from the output alone.
 */
export async function finiteDifferences(opCase: OpCase, lossWeights: Recipe): Promise<string[]> {
  const built = build(opCase, lossWeights, "fed");
  const { session, feeds } = await lowered(opCase, built, { kind: "plain" });
  const weights = fromRecipe(lossWeights, built.output.shape as number[]).data as Float32Array;
  const lossOf = async (changed: Record<string, ort.Tensor>) => {
    const results = await session.run({ ...feeds, ...changed });
    return dot(results.output!.data as Float32Array, weights);
  };
  const failures: string[] = [];
  try {
    const results = await session.run(feeds);
    for (const name of built.wanted.keys()) {
      const { data, dims } = feeds[name]!;
      const x = data as Float32Array;
      const bits = fromRecipe({ kind: "levels", seed: 7, count: 2 }, dims).data as Float32Array;
      const signs = bits.map((bit) => 2 * bit - 1);
      const lossAt = (distance: number) => {
        const shifted = x.map((value, index) => value + distance * signs[index]!);
        return lossOf({ [name]: new ort.Tensor("float32", shifted, dims) });
      };
      const gradient = results[`d ${name}`]!.data as Float32Array;
      const along = dot(gradient, signs);
      const allowed = FINITE_DIFFERENCE_TOLERANCE * Math.max(1, Math.hypot(...gradient));
      const tried: number[] = [];
      for (const step of opCase.bent ? BENT_STEPS : [STEP]) {
        tried.push(((await lossAt(step)) - (await lossAt(-step))) / (2 * step));
        if (Math.abs(tried.at(-1)! - along) <= allowed) break;
      }
      if (!(Math.abs(tried.at(-1)! - along) <= allowed)) {
        failures.push(
          `${opCase.op} (${opCase.case}), gradient of ${name}: along random signs ${along}, by finite difference ${tried} (allowed ${allowed.toExponential(1)})`,
        );
      }
    }
  } finally {
    await session.release();
  }
  return failures;
}

/** Inner product in double precision. */
function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (const [index, value] of a.entries()) sum += value * b[index]!;
  return sum;
}
