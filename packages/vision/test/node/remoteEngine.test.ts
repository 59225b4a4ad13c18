// The engine behind a message channel: the same results as in this thread, requests in order, errors from the other side.

import { MessageChannel, type MessagePort } from "node:worker_threads";
import {
  type Channel,
  type Engine,
  float32,
  localEngine,
  OnnxGraph,
  remoteEngine,
  type State,
  serveEngine,
  type Tensors,
  type Trainer,
} from "@ballsight/grad";
import * as ort from "onnxruntime-node";
import { afterEach, describe, expect, test } from "vitest";
import { makeBatch } from "../../src/learner/batches.ts";
import { trainProgram } from "../../src/learner/network.ts";
import { TOY_CONFIG, TOY_SPEC, toySource, toyState } from "../helpers/toyNetwork.ts";

const ports: MessagePort[] = [];

afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** A remote engine and what it serves, joined by a MessageChannel as by a worker's port. */
function joined(engine: Engine) {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const channel = (port: MessagePort): Channel => ({
    post: (message, transfer) => port.postMessage(message, transfer ?? []),
    listen: (handler) => port.on("message", handler),
  });
  serveEngine(channel(port2), engine);
  return remoteEngine(channel(port1));
}

const source = toySource(16);
const program = trainProgram(TOY_SPEC, toyState(), {
  batch: 4,
  size: 16,
  cacheSize: source.cacheSize,
  firstGroup: 0,
  trainFrozenNorms: false,
  statistics: "batch",
  mixup: false,
  average: true,
  target: { kind: "plain" },
});
const batch = (step: number): Promise<Tensors> =>
  makeBatch(source, [step, step + 1, step + 5, step + 9], TOY_CONFIG, program, { epoch: 0, step });
const hyper = (step: number) => ({ lr: [1e-3, 1e-3, 1e-2], momentum: 0.9, step, weightDecay: 0.01, average: 0.9 });

async function losses(trainer: Trainer, steps: number): Promise<number[]> {
  const batches = await Promise.all(Array.from({ length: steps }, (_, step) => batch(step)));
  // All at once: each must wait for the state that the one before leaves.
  const results = await Promise.all(batches.map((inputs, step) => trainer.step(inputs, hyper(step + 1))));
  return results.map(({ outputs }) => outputs.loss!.data[0] as number);
}

async function trained(engine: Engine): Promise<{ losses: number[]; state: State }> {
  const trainer = await engine.train(program);
  await trainer.load(toyState());
  const all = await losses(trainer, 4);
  const state = await trainer.save();
  await trainer.release();
  return { losses: all, state };
}

/** y = x + 1 */
function plusOne(): Uint8Array {
  const g = new OnnxGraph();
  g.output(g.op("Add", [g.input("x", "float32", ["N"]), g.scalar(1)]), "float32", ["N"], "y");
  return g.toModel();
}

describe("a remote engine", () => {
  test("trains to the same bits as the local one, with steps asked for all at once", async () => {
    const local = localEngine(ort);
    const trainer = await local.train(program);
    await trainer.load(toyState());
    const expected: number[] = [];
    for (let step = 0; step < 4; step++)
      expected.push((await trainer.step(await batch(step), hyper(step + 1))).outputs.loss!.data[0] as number);
    const state = await trainer.save();
    const remote = await trained(joined(local));
    expect(remote.losses).toEqual(expected);
    expect(new Set(expected).size).toBe(4);
    expect([...remote.state.keys()]).toEqual([...state.keys()]);
    expect(remote.state).toEqual(state);
  });

  test("finds the same target and answers the same", async () => {
    const local = localEngine(ort);
    const remote = joined(local);
    expect(await remote.probe()).toEqual(await local.probe());
    const inference = await remote.infer(plusOne());
    expect(await inference.run({ x: float32([1, 2.5]) })).toEqual({ y: float32([2, 3.5]) });
    await inference.release();
  });

  test("moves inputs that own their memory, and copies views into larger memory", async () => {
    const inference = await joined(localEngine(ort)).infer(plusOne());
    const whole = new Float32Array([1, 2]);
    const part = new Float32Array(8).fill(5).subarray(2, 4);
    expect((await inference.run({ x: float32(whole) })).y!.data).toEqual(Float32Array.of(2, 3));
    expect(whole.byteLength).toBe(0);
    expect((await inference.run({ x: float32(part) })).y!.data).toEqual(Float32Array.of(6, 6));
    expect([...part]).toEqual([5, 5]);
  });

  test("passes errors on, and goes on after them", async () => {
    const remote = joined(localEngine(ort));
    await expect(remote.infer(new Uint8Array([1, 2, 3]))).rejects.toThrow(/protobuf|parse|model/i);
    const inference = await remote.infer(plusOne());
    await expect(inference.run({ z: float32([1]) })).rejects.toThrow(/x|z/);
    expect((await inference.run({ x: float32([1]) })).y!.data[0]).toBe(2);
    const trainer = await remote.train(program);
    const state = new Map(toyState());
    state.delete("deep.weight");
    await expect(trainer.load(state)).rejects.toThrow("`deep.weight`");
  });

  test("asks for one thing after the other, even where the engine could do two at once", async () => {
    const log: string[] = [];
    const slow = (name: string, ms: number) => async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, ms));
      log.push(`${name} ends`);
      return { kind: "plain" } as const;
    };
    const engine: Engine = { ...localEngine(ort), probe: slow("probe", 20) };
    const remote = joined({ ...engine, infer: async () => Promise.reject(new Error(`after ${log.at(-1)}`)) });
    const [first, second, third] = await Promise.allSettled([remote.probe(), remote.infer(plusOne()), remote.probe()]);
    expect(first.status).toBe("fulfilled");
    expect(second).toMatchObject({ status: "rejected", reason: { message: "after probe ends" } });
    expect(third.status).toBe("fulfilled");
    expect(log).toEqual(["probe begins", "probe ends", "probe begins", "probe ends"]);
  });

  test("fails every open and later request once the other side is gone", async () => {
    const remote = joined({ ...localEngine(ort), probe: () => new Promise(() => undefined) });
    const open = remote.probe();
    remote.fail(new Error("the thread has ended"));
    await expect(open).rejects.toThrow("the thread has ended");
    await expect(remote.infer(plusOne())).rejects.toThrow("the thread has ended");
  });
});
