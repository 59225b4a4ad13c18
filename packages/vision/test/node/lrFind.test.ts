// The range test on a toy network: rates by the formula, the same bits twice, and nothing of it left in the state.

import { bytesOf, type Engine, type StepHyper, type Trainer } from "@ballsight/grad";
import { describe, expect, test } from "vitest";
import { type LrFindOptions, lrFind } from "../../src/learner/lrFind.ts";
import { TOY_CONFIG, TOY_SPEC, toySource, toyState } from "../helpers/toyNetwork.ts";
import { COUNT, engine, SPLIT } from "../helpers/toyTraining.ts";

const find = (options: Partial<LrFindOptions> = {}) =>
  lrFind({
    engine,
    spec: TOY_SPEC,
    config: TOY_CONFIG,
    state: toyState(),
    source: (size) => toySource(COUNT, 16, size + 4),
    split: SPLIT,
    ...options,
  });

describe("the range test", () => {
  test("raises the rate by the same factor from step to step, over as many epochs as it takes", async () => {
    const { lrs, losses, planned, diverged } = await find({ startLr: 1e-5, endLr: 1e-1, steps: 20 });
    expect([planned, diverged, losses.length]).toEqual([20, false, 20]);
    for (const [i, lr] of lrs.entries()) expect(lr).toBeCloseTo(1e-5 * 10 ** (0.2 * i), 12);
  });

  test("gives that rate to every group, without a schedule's momentum, and smooths the losses without bias", async () => {
    const raw: number[] = [];
    const hypers: StepHyper[] = [];
    const watched: Engine = {
      ...engine,
      train: async (program) => {
        const trainer = await engine.train(program);
        const step: Trainer["step"] = async (inputs, hyper) => {
          hypers.push(hyper);
          const result = await trainer.step(inputs, hyper);
          raw.push(result.outputs.loss!.data[0] as number);
          return result;
        };
        return { ...trainer, step };
      },
    };
    const { lrs, losses } = await find({ engine: watched, config: { ...TOY_CONFIG, freezeEpochs: 0 }, steps: 9 });
    expect(hypers).toEqual(lrs.map((lr, i) => ({ lr: [lr, lr, lr], momentum: 0.9, step: i + 1, weightDecay: 0.01 })));
    // Weights .98^age, divided by their sum.
    for (const [i, loss] of losses.entries()) {
      const weights = raw.slice(0, i + 1).map((_, j) => 0.98 ** (i - j));
      const sum = weights.reduce((total, weight, j) => total + weight * raw[j]!, 0);
      expect(loss).toBeCloseTo(sum / weights.reduce((total, weight) => total + weight, 0), 9);
    }
  });

  test("stops once the loss is four times its best, unless it is told not to", async () => {
    const settings = { config: { ...TOY_CONFIG, freezeEpochs: 0 }, startLr: 1e-2, endLr: 1e3, steps: 60 };
    const { losses, diverged } = await find(settings);
    expect(diverged).toBe(true);
    const before = losses.slice(0, -1);
    const best = Math.min(...before);
    expect(losses.at(-1)).toBeGreaterThan(4 * best);
    for (const [i, loss] of before.entries()) expect(loss).toBeLessThanOrEqual(4 * Math.min(...before.slice(0, i + 1)));
    const on = await find({ ...settings, stopDiverging: false });
    expect(on.losses.length).toBeGreaterThan(losses.length);
    expect(on.losses.slice(0, losses.length)).toEqual(losses);
  });

  test("gives the same bits from the same seed, others from another, and leaves the state alone", async () => {
    const state = toyState();
    const before = new Map([...state].map(([name, { data }]) => [name, Buffer.from(bytesOf(data)).toString("hex")]));
    const [first, second] = [await find({ state }), await find({ state })];
    expect(second).toEqual(first);
    expect(new Map([...state].map(([name, { data }]) => [name, Buffer.from(bytesOf(data)).toString("hex")]))).toEqual(
      before,
    );
    const other = await find({ config: { ...TOY_CONFIG, seed: 2 } });
    expect(other.losses).not.toEqual(first.losses);
  });

  test("is made in the phase that the training begins with", async () => {
    const phase = async (epochs: number, freezeEpochs: number) =>
      (await find({ config: { ...TOY_CONFIG, epochs, freezeEpochs }, steps: 6 })).phase;
    expect([await phase(2, 1), await phase(2, 0), await phase(0, 1)]).toEqual(["frozen", "unfrozen", "frozen"]);
  });

  test("makes six steps at least, one for every few batches where they are accumulated", async () => {
    const reads: number[] = [];
    const source = toySource(COUNT, 16, 20);
    const { losses } = await find({
      steps: 1,
      config: { ...TOY_CONFIG, batch: 3, accumulate: 2 },
      source: () => ({
        ...source,
        read: (indices) => {
          reads.push(indices.length);
          return source.read(indices);
        },
      }),
    });
    expect(losses).toHaveLength(6);
    expect(reads.length).toBeGreaterThanOrEqual(12);
    expect(new Set(reads)).toEqual(new Set([3]));
  });

  test("tells why a step failed, not what its end brought", async () => {
    const rejects = (message: string) => async () => Promise.reject(new Error(message));
    const broken: Engine = {
      ...engine,
      train: async (program) => {
        const trainer = await engine.train(program);
        return { ...trainer, step: rejects("step failed"), release: () => trainer.release().then(rejects("gone")) };
      },
    };
    await expect(find({ engine: broken })).rejects.toThrow("step failed");
  });

  test("gives up when it is told to", async () => {
    let asked = 0;
    await expect(find({ stopping: () => ++asked > 3 })).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(asked).toBe(4);
  });
});
