// Outputs in given buffers: the same bytes as without, nothing of the caller's overwritten, and real errors told.

import * as ort from "onnxruntime-node";
import { afterEach, describe, expect, test } from "vitest";
import { Graph } from "../../src/ops/graph.ts";
import { crossEntropy } from "../../src/ops/loss.ts";
import { linear } from "../../src/ops/matmul.ts";
import { adamw } from "../../src/optim/adamw.ts";
import type { OrtRuntime } from "../../src/runtime.ts";
import { bytesOf, type TensorData } from "../../src/tensor.ts";
import { writesInPlace } from "../../src/train/inPlace.ts";
import { buildTrainProgram } from "../../src/train/program.ts";
import { type State, TrainingSession } from "../../src/train/session.ts";
import { fromRecipe, uniform } from "../helpers/recipes.ts";

const open: TrainingSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.release();
});

type Run = ort.InferenceSession["run"];

/** onnxruntime-node with another way to run. */
const runningBy = (run: (session: ort.InferenceSession, ...args: Parameters<Run>) => ReturnType<Run>): OrtRuntime => {
  const create = async (model: Uint8Array, options: ort.InferenceSession.SessionOptions) => {
    const session = await ort.InferenceSession.create(model, options);
    const { inputNames, outputNames, outputMetadata } = session;
    return {
      inputNames,
      outputNames,
      outputMetadata,
      release: () => session.release(),
      run: (...args: Parameters<Run>) => run(session, ...args),
    };
  };
  return { Tensor: ort.Tensor, InferenceSession: { create } } as unknown as OrtRuntime;
};

/** As a runtime that takes no given buffers. */
const copying = runningBy(async (session, feeds, fetches) => {
  if (fetches !== undefined) throw new Error("no buffers may be given here");
  return session.run(feeds);
});

async function start(runtime: OrtRuntime, { accumulate = false } = {}) {
  const graph = new Graph();
  const x = graph.input("x", "float32", [4, 6]);
  const logits = linear(x, graph.parameter("weight", [3, 6]), graph.parameter("bias", [3]));
  const loss = crossEntropy(logits, graph.input("targets", "float32", [4, 3]));
  const program = buildTrainProgram(graph, {
    loss,
    optimizer: adamw(),
    target: { kind: "plain" },
    outputs: { logits },
    average: true,
    accumulate,
  });
  const session = await TrainingSession.create(runtime, program);
  open.push(session);
  session.load(
    new Map([
      ["weight", fromRecipe(uniform(1, -0.5, 0.5), [3, 6])],
      ["bias", fromRecipe(uniform(2, -0.5, 0.5), [3])],
    ]),
  );
  return session;
}

const inputs = (step: number): Record<string, TensorData> => ({
  x: fromRecipe(uniform(10 + step), [4, 6]),
  targets: fromRecipe({ kind: "oneHot", seed: step }, [4, 3]),
});
const hyper = (step: number) => ({ lr: [0.01], momentum: 0.9, step, weightDecay: 0.01, average: 0.5 });
const hex = (state: State) =>
  Object.fromEntries([...state].map(([name, { data }]) => [name, Buffer.from(bytesOf(data)).toString("hex")]));

test("this onnxruntime-node writes into given buffers: without that every step copies all parameters and moments", async () => {
  expect(await writesInPlace(ort)).toBe(true);
  expect(await writesInPlace(copying)).toBe(false);
});

describe.each([
  ["steps", {}],
  ["steps with summed gradients", { accumulate: true }],
])("%s", (_, options) => {
  test("give the same bytes as copied outputs, step after step", async () => {
    const [given, copied] = [await start(ort, options), await start(copying, options)];
    for (let step = 1; step <= 4; step++) {
      const results = [];
      for (const session of [given, copied]) {
        if (options.accumulate) await session.accumulate(inputs(20 + step));
        results.push((await session.step(inputs(step), hyper(step))).outputs);
      }
      expect(results[0]).toEqual(results[1]);
      expect(hex(await given.save())).toEqual(hex(await copied.save()));
    }
  });

  test("leave what earlier steps handed out as it was", async () => {
    const session = await start(ort, options);
    const { outputs } = await session.step(inputs(1), hyper(1));
    const saved = await session.save();
    const [logits, state] = [Array.from(outputs.logits!.data as Float32Array), hex(saved)];
    for (let step = 2; step <= 4; step++) await session.step(inputs(step), hyper(step));
    expect(Array.from(outputs.logits!.data as Float32Array)).toEqual(logits);
    expect(hex(saved)).toEqual(state);
    expect(hex(await session.save())).not.toEqual(state);
  });
});

test.each([false, true])("no run writes into what it reads (summed gradients: %s)", async (accumulate) => {
  const clashes: string[] = [];
  const watched = runningBy((session, feeds, fetches) => {
    const read = new Set(Object.values(feeds as Record<string, ort.Tensor>).map(({ data }) => data));
    for (const [name, tensor] of Object.entries(fetches as Record<string, ort.Tensor | null>))
      if (tensor !== null && read.has(tensor.data)) clashes.push(name);
    return session.run(feeds, fetches as ort.InferenceSession.FetchesType);
  });
  const session = await start(watched, { accumulate });
  for (let step = 1; step <= 4; step++) {
    if (accumulate) for (const batch of [10, 20]) await session.accumulate(inputs(batch + step));
    await session.step(inputs(step), hyper(step));
  }
  expect(clashes).toEqual([]);
});

test("a run that fails half-way says why, and leaves the state as it was", async () => {
  let fails = false;
  const session = await start(
    runningBy(async (session, feeds, fetches) => {
      const results = session.run(feeds, fetches as ort.InferenceSession.FetchesType);
      if (!fails) return results;
      await results.catch(() => undefined);
      throw new Error("no memory is left");
    }),
  );
  await session.step(inputs(1), hyper(1));
  const before = hex(await session.save());
  fails = true;
  await expect(session.step(inputs(2), hyper(2))).rejects.toThrow("no memory is left");
  expect(hex(await session.save())).toEqual(before);
  fails = false;
  await session.step(inputs(3), hyper(2));
  const whole = await start(ort);
  await whole.step(inputs(1), hyper(1));
  await whole.step(inputs(3), hyper(2));
  expect(hex(await session.save())).toEqual(hex(await whole.save()));
});

test("what ONNX Runtime itself refuses is told", async () => {
  const session = await start(ort);
  await expect(session.step({ ...inputs(1), x: fromRecipe(uniform(1), [4, 5]) }, hyper(1))).rejects.toThrow(
    /dimensions/i,
  );
});
