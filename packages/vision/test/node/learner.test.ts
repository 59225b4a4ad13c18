// The learner on a toy network: what freezes stays, what is averaged follows, and stopping anywhere changes no bit.

import type { Engine, Trainer } from "@ballsight/grad";
import { describe, expect, test } from "vitest";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { averageDecay } from "../../src/learner/average.ts";
import type { LearnerConfig } from "../../src/learner/config.ts";
import type { LearnerOptions } from "../../src/learner/learner.ts";
import type { NetworkSpec } from "../../src/learner/network.ts";
import { fineTunePlan, hypersAt } from "../../src/learner/schedule.ts";
import { TOY_SPEC, toySource, toyState } from "../helpers/toyNetwork.ts";
import { COUNT, changed, engine, inPieces, learnerOf, timeless, train } from "../helpers/toyTraining.ts";

const STEM = ["stem.weight", "stem_norm.bias", "stem_norm.running_mean", "stem_norm.running_var", "stem_norm.weight"];
const DEEP = STEM.map((name) => name.replace("stem", "deep"));
const HEAD = ["head.2.bias", "head.2.weight"];

describe("freezing", () => {
  const before = toyState();

  test("leaves every byte of the body, statistics included, while the head trains", async () => {
    const { state } = await train({ config: { epochs: 0 } });
    expect(changed(before, state)).toEqual(HEAD);
  });

  test("with frozen norms trained, as fastai does, moves norms and statistics but no convolution", async () => {
    const { state } = await train({ config: { epochs: 0, trainFrozenNorms: true } });
    const body = [...STEM, ...DEEP].filter((name) => name.includes("norm"));
    expect(changed(before, state)).toEqual([...HEAD, ...body].sort());
  });

  test("ends with the frozen epochs: then all trains", async () => {
    const { state } = await train();
    expect(changed(before, state)).toEqual([...STEM, ...DEEP, ...HEAD].sort());
  });

  test("of more groups than there are leaves the head to train", async () => {
    const { state } = await train({ config: { frozenGroups: 10 } });
    expect(changed(before, state)).toEqual(HEAD);
  });

  test("of the first group lasts to the end", async () => {
    const { state } = await train({ config: { frozenGroups: 1 } });
    expect(changed(before, state)).toEqual([...DEEP, ...HEAD].sort());
  });

  test("of statistics keeps them where they were while the weights train", async () => {
    const { state } = await train({ config: { statistics: "running" } });
    const trained = [...STEM, ...DEEP].filter((name) => !name.includes("running"));
    expect(changed(before, state)).toEqual([...trained, ...HEAD].sort());
  });
});

describe("weight averaging", () => {
  test("keeps averages of all that trains, apart from it, and answers with them", async () => {
    const { learner, state } = await train({ config: { average: 0.9 } });
    const names = [...STEM, ...DEEP, ...HEAD];
    for (const name of names) {
      const [value, average] = [state.get(name)!, state.get(`average.${name}`)!];
      expect(average.dims).toEqual(value.dims);
      expect(average.data).not.toEqual(value.data);
      expect(learner.weights.get(name)!.data).toEqual(average.data);
    }
    expect([...learner.weights.keys()].sort()).toEqual(names.sort());
  });

  test("moves to standing weights by the decays' product", async () => {
    const start = toyState();
    const name = "head.2.weight";
    const far = { ...start.get(name)!, data: (start.get(name)!.data as Float32Array).map((value) => value + 1) };
    const { state } = await train({
      config: { average: 0.9, lr: 0, weightDecay: 0, epochs: 0, freezeEpochs: 2 },
      state: new Map(start).set(`average.${name}`, far),
    });
    const left = Array.from({ length: 8 }, (_, t) => averageDecay(0.9, t)).reduce((product, decay) => product * decay);
    // AdamW divides by the rate, and takes 1e-30 for 0.
    for (const [key, { data }] of start)
      for (const [i, value] of (data as Float32Array).entries())
        expect(Math.abs((state.get(key)!.data[i] as number) - value)).toBeLessThan(1e-28);
    for (const [i, value] of (state.get(`average.${name}`)!.data as Float32Array).entries())
      expect(value - (start.get(name)!.data[i] as number)).toBeCloseTo(left, 5);
  });

  test("is off at 0: no averages are kept", async () => {
    const { learner, state } = await train();
    expect([...state.keys()].some((name) => name.startsWith("average."))).toBe(false);
    expect(learner.weights.get("stem.weight")).toEqual(state.get("stem.weight"));
  });
});

describe("a training", () => {
  test("visits growing sizes, and reads each size's own photos", async () => {
    const sizes: number[] = [];
    const { position } = await train({
      config: { size: 24, testSize: 24, startSize: 8, epochs: 4 },
      source: (size) => {
        sizes.push(size);
        return toySource(COUNT, 24, size + 4);
      },
    });
    // Epoch e of 4 ramps over 2.4 epochs from 8 to 24 in steps of the stride 4: 8, 14.7, 21.3, 24.
    expect(position.rows.map(({ phase, size }) => [phase, size])).toEqual([
      ["frozen", 8],
      ["unfrozen", 8],
      ["unfrozen", 16],
      ["unfrozen", 20],
      ["unfrozen", 24],
    ]);
    expect([...new Set(sizes)].sort((a, b) => a - b)).toEqual([8, 16, 20, 24]);
  });

  test("reports each step and each epoch, and saves after each epoch and phase", async () => {
    const events: [string, number, number][] = [];
    const epochs: string[] = [];
    const { checkpoints, position } = await train({
      onBatch: ({ phase, epoch, step, steps, seconds, loss }) => {
        expect(steps).toBe(4);
        expect(loss).toBeGreaterThan(0);
        expect(seconds).toBeGreaterThan(0);
        events.push([phase, epoch, step]);
      },
      onEpoch: ({ phase, epoch }) => epochs.push(`${phase} ${epoch}`),
    });
    const expected = [
      ["frozen", 0],
      ["unfrozen", 0],
      ["unfrozen", 1],
    ].flatMap(([phase, epoch]) => [1, 2, 3, 4].map((step) => [phase, epoch, step]));
    expect(events).toEqual(expected);
    expect(epochs).toEqual(["frozen 0", "unfrozen 0", "unfrozen 1"]);
    expect(checkpoints.map(({ position: at }) => [at.phase, at.epoch, at.step, at.optimizerStep])).toEqual([
      [0, 1, 0, 4],
      [1, 0, 0, 0],
      [1, 1, 0, 4],
      [1, 2, 0, 8],
      [2, 0, 0, 0],
    ]);
    // Each phase begins with an optimiser that has seen nothing.
    const moments = checkpoints.map(({ file }) => {
      const names = [...readSafetensors(file).tensors.keys()].filter((name) => name.startsWith("exp_avg"));
      return names.length;
    });
    // First and second moments: of the head's two parameters, then of all eight.
    expect(moments).toEqual([4, 0, 16, 16, 0]);
    expect(position.curve.map(({ step }) => step)).toEqual(Array.from({ length: position.steps }, (_, i) => i + 1));
    const phases = fineTunePlan({ epochs: 2, freezeEpochs: 1, lr: 1e-2, lrMult: 2, groups: 3 });
    const lrs = [
      hypersAt(phases[0]!.schedule, phases[0]!.lrMax, 3 / 4),
      hypersAt(phases[1]!.schedule, phases[1]!.lrMax, 3 / 8),
    ];
    expect(position.rows.slice(0, 2).map(({ lr }) => lr)).toEqual(lrs.map(({ lr }) => lr.at(-1)));
    for (const { accuracy, errorRate } of position.rows) {
      expect(accuracy + errorRate).toBe(1);
      expect((accuracy * 6) % 1).toBeCloseTo(0, 9);
    }
  });

  test("learns what colours tell apart", async () => {
    const { position } = await train({ config: { epochs: 12, lr: 3e-2, labelSmoothing: 0 } });
    expect(position.rows[0]!.accuracy).toBeLessThan(0.9);
    expect(position.rows.at(-1)!.accuracy).toBe(1);
    expect(position.rows.at(-1)!.trainLoss).toBeLessThan(0.5 * position.rows[1]!.trainLoss);
  });

  test("of fewer photos than a batch trains on all of them at once", async () => {
    const sizes: number[] = [];
    const source = toySource(COUNT, 16, 20);
    await train({
      config: { batch: 64, epochs: 1, freezeEpochs: 0 },
      split: { train: [0, 1, 2, 3, 4], valid: [5] },
      source: () => ({
        ...source,
        read: (indices) => {
          sizes.push(indices.length);
          return source.read(indices);
        },
      }),
    });
    expect(sizes).toEqual([5]);
  });

  test("says at which step the loss is no number", async () => {
    const state = new Map(toyState());
    state.set("head.2.bias", { dtype: "float32", dims: [3], data: Float32Array.of(0, Number.NaN, 0) });
    const { learner } = learnerOf({ state });
    const details = { step: 1, phase: "frozen", epoch: 1 };
    await expect(learner.fineTune()).rejects.toMatchObject({ code: "LOSS_NOT_FINITE", details });
  });
});

describe("an engine that fails", () => {
  /** Trainers of which some calls are others; and how many were let go. */
  function broken(calls: Partial<Trainer>) {
    const counts = { released: 0 };
    const failing: Engine = {
      ...engine,
      train: async (program) => {
        const trainer = await engine.train(program);
        const release = async () => {
          counts.released += 1;
          await trainer.release();
          throw new Error("release failed");
        };
        return { ...trainer, release, ...calls };
      },
    };
    return { counts, engine: failing };
  }
  const rejects = (message: string) => async () => Promise.reject(new Error(message));

  test("in a step: that is told, not what fails after it, and it is let go", async () => {
    const { counts, engine } = broken({ step: rejects("step failed"), save: rejects("save failed") });
    await expect(learnerOf({ engine }).learner.fineTune()).rejects.toThrow("step failed");
    expect(counts.released).toBe(1);
  });

  test("before the first step is let go as well", async () => {
    const { counts, engine } = broken({ load: rejects("load failed") });
    await expect(learnerOf({ engine }).learner.fineTune()).rejects.toThrow("load failed");
    expect(counts.released).toBe(1);
  });
});

describe("stopping and going on", () => {
  const config = {
    epochs: 3,
    size: 16,
    startSize: 8,
    mixup: 0.4,
    average: 0.9,
    head: "fastai",
    trainFrozenNorms: true,
  } as const satisfies Partial<LearnerConfig>;
  const spec: NetworkSpec = { ...TOY_SPEC, head: "fastai" };

  test("gives the same bits twice", async () => {
    const [first, second] = [await train({ config }), await train({ config })];
    expect(changed(first.state, second.state)).toEqual([]);
    expect(timeless(first.position)).toEqual(timeless(second.position));
  });

  // Every step; every third, which falls into epochs; every fifth, which falls between them as well.
  test.each([1, 3, 5])("after every %i steps ends with the bits of a training that was left alone", async (every) => {
    const whole = await train({ config });
    const { ended, stops } = await inPieces({ config }, every);
    expect(stops.length).toBe(Math.ceil(16 / every) - 1);
    expect(stops.some((step) => step > 0)).toBe(true);
    expect([...ended.state.keys()]).toEqual([...whole.state.keys()]);
    expect(changed(whole.state, ended.state)).toEqual([]);
    expect(timeless(ended.position)).toEqual(timeless(whole.position));
    expect(changed(whole.learner.weights, ended.learner.weights)).toEqual([]);
  });

  test("counts an epoch's times from where it was stopped", async () => {
    let steps = 0;
    const stopped = learnerOf({ config, stopping: () => steps++ >= 2 });
    await expect(stopped.learner.fineTune()).rejects.toMatchObject({ code: "INTERRUPTED" });
    const { file, position } = stopped.checkpoints.at(-1)!;
    expect(position.spent.seconds).toBeGreaterThan(position.spent.engineSeconds);
    expect(position.spent.engineSeconds).toBeGreaterThan(0);
    const spent = { seconds: 5000, engineSeconds: 3000, waitSeconds: 1000 };
    const seconds: number[] = [];
    const state = readSafetensors(file).tensors;
    const onBatch: LearnerOptions["onBatch"] = (event) => seconds.push(event.seconds);
    const { learner } = learnerOf({ config, state, position: { ...position, spent }, onBatch });
    await learner.fineTune();
    const [first, second] = learner.position.rows;
    expect(first!.seconds).toBeGreaterThan(5000);
    expect(first!.engineSeconds).toBeGreaterThan(3000);
    expect(first!.waitSeconds).toBeGreaterThanOrEqual(1000);
    expect(second!.seconds).toBeLessThan(4000);
    // The two steps of four that were left, and those of the next epoch.
    expect(seconds.slice(0, 3).map((value) => value > 5000)).toEqual([true, true, false]);
  });

  test("before the first step leaves a checkpoint at the start", async () => {
    const { learner, checkpoints } = learnerOf({ config, stopping: () => true });
    await expect(learner.fineTune()).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(checkpoints).toHaveLength(1);
    expect(checkpoints[0]!.position).toMatchObject({ phase: 0, epoch: 0, step: 0, rows: [] });
    const state = readSafetensors(checkpoints[0]!.file).tensors;
    expect(changed(toyState(spec), state)).toEqual([]);
  });

  test("after the end only validates", async () => {
    const { state, position, learner } = await train({ config });
    const again = learnerOf({ config, state, position });
    const validation = await again.learner.fineTune();
    expect(again.checkpoints).toEqual([]);
    expect(validation).toEqual(await learner.validate());
    expect(validation.accuracy).toBe(position.rows.at(-1)!.accuracy);
  });
});
