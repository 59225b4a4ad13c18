// The training session: same seed, same bits; state in and out in plain order; and graphs whose batch size stays free.

import * as ort from "onnxruntime-node";
import { afterEach, describe, expect, test } from "vitest";
import { GradError } from "../../src/errors.ts";
import type { Target } from "../../src/lowering/context.ts";
import { probeTarget } from "../../src/lowering/probe.ts";
import { hardSwish, relu, relu6 } from "../../src/ops/activation.ts";
import { conv2d } from "../../src/ops/conv.ts";
import { dropout } from "../../src/ops/dropout.ts";
import { add } from "../../src/ops/elementwise.ts";
import { Graph, type Value } from "../../src/ops/graph.ts";
import { crossEntropy } from "../../src/ops/loss.ts";
import { linear } from "../../src/ops/matmul.ts";
import { batchNorm, batchNormEval } from "../../src/ops/norm.ts";
import { averagePool, globalAveragePool, globalMaxPool, maxPool, spatialMean } from "../../src/ops/pool.ts";
import { concat, expandLike, flatten } from "../../src/ops/reshape.ts";
import { adamw } from "../../src/optim/adamw.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { bytesOf, float32, type TensorData } from "../../src/tensor.ts";
import { buildTrainProgram } from "../../src/train/program.ts";
import { type State, TrainingSession } from "../../src/train/session.ts";
import { loweredModel } from "../helpers/gradcheck.ts";
import { fromRecipe, uniform } from "../helpers/recipes.ts";

const PLAIN: Target = { kind: "plain" };
const probed = await probeTarget(ort);
const targets = probed.kind === "blocked" ? [PLAIN, probed] : [PLAIN];

const open: TrainingSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.release();
});

const SHAPE = [4, 3, 17, 16];

/** A small network with everything that trains in parallel: convolutions, norms, pooling with overlap, a residual, dropout. */
function network() {
  const graph = new Graph();
  const norm = (x: Value, name: string) => {
    const shape = [x.shape[1] as number];
    return batchNorm(x, {
      gamma: graph.parameter(`${name}.weight`, shape, { group: 0, decay: false }),
      beta: graph.parameter(`${name}.bias`, shape, { group: 0, decay: false }),
      runningMean: graph.buffer(`${name}.running_mean`, shape),
      runningVariance: graph.buffer(`${name}.running_var`, shape),
    });
  };
  const x = graph.input("x", "float32", SHAPE);
  const stem = conv2d(x, graph.parameter("stem", [24, 3, 3, 3]), undefined, { stride: 2, padding: 1 });
  const pooled = maxPool(relu6(norm(stem, "a")), 3, { stride: 2, padding: 1 });
  const depthwise = conv2d(pooled, graph.parameter("depthwise", [24, 1, 3, 3]), undefined, { padding: 1, groups: 24 });
  const residual = relu(add(norm(depthwise, "b"), pooled));
  const dense = hardSwish(
    norm(conv2d(residual, graph.parameter("dense", [40, 24, 3, 3]), undefined, { padding: 1 }), "c"),
  );
  const features = dropout(spatialMean(dense), 0.5, "mask");
  const head = {
    weight: graph.parameter("head", [5, 40], { group: 1, decay: true }),
    bias: graph.parameter("bias", [5]),
  };
  const logits = linear(features, head.weight, head.bias);
  const loss = crossEntropy(logits, graph.input("targets", "float32", [4, 5]), { labelSmoothing: 0.1 });
  return { graph, loss, logits };
}

function initial({ parameters, buffers }: Graph): State {
  return new Map(
    [...parameters, ...buffers].map((value, index): [string, TensorData] => {
      const name = value.source.kind === "parameter" || value.source.kind === "buffer" ? value.source.name : "";
      const positive = name.endsWith("running_var") || name.endsWith(".weight");
      return [
        name,
        fromRecipe(positive ? uniform(index, 0.5, 1.5) : uniform(index, -0.3, 0.3), value.shape as number[]),
      ];
    }),
  );
}

async function start(target: Target, state?: State) {
  const { graph, loss, logits } = network();
  const program = buildTrainProgram(graph, { loss, optimizer: adamw(), target, outputs: { logits }, average: true });
  const session = await TrainingSession.create(ort, program);
  open.push(session);
  session.load(state ?? initial(graph));
  return session;
}

async function steps(session: TrainingSession, from: number, to: number): Promise<number[]> {
  const losses: number[] = [];
  for (let step = from; step <= to; step++) {
    const { outputs } = await session.step(
      {
        x: fromRecipe(uniform(step), SHAPE),
        targets: fromRecipe({ kind: "oneHot", seed: step }, [4, 5]),
        mask: fromRecipe({ kind: "mask", seed: step, p: 0.5 }, [4, 40]),
      },
      { lr: [0.01, 0.02], momentum: 0.9 + step / 100, step, weightDecay: 0.01, average: 0.5 },
    );
    losses.push(outputs.loss!.data[0] as number);
  }
  return losses;
}

const hex = (state: State) =>
  Object.fromEntries([...state].map(([name, { data }]) => [name, Buffer.from(bytesOf(data)).toString("hex")]));

describe.each(targets)("training, $kind", (target) => {
  test("the same steps in two sessions give the same bytes", async () => {
    const [one, two] = [await start(target), await start(target)];
    const losses = await steps(one, 1, 3);
    expect(await steps(two, 1, 3)).toEqual(losses);
    const state = hex(await one.save());
    expect(hex(await two.save())).toEqual(state);
    // Values, both moments and averages of 13 parameters; values and averages of 6 statistics.
    expect(Object.keys(state)).toHaveLength(11 * 4 + 6 * 2);
  });

  test("a state saved and loaded goes on with the same bytes", async () => {
    const whole = await start(target);
    await steps(whole, 1, 3);
    const first = await start(target);
    await steps(first, 1, 2);
    const second = await start(target, await first.save());
    await steps(second, 3, 3);
    expect(hex(await second.save())).toEqual(hex(await whole.save()));
  });

  test("what is loaded is what is saved, in plain order", async () => {
    const { graph } = network();
    const state = initial(graph);
    const session = await start(target);
    const saved = await session.save();
    for (const [name, tensor] of state) expect(saved.get(name), name).toEqual(tensor);
    for (const [name, tensor] of state) expect(saved.get(`average.${name}`), name).toEqual(tensor);
    expect(saved.get("exp_avg.dense")!.data.every((value) => value === 0)).toBe(true);
  });

  test("a state that lacks a tensor, or has one of another shape, is refused by name", async () => {
    const session = await start(target);
    const state = new Map(initial(network().graph));
    const without = new Map([...state].filter(([name]) => name !== "dense"));
    expect(() => session.load(without)).toThrow(
      new GradError("BAD_STATE", "expected a tensor for `dense` but found none"),
    );
    const wrong = new Map([...state, ["b.running_mean", float32([1, 2])] as const]);
    expect(() => session.load(wrong)).toThrow(
      new GradError("BAD_STATE", "expected shape [24] for `b.running_mean` but received [2]"),
    );
    for (const key of ["exp_avg.dense", "average.b.running_mean"])
      expect(() => session.load(new Map([...state, [key, float32([1, 2])] as const]))).toThrow(`for \`${key}\` but`);
  });
});

test.runIf(targets.length > 1)("both targets train alike", async () => {
  const [plain, blocked] = [await start(targets[0]!), await start(targets[1]!)];
  const losses = await steps(plain, 1, 3);
  for (const [index, loss] of (await steps(blocked, 1, 3)).entries()) expect(loss).toBeCloseTo(losses[index]!, 4);
});

test.runIf(targets.length > 1)("a filter kept in parts trains as a whole one, 16 pictures at a time", async () => {
  const shapes = { x: [16, 128, 3, 2], w: [1024, 128, 3, 3] };
  const ends = [];
  for (const target of targets) {
    const graph = new Graph();
    const y = conv2d(graph.input("x", "float32", shapes.x), graph.parameter("w", shapes.w), undefined, { padding: 1 });
    const logits = linear(spatialMean(y), graph.parameter("head", [5, 1024]), graph.parameter("bias", [5]));
    const loss = crossEntropy(logits, graph.input("targets", "float32", [16, 5]));
    const program = buildTrainProgram(graph, { loss, optimizer: sgd(), target });
    const parts = program.packs.filter(({ entries }) => entries.some(({ name }) => name === "w")).length;
    expect(parts).toBe(target.kind === "plain" ? 1 : 2);
    const session = await TrainingSession.create(ort, program);
    open.push(session);
    session.load(initial(graph));
    for (let step = 1; step <= 2; step++)
      await session.step(
        { x: fromRecipe(uniform(step), shapes.x), targets: fromRecipe({ kind: "oneHot", seed: step }, [16, 5]) },
        { lr: [1], momentum: 0.9, step, weightDecay: 0.01 },
      );
    ends.push((await session.save()).get("w")!.data as Float32Array);
  }
  const [plain, blocked] = ends as [Float32Array, Float32Array];
  const moved = fromRecipe(uniform(0, -0.3, 0.3), shapes.w).data as Float32Array;
  const largest = (of: (i: number) => number) => plain.reduce((most, _, i) => Math.max(most, Math.abs(of(i))), 0);
  expect(largest((i) => plain[i]! - moved[i]!)).toBeGreaterThan(1e-2);
  expect(largest((i) => plain[i]! - blocked[i]!)).toBeLessThan(1e-5);
});

describe.each(targets)("a free batch size, $kind", (target) => {
  /** Inference ops, frozen weights, [N, 3, 12, 12] in. */
  function inference(n: number | string) {
    const graph = new Graph();
    const constant = (seed: number, shape: number[], low = -0.5, high = 0.5) =>
      graph.constant(fromRecipe(uniform(seed, low, high), shape));
    const x = graph.input("x", "float32", [n, 3, 12, 12]);
    const stem = relu6(conv2d(x, constant(1, [24, 3, 3, 3]), constant(2, [24]), { stride: 2, padding: [0, 0, 1, 1] }));
    const normed = batchNormEval(stem, {
      gamma: constant(3, [24]),
      beta: constant(4, [24]),
      runningMean: constant(5, [24]),
      runningVariance: constant(6, [24], 0.5, 2),
    });
    const depthwise = hardSwish(conv2d(normed, constant(7, [24, 1, 3, 3]), undefined, { padding: 1, groups: 24 }));
    const gate = conv2d(globalAveragePool(depthwise), constant(8, [24, 24, 1, 1]));
    const excited = add(depthwise, expandLike(gate, depthwise));
    const pools = [maxPool(excited, 3, { stride: 2, padding: 1 }), averagePool(excited, 2)];
    const map = conv2d(concat(pools, 1), constant(9, [20, 24, 1, 1]), undefined, { groups: 2 });
    const features = flatten(concat([globalMaxPool(map), globalAveragePool(map)], 1));
    return { graph, y: linear(features, constant(10, [5, 40]), constant(11, [5])) };
  }

  async function run(n: number | string, batch: number) {
    const { graph, y } = inference(n);
    const { model } = loweredModel(graph, new Map([["y", y]]), target);
    const session = await ort.InferenceSession.create(model);
    try {
      const { data } = fromRecipe(uniform(20), [5, 3, 12, 12]);
      const part = (data as Float32Array).slice(0, batch * 3 * 12 * 12);
      return (await session.run({ x: new ort.Tensor("float32", part, [batch, 3, 12, 12]) })).y!;
    } finally {
      await session.release();
    }
  }

  test("answers any number of pictures, each as in a fixed batch", async () => {
    const fixed = await run(5, 5);
    for (const batch of [1, 2, 5]) {
      const free = await run("N", batch);
      expect(free.dims).toEqual([batch, 5]);
      for (const [index, value] of (free.data as Float32Array).entries())
        expect(value).toBeCloseTo((fixed.data as Float32Array)[index]!, 5);
    }
  });
});
