// An architecture against torchvision's by ../fixtures/architectures: logits, loss, every parameter's gradient, three AdamW steps, running statistics.

import { readdirSync, readFileSync } from "node:fs";
import {
  adamw,
  buildTrainProgram,
  crossEntropy,
  float32,
  Graph,
  lower,
  OnnxGraph,
  probeTarget,
  type State,
  spatialMean,
  type Target,
  type TensorData,
  TrainingSession,
} from "@ballsight/grad";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { ARCHITECTURES } from "../../src/models/architectures.ts";
import { FROZEN, ModelBuilder, type NormStatistics } from "../../src/models/builder.ts";
import { fromRecipe, projections, type Recipe, uniform, unpacked } from "./formula.ts";

/** What was summed up; the text holds a row of [norm, inner products] per tensor. */
type Kind = "gradients" | "changes" | "buffers";

interface Fixture extends Partial<Record<Kind, string>> {
  shape: [number, number, number, number];
  targets: number[];
  input_seed: number;
  /** Of the vectors by formula with which tensors are multiplied. */
  periods: [number, number];
  lr: number;
  label_smoothing: number;
  features: number;
  recipes: Record<string, Recipe>;
  state: Record<string, [recipe: string, ...shape: number[]]>;
  /** In training mode, first batch. */
  logits: number[];
  /** In evaluation mode, first batch, before any step. */
  evaluation: number[];
  losses: number[];
  /** How far torch's own float32 is from its double precision, the worst of several tries. */
  rounding: Record<"losses" | "logits" | "evaluation", number> & Partial<Record<Kind, number>>;
}

const FOLDER = new URL("../fixtures/architectures/", import.meta.url);
/** Those with numbers; the large ones have their tests among the slow. */
const LARGE = ["resnet34", "resnet50", "mobilenet_v3_large", "convnext_tiny"];
const names = readdirSync(FOLDER).map((file) => file.replace(/\.json$/, ""));
export const large = names.filter((name) => LARGE.includes(name));
export const small = names.filter((name) => !LARGE.includes(name));

const CLASSES = 10;
const MOMENTUM = 0.9;
/** How much further from double precision than torch's float32 this one may be, and what is always allowed. */
export const ROOM = 6;
export const ALWAYS = 2e-5;

const probed = await probeTarget(ort);
const targets: Target[] = probed.kind === "blocked" ? [{ kind: "plain" }, probed] : [{ kind: "plain" }];

export const read = (name: string): Fixture => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"));
export const data = (state: State, name: string) => state.get(name)?.data as Float32Array | undefined;
/** Distance as a share of what was expected. */
export const far = (actual: ArrayLike<number>, expected: readonly number[]) =>
  Math.hypot(...expected.map((value, i) => value - actual[i]!)) / Math.hypot(...expected);

function oneHot({ targets }: Fixture): TensorData {
  const hot = new Float32Array(targets.length * CLASSES);
  for (const [row, label] of targets.entries()) hot[row * CLASSES + label] = 1;
  return float32(hot, [targets.length, CLASSES]);
}

function classify(name: string, fixture: Fixture, builder: ModelBuilder) {
  const x = builder.graph.input("x", "float32", fixture.shape);
  const map = ARCHITECTURES[name]!.body(builder, x, "symmetric");
  expect(map.shape).toEqual([fixture.shape[0], fixture.features, fixture.shape[2] / 32, fixture.shape[3] / 32]);
  return { x, logits: builder.linear(spatialMean(map), "head", CLASSES) };
}

async function evaluate(name: string, fixture: Fixture, state: State): Promise<Float32Array> {
  const builder = new ModelBuilder(new Graph(), { state, ...FROZEN });
  const { x, logits } = classify(name, fixture, builder);
  expect([...builder.used].sort()).toEqual(Object.keys(fixture.state).sort());
  const onnx = new OnnxGraph(name);
  const context = lower(builder.graph, [logits], { kind: "plain" }, onnx, (lowering) => {
    lowering.setPlain(x, onnx.input("x", "float32", x.shape));
  });
  onnx.output(context.plain(logits), "float32", logits.shape, "logits");
  const session = await ort.InferenceSession.create(onnx.toModel());
  const batch = uniform(fixture.input_seed, -1, 1, fixture.shape);
  const result = await session.run({ x: new ort.Tensor("float32", batch.data, fixture.shape) });
  await session.release();
  return result.logits!.data as Float32Array;
}

export async function train(
  name: string,
  fixture: Fixture,
  state: State,
  target: Target,
  statistics: NormStatistics = "batch",
  onGpu = false,
) {
  const graph = new Graph();
  const builder = new ModelBuilder(graph, { state, policy: () => 0, statistics: () => statistics });
  const { logits } = classify(name, fixture, builder);
  const soft = graph.input("targets", "float32", [fixture.shape[0], CLASSES]);
  const loss = crossEntropy(logits, soft, { labelSmoothing: fixture.label_smoothing });
  const program = buildTrainProgram(graph, { loss, optimizer: adamw(), target, outputs: { logits } });
  const options = onGpu ? { executionProviders: ["webgpu"], logSeverityLevel: 3 as const } : {};
  const session = await TrainingSession.create(ort, program, options, onGpu);
  try {
    session.load(state);
    const losses: number[] = [];
    let first: { logits: Float32Array; state: State } | undefined;
    for (const step of fixture.losses.keys()) {
      const inputs = { x: uniform(fixture.input_seed + step, -1, 1, fixture.shape), targets: oneHot(fixture) };
      const hyper = { lr: [fixture.lr], momentum: MOMENTUM, step: step + 1, weightDecay: 0.01 };
      const { outputs } = await session.step(inputs, hyper);
      losses.push(outputs.loss!.data[0] as number);
      first ??= { logits: outputs.logits!.data as Float32Array, state: await session.save() };
    }
    return { losses, first: first!, last: await session.save() };
  } finally {
    await session.release();
  }
}

export const byFormula = ({ state, recipes }: Fixture): State =>
  new Map(
    Object.entries(state).map(([name, [recipe, ...shape]], seed) => [name, fromRecipe(recipes[recipe]!, seed, shape)]),
  );

/**
 * Tensors of which a sum differs by more than is allowed. Norms are measured by the tensor's norm as architectures.py has it, inner products
 * by three times that, since the vectors' entries are up to one.
 */
function differences(
  kind: Kind,
  fixture: Fixture,
  vectors: readonly [Float32Array, Float32Array],
  actual: (name: string, size: number) => Float32Array,
): string[] {
  const buffer = /running_(mean|var)$/;
  const tensors = Object.keys(fixture.state).filter((name) => buffer.test(name) === (kind === "buffers"));
  if (tensors.length === 0) return [];
  const rows = unpacked(fixture[kind]!);
  const width = 3;
  expect(rows.length).toBe(width * tensors.length);
  const largest = rows.reduce((max, value, i) => (i % width === 0 ? Math.max(max, value) : max), 0);
  const tolerance = ROOM * fixture.rounding[kind]! + ALWAYS;
  return tensors.flatMap((name, index) => {
    const size = fixture.state[name]!.slice(1).reduce<number>((product, dim) => product * (dim as number), 1);
    const expected = rows.subarray(width * index, width * (index + 1));
    const scale =
      kind === "changes"
        ? fixture.lr * fixture.losses.length * Math.sqrt(size)
        : Math.max(expected[0]!, 1e-3 * largest);
    return projections(actual(name, size), vectors).flatMap((value, i) => {
      const allowed = tolerance * scale * (i === 0 ? 1 : 3);
      const what = `${kind} of ${name}, ${i === 0 ? "norm" : `inner product ${i}`}`;
      // NaN is no smaller than anything.
      return Math.abs(value - expected[i]!) <= allowed
        ? []
        : [`${what}: expected ${expected[i]} but received ${value} (allowed ${allowed.toExponential(1)})`];
    });
  });
}

/** Tests of one architecture, on both targets. */
export function againstTorchvision(name: string): void {
  const fixture = read(name);
  const { rounding } = fixture;
  const allowed = (kind: keyof typeof rounding) => ROOM * rounding[kind]! + ALWAYS;
  let made: State | undefined;
  const initial = () => {
    made ??= byFormula(fixture);
    return made;
  };

  test("in evaluation, with torchvision's parameters and no other", async () => {
    expect(ARCHITECTURES[name]!.features).toBe(fixture.features);
    expect(far(await evaluate(name, fixture, initial()), fixture.evaluation)).toBeLessThan(allowed("evaluation"));
  });

  test.each(targets)("three steps of training, $kind", async (target) => {
    const state = initial();
    const { losses, first, last } = await train(name, fixture, state, target);
    expect(far(first.logits, fixture.logits)).toBeLessThan(allowed("logits"));
    for (const [step, loss] of fixture.losses.entries())
      expect(Math.abs(losses[step]! / loss - 1), `loss of step ${step + 1}`).toBeLessThan(allowed("losses"));

    const vector = (seed: 1 | 2) => uniform(seed, -1, 1, [fixture.periods[seed - 1]!]).data;
    const vectors = [vector(1), vector(2)] as const;
    const none = (size: number) => new Float32Array(size);
    // After one step Adam's first moment is a tenth of the gradient. What does not train has none: biases in front of a norm.
    const gradient = (key: string, size: number) =>
      data(first.state, `exp_avg.${key}`)?.map((value) => value / (1 - MOMENTUM)) ?? none(size);
    const change = (key: string, size: number) => {
      const before = data(state, key)!;
      return data(last, key)?.map((value, i) => value - before[i]!) ?? none(size);
    };
    expect(differences("gradients", fixture, vectors, gradient)).toEqual([]);
    expect(differences("changes", fixture, vectors, change)).toEqual([]);
    expect(differences("buffers", fixture, vectors, (key) => data(last, key)!)).toEqual([]);
  });
}
