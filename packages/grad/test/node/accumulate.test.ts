// Gradient accumulation: several batches for one step are one batch as large as all of them, where no op looks across a batch.

import * as ort from "onnxruntime-node";
import { afterEach, describe, expect, test } from "vitest";
import type { Target } from "../../src/lowering/context.ts";
import { probeTarget } from "../../src/lowering/probe.ts";
import { relu } from "../../src/ops/activation.ts";
import { conv2d } from "../../src/ops/conv.ts";
import { Graph, type Value } from "../../src/ops/graph.ts";
import { softCrossEntropy } from "../../src/ops/loss.ts";
import { linear } from "../../src/ops/matmul.ts";
import { batchNorm } from "../../src/ops/norm.ts";
import { maxPool, spatialMean } from "../../src/ops/pool.ts";
import { adamw } from "../../src/optim/adamw.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";
import { sgd } from "../../src/optim/sgd.ts";
import type { OrtRuntime } from "../../src/runtime.ts";
import { float32, type TensorData } from "../../src/tensor.ts";
import { buildTrainProgram } from "../../src/train/program.ts";
import { type State, TrainingSession } from "../../src/train/session.ts";
import { fromRecipe, uniform } from "../helpers/recipes.ts";

const probed = await probeTarget(ort);
const targets: Target[] = probed.kind === "blocked" ? [{ kind: "plain" }, probed] : [{ kind: "plain" }];

const open: TrainingSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.release();
});

const norm = (graph: Graph, x: Value) =>
  batchNorm(x, {
    gamma: graph.parameter("norm.weight", [16], { group: 0, decay: false }),
    beta: graph.parameter("norm.bias", [16], { group: 0, decay: false }),
    runningMean: graph.buffer("norm.running_mean", [16]),
    runningVariance: graph.buffer("norm.running_var", [16]),
  });

/** Convolution, pooling and a linear layer in two groups, over [batch, 3, 10, 10]. */
function network(batch: number, withNorm: boolean) {
  const graph = new Graph();
  const x = graph.input("x", "float32", [batch, 3, 10, 10]);
  const stem = conv2d(x, graph.parameter("stem", [16, 3, 3, 3]), graph.parameter("stem.bias", [16]), { padding: 1 });
  const features = spatialMean(maxPool(relu(withNorm ? norm(graph, stem) : stem), 2, { stride: 2 }));
  const logits = linear(features, graph.parameter("head", [5, 16], { group: 1, decay: true }));
  return { graph, loss: softCrossEntropy(logits, graph.input("targets", "float32", [batch, 5])) };
}

const STATE: State = new Map<string, TensorData>([
  ["stem", fromRecipe(uniform(1, -0.5, 0.5), [16, 3, 3, 3])],
  ["stem.bias", fromRecipe(uniform(2), [16])],
  ["head", fromRecipe(uniform(3), [5, 16])],
  ["norm.weight", fromRecipe(uniform(4, 0.5, 1.5), [16])],
  ["norm.bias", fromRecipe(uniform(5), [16])],
  ["norm.running_mean", fromRecipe(uniform(6), [16])],
  ["norm.running_var", fromRecipe(uniform(7, 0.5, 1.5), [16])],
]);

interface Options {
  readonly batch: number;
  readonly target: Target;
  readonly optimizer: Optimizer;
  readonly accumulate?: boolean;
  readonly withNorm?: boolean;
}

async function start({ batch, target, optimizer, accumulate = false, withNorm = false }: Options) {
  const { graph, loss } = network(batch, withNorm);
  const program = buildTrainProgram(graph, { loss, optimizer, target, average: true, accumulate });
  const session = await TrainingSession.create(ort, program);
  open.push(session);
  session.load(STATE);
  return session;
}

const ALL = 12;

/** Photos and targets `from` to `to` of a step's twelve. */
function part(step: number, from: number, to: number): Record<string, TensorData> {
  const rows = ({ data }: TensorData, size: number) => (data as Float32Array).slice(from * size, to * size);
  const x = fromRecipe(uniform(20 + step), [ALL, 3, 10, 10]);
  const soft = fromRecipe({ kind: "distribution", seed: 40 + step }, [ALL, 5]);
  return { x: float32(rows(x, 300), [to - from, 3, 10, 10]), targets: float32(rows(soft, 5), [to - from, 5]) };
}

const hyper = (step: number) => ({ lr: [0.01, 0.03], momentum: 0.9, step, weightDecay: 0.1, average: 0.8 });

/** Three steps of twelve photos in batches of `batch`; the mean loss of each. */
async function steps(session: TrainingSession, batch: number): Promise<number[]> {
  const losses: number[] = [];
  for (let step = 1; step <= 3; step++) {
    let sum = 0;
    for (let from = 0; from < ALL; from += batch) {
      const inputs = part(step, from, from + batch);
      const last = from + batch === ALL;
      const { outputs } = await (last ? session.step(inputs, hyper(step)) : session.accumulate(inputs));
      sum += outputs.loss!.data[0] as number;
    }
    losses.push((sum * batch) / ALL);
  }
  return losses;
}

/** Largest distance of any value of two states, as a share of the tensor's largest magnitude. */
function furthest(a: State, b: State): number {
  expect([...a.keys()]).toEqual([...b.keys()]);
  return Math.max(
    ...[...a].map(([name, { data }]) => {
      const other = b.get(name)!.data as Float32Array;
      const largest = other.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-30);
      return (data as Float32Array).reduce((max, value, i) => Math.max(max, Math.abs(value - other[i]!)), 0) / largest;
    }),
  );
}

describe.each(targets)("accumulated gradients, $kind", (target) => {
  test.each([
    [6, adamw()],
    [3, adamw()],
    [3, sgd()],
  ])("of batches of %i out of twelve make the steps of the twelve", async (batch, optimizer) => {
    const whole = await start({ batch: ALL, target, optimizer });
    const parts = await start({ batch, target, optimizer, accumulate: true });
    const losses = await steps(whole, ALL);
    for (const [i, loss] of (await steps(parts, batch)).entries()) expect(loss).toBeCloseTo(losses[i]!, 5);
    const state = await whole.save();
    expect(furthest(await parts.save(), state)).toBeLessThan(2e-5);
    // Far from where it began, or nothing would be proved; averages, too, follow each step once.
    for (const [name, start] of [
      ["stem", "stem"],
      ["stem.bias", "stem.bias"],
      ["head", "head"],
      ["average.head", "head"],
    ] as const)
      expect(furthest(new Map([[name, state.get(name)!]]), new Map([[name, STATE.get(start)!]]))).toBeGreaterThan(5e-3);
  });

  test("of one batch per step are that step, bit for bit", async () => {
    const fused = await start({ batch: ALL, target, optimizer: adamw(), withNorm: true });
    const summed = await start({ batch: ALL, target, optimizer: adamw(), withNorm: true, accumulate: true });
    expect(await steps(summed, ALL)).toEqual(await steps(fused, ALL));
    expect(furthest(await summed.save(), await fused.save())).toBe(0);
  });

  test("move running statistics with every batch, as torch does", async () => {
    const session = await start({ batch: 6, target, optimizer: sgd(), withNorm: true, accumulate: true });
    const before = STATE.get("norm.running_mean")!.data as Float32Array;
    await session.accumulate(part(1, 0, 6));
    const once = (await session.save()).get("norm.running_mean")!.data as Float32Array;
    await session.accumulate(part(1, 0, 6));
    const twice = (await session.save()).get("norm.running_mean")!.data as Float32Array;
    // The same batch again, the parameters standing still: each time a tenth of the way to its mean.
    for (const [i, value] of twice.entries()) expect(value - once[i]!).toBeCloseTo(0.9 * (once[i]! - before[i]!), 5);
    expect(once).not.toEqual(before);
    expect((await session.save()).get("stem")).toEqual(STATE.get("stem"));
  });

  test("are forgotten when a state is loaded", async () => {
    const session = await start({ batch: 6, target, optimizer: sgd(), accumulate: true });
    const fresh = await start({ batch: 6, target, optimizer: sgd(), accumulate: true });
    await session.accumulate(part(2, 0, 6));
    session.load(STATE);
    for (const one of [session, fresh]) await one.step(part(1, 0, 6), hyper(1));
    expect(await session.save()).toEqual(await fresh.save());
  });

  test("whose step cannot be opened leave no session open", async () => {
    const { graph, loss } = network(6, false);
    const program = buildTrainProgram(graph, { loss, optimizer: sgd(), target, accumulate: true });
    const open = new Set<object>();
    let opened = 0;
    const create = async (model: Uint8Array) => {
      if (model === program.update) throw new Error("no memory");
      opened += 1;
      const session = { release: async () => void open.delete(session) };
      open.add(session);
      return session;
    };
    const runtime = { Tensor: ort.Tensor, InferenceSession: { create } } as unknown as OrtRuntime;
    await expect(TrainingSession.create(runtime, program)).rejects.toThrow("no memory");
    expect(opened).toBeGreaterThan(0);
    expect(open.size).toBe(0);
  });

  test("need a program that is built for them", async () => {
    const session = await start({ batch: 6, target, optimizer: sgd() });
    await expect(session.accumulate(part(1, 0, 6))).rejects.toMatchObject({ code: "BAD_STATE" });
  });
});
