// Optimisers, weight averages and running statistics over several steps, on both targets, against fastai's formulas and torch.

import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { afterEach, describe, expect, test } from "vitest";
import type { Target } from "../../src/lowering/context.ts";
import { probeTarget } from "../../src/lowering/probe.ts";
import { conv2d } from "../../src/ops/conv.ts";
import { add, mul } from "../../src/ops/elementwise.ts";
import { Graph, type Value } from "../../src/ops/graph.ts";
import { batchNorm } from "../../src/ops/norm.ts";
import { reduceSum } from "../../src/ops/reduce.ts";
import { adamw } from "../../src/optim/adamw.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { float32, type TensorData } from "../../src/tensor.ts";
import { buildTrainProgram } from "../../src/train/program.ts";
import { type State, TrainingSession } from "../../src/train/session.ts";
import { difference, type Expected, fromRecipe, uniform, unpacked } from "../helpers/recipes.ts";

type History = Record<string, Expected>[];

const fixture: {
  lr: number[][];
  momentum: number[];
  weight_decay: number;
  average_decay: number[];
  parameters: { name: string; shape: number[]; group: number; decay: boolean }[];
  gradients: string[][];
  adamw: History;
  sgd: History;
  torch_adamw: History;
  torch_sgd: History;
  batch_norm: { mean: Expected; variance: Expected };
} = JSON.parse(readFileSync(new URL("../fixtures/optimizers.json", import.meta.url), "utf8"));

const PLAIN: Target = { kind: "plain" };
const probed = await probeTarget(ort);
const targets = probed.kind === "blocked" ? [PLAIN, probed] : [PLAIN];

/** Sessions to release after each test. */
const open: TrainingSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.release();
});

async function start(graph: Graph, loss: Value, optimizer: Optimizer, target: Target, state: State, average = false) {
  const session = await TrainingSession.create(ort, buildTrainProgram(graph, { loss, optimizer, target, average }));
  open.push(session);
  session.load(state);
  return session;
}

const gradientName = (name: string) => `gradient of ${name}`;

/** The sum of parameter times a fed gradient: that is its gradient, whatever the parameter's value. */
function linearLoss(parameters: readonly Value[]): Value {
  return parameters
    .map((parameter) => {
      const name = parameter.source.kind === "parameter" ? parameter.source.name : "";
      const product = mul(parameter, parameter.graph.input(gradientName(name), "float32", parameter.shape));
      return reduceSum(
        product,
        parameter.shape.map((_, axis) => axis),
      );
    })
    .reduce(add);
}

/** Copies of each parameter beside each other, so that the numbers of all fill blocks. */
const COPIES = 16;

const copied = ({ data, dims }: TensorData): TensorData =>
  float32(
    Float32Array.from({ length: COPIES * data.length }, (_, i) => data[i % data.length] as number),
    [COPIES, ...dims],
  );

/** The last copy, behind others that must be the same. */
function oneOf({ data, dims }: TensorData): TensorData {
  const size = data.length / COPIES;
  expect(data.findIndex((value, i) => value !== data[i % size])).toBe(-1);
  return float32((data as Float32Array).slice(-size), dims.slice(1));
}

/** The state after every step on the fixture's parameters and gradients. */
async function run(
  optimizer: Optimizer,
  { target = PLAIN, momentum = fixture.momentum, weightDecay = fixture.weight_decay, average = true } = {},
): Promise<State[]> {
  const graph = new Graph();
  const parameters = fixture.parameters.map(({ name, shape, group, decay }) =>
    graph.parameter(name, [COPIES, ...shape], { group, decay }),
  );
  const initial = fixture.parameters.map(({ name, shape }, i): [string, TensorData] => [
    name,
    copied(fromRecipe(uniform(50 + i, -2, 2), shape)),
  ]);
  const session = await start(graph, linearLoss(parameters), optimizer, target, new Map(initial), average);
  const states: State[] = [];
  for (const [index, lr] of fixture.lr.entries()) {
    const inputs = fixture.parameters.map(({ name, shape }, i) => [
      gradientName(name),
      copied(float32(unpacked(fixture.gradients[i]![index]!), shape)),
    ]);
    await session.step(Object.fromEntries(inputs), {
      lr,
      momentum: momentum[index]!,
      step: index + 1,
      weightDecay,
      average: fixture.average_decay[index]!,
    });
    states.push(new Map([...(await session.save())].map(([name, tensor]) => [name, oneOf(tensor)])));
  }
  return states;
}

/** Everything that the history names, after every step. */
function differences(states: readonly State[], history: History, tolerance: number): string[] {
  return history.flatMap((snapshot, step) =>
    Object.entries(snapshot).flatMap(([name, expected]) => {
      const sentence = difference(states[step]!.get(name)!, expected, tolerance);
      return sentence === undefined ? [] : [`step ${step + 1}, ${name}: ${sentence}`];
    }),
  );
}

const ROUNDING = 2e-6;
const held = fixture.lr.map(() => 0.9);

describe("adamw", () => {
  test("fastai's scalar test vector", async () => {
    const graph = new Graph();
    const session = await start(
      graph,
      linearLoss([graph.parameter("p", [1])]),
      adamw(),
      PLAIN,
      new Map([["p", float32([1])]]),
    );
    const seen: number[] = [];
    for (const [index, gradient] of [0.1, 0.2, -0.1].entries()) {
      const hyper = { lr: [0.01], momentum: 0.9, step: index + 1, weightDecay: 0.01 };
      await session.step({ [gradientName("p")]: float32([gradient]) }, hyper);
      seen.push((await session.save()).get("p")!.data[0] as number);
    }
    for (const [index, value] of [0.989901, 0.98016387, 0.975865222].entries())
      expect(seen[index]).toBeCloseTo(value, 6);
  });

  test.each(targets)(
    "groups, decay, moving momentum and rates, moments and averages against fastai's formulas, $kind",
    async (target) => {
      expect(differences(await run(adamw(), { target }), fixture.adamw, ROUNDING)).toEqual([]);
    },
  );

  test.each(targets)("torch.optim.AdamW at constant momentum, $kind", async (target) => {
    const states = await run(adamw(), { target, momentum: held, average: false });
    expect(differences(states, fixture.torch_adamw, ROUNDING)).toEqual([]);
  });

  test.each(targets)("a rate of zero leaves parameters as they are, $kind", async (target) => {
    const graph = new Graph();
    const data = Float32Array.from({ length: 32 }, (_, i) => (i - 16) / 8);
    const p = graph.parameter("p", [32]);
    const session = await start(graph, linearLoss([p]), adamw(), target, new Map([["p", float32(data)]]));
    await session.step({ [gradientName("p")]: float32(data) }, { lr: [0], momentum: 0.9, step: 1, weightDecay: 0.1 });
    const after = (await session.save()).get("p")!.data as Float32Array;
    expect([...after]).toEqual([...data]);
  });

  test("a parameter larger than a pack and its neighbours, each in its place", async () => {
    const graph = new Graph();
    const shapes: Record<string, number[]> = {
      first: [3],
      huge: [600, 500],
      last: [5],
      large: [400, 400],
      end: [2, 2],
    };
    const parameters = Object.entries(shapes).map(([name, shape]) => graph.parameter(name, shape));
    const ramp = (shape: number[], by: number) =>
      float32(
        Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => by * ((i % 1000) + 1)),
        shape,
      );
    const initial = Object.entries(shapes).map(([name, shape]): [string, TensorData] => [name, ramp(shape, 1)]);
    const session = await start(graph, linearLoss(parameters), sgd(), PLAIN, new Map(initial));
    const inputs = Object.entries(shapes).map(([name, shape]) => [gradientName(name), ramp(shape, 0.5)]);
    await session.step(Object.fromEntries(inputs), { lr: [1], momentum: 0, step: 1, weightDecay: 0 });
    for (const [name, { data, dims }] of await session.save()) {
      if (name.includes(".")) continue;
      const expected = ramp(dims as number[], 0.5).data as Float32Array;
      expect(
        (data as Float32Array).findIndex((value, i) => value !== expected[i]),
        name,
      ).toBe(-1);
    }
  });
});

describe("sgd", () => {
  test.each(targets)("groups, decay, moving momentum and rates, buffers and averages, $kind", async (target) => {
    expect(differences(await run(sgd(), { target }), fixture.sgd, ROUNDING)).toEqual([]);
  });

  test("torch.optim.SGD without decay", async () => {
    // torch's SGD adds the decay to the gradient; here it is decoupled.
    const states = await run(sgd(), { momentum: held, weightDecay: 0, average: false });
    expect(differences(states, fixture.torch_sgd, ROUNDING)).toEqual([]);
  });
});

describe.each(targets)("running statistics, $kind", (target) => {
  test("follow torch's over three batches, variance unbiased", async () => {
    const graph = new Graph();
    const shape = [3, 24, 3, 5];
    // A convolution that changes nothing brings the value into the target's layout.
    const ones = graph.constant(float32(new Float32Array(24).fill(1), [24, 1, 1, 1]));
    const x = conv2d(graph.input("x", "float32", shape), ones, undefined, { groups: 24 });
    const y = batchNorm(x, {
      gamma: graph.parameter("gamma", [24]),
      beta: graph.parameter("beta", [24]),
      runningMean: graph.buffer("mean", [24]),
      runningVariance: graph.buffer("variance", [24]),
    });
    const filled = (value: number) => float32(new Float32Array(24).fill(value));
    const state = { gamma: filled(1), beta: filled(0), mean: filled(0), variance: filled(1) };
    const session = await start(graph, reduceSum(y, [0, 1, 2, 3]), sgd(), target, new Map(Object.entries(state)), true);
    const expected = [];
    for (let step = 0; step < 3; step++) {
      const hyper = { lr: [0], momentum: 0, step: step + 1, weightDecay: 0, average: 0.5 };
      await session.step({ x: fromRecipe(uniform(60 + step, -1 + step, 2), shape) }, hyper);
      expected.push((await session.save()).get("mean")!.data[5] as number);
    }
    const saved = await session.save();
    expect(difference(saved.get("mean")!, fixture.batch_norm.mean, ROUNDING)).toBeUndefined();
    expect(difference(saved.get("variance")!, fixture.batch_norm.variance, ROUNDING)).toBeUndefined();
    const averaged = expected.reduce((average, value) => (average + value) / 2, 0);
    expect(saved.get("average.mean")!.data[5]).toBeCloseTo(averaged, 6);
  });
});
