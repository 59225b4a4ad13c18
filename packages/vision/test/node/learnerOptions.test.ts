// What a training may be asked for besides: a stop when nothing gets better, the best epoch's weights, batches in parts, balance, CutMix.

import { float32, type State, type Tensors, type TrainProgram } from "@ballsight/grad";
import { describe, expect, test } from "vitest";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { makeBatch } from "../../src/learner/batches.ts";
import { isWeight, type PhaseEnd } from "../../src/learner/best.ts";
import type { LearnerConfig } from "../../src/learner/config.ts";
import { epochShape, phaseProgram } from "../../src/learner/epoch.ts";
import type { PhotoSource } from "../../src/learner/source.ts";
import { TOY_CONFIG, TOY_SPEC, toySource, toyState } from "../helpers/toyNetwork.ts";
import { COUNT, changed, engine, inPieces, learnerOf, SPLIT, timeless, train } from "../helpers/toyTraining.ts";

/** Held-out photos carry another class's label: the more is learned, the worse they are answered. */
function misleading(size: number): PhotoSource {
  const source = toySource(COUNT, 16, size + 4);
  return {
    ...source,
    targets: source.targets.map((target, i) => (SPLIT.valid.includes(i) ? (target + 1) % 3 : target)),
  };
}

const weightsOf = (state: State) => new Map([...state].filter(([name]) => isWeight(name)));
const lossesOf = (rows: readonly { validLoss: number }[]) => rows.map(({ validLoss }) => validLoss);

describe("early stopping", () => {
  const config = { epochs: 6, freezeEpochs: 4, lr: 3e-2, patience: 2 } as const satisfies Partial<LearnerConfig>;

  test("ends each phase that many epochs after its best one", async () => {
    const ends: PhaseEnd[] = [];
    const { position } = await train({ config, source: misleading, onPhase: (end) => ends.push(end) });
    for (const phase of ["frozen", "unfrozen"]) {
      const losses = lossesOf(position.rows.filter((row) => row.phase === phase));
      expect(losses).toHaveLength(3);
      expect(losses[0]).toBeLessThan(Math.min(losses[1]!, losses[2]!));
    }
    expect(ends).toEqual([
      { phase: "frozen", epochs: 3, planned: 4, kept: 2 },
      { phase: "unfrozen", epochs: 3, planned: 6, kept: 2 },
    ]);
    expect(position.ends).toEqual(ends);
    // Six epochs of four steps; the curve counts those that were made.
    expect([position.steps, position.curve.length, position.curve.at(-1)!.step]).toEqual([24, 24, 24]);
  });

  test("changes no bit before it stops, and draws of the next phase stay where they were", async () => {
    const [stopped, whole] = await Promise.all([
      train({ config, source: misleading }),
      train({ config: { ...config, patience: 0 }, source: misleading }),
    ]);
    expect(timeless(stopped.position).rows.slice(0, 3)).toEqual(timeless(whole.position).rows.slice(0, 3));
    expect(
      changed(
        readSafetensors(stopped.checkpoints[2]!.file).tensors,
        readSafetensors(whole.checkpoints[2]!.file).tensors,
      ),
    ).toEqual([]);
  });

  test("does not stop what gets better", async () => {
    const { position } = await train({ config: { ...config, patience: 3, labelSmoothing: 0, epochs: 5 } });
    expect(position.ends.map(({ epochs, planned }) => [epochs, planned])).toEqual([
      [4, 4],
      [5, 5],
    ]);
  });
});

describe("the best epoch's weights", () => {
  const config = { epochs: 3, freezeEpochs: 3, lr: 3e-2, average: 0.9 } as const satisfies Partial<LearnerConfig>;

  test("are what the next phase begins with, and what is answered with in the end", async () => {
    const plain = await train({ config, source: misleading });
    const best = await train({ config: { ...config, saveBest: true }, source: misleading });
    // The frozen phase is the same training in both; its first epoch is the best.
    const losses = lossesOf(plain.position.rows.slice(0, 3));
    expect(losses[0]).toBeLessThan(Math.min(...losses.slice(1)));
    expect(best.position.ends.map(({ kept }) => kept)).toEqual([0, expect.any(Number)]);
    const stateAt = (run: typeof best, checkpoint: number) =>
      readSafetensors(run.checkpoints[checkpoint]!.file).tensors;
    const begun = stateAt(best, 3);
    expect(changed(weightsOf(stateAt(plain, 0)), begun)).toEqual([]);
    expect(changed(begun, stateAt(plain, 2))).toEqual([
      "average.head.2.bias",
      "average.head.2.weight",
      "head.2.bias",
      "head.2.weight",
    ]);
    expect([...begun.keys()].filter((name) => /^(best|exp_avg)/.test(name))).toEqual([]);
    // In the end: the averages after the epoch with the least loss, and the answer that they gave then.
    const rows = best.position.rows.slice(3);
    const kept = lossesOf(rows).indexOf(Math.min(...lossesOf(rows)));
    expect(best.position.ends[1]!.kept).toBe(kept);
    const then = stateAt(best, 4 + kept);
    for (const [name, { data }] of best.learner.weights)
      expect(data, name).toEqual((then.get(`average.${name}`) ?? then.get(name))!.data);
    const validation = await best.learner.validate();
    expect([validation.loss, validation.accuracy]).toEqual([rows[kept]!.validLoss, rows[kept]!.accuracy]);
  });

  test("are what a training reports, though the last epoch's were another's", async () => {
    const { learner } = learnerOf({ config: { ...config, freezeEpochs: 0, saveBest: true }, source: misleading });
    const validation = await learner.fineTune();
    const { rows, ends } = learner.position;
    expect(ends[0]!.kept).toBe(0);
    expect(validation.loss).toBe(rows[0]!.validLoss);
    expect(validation.loss).not.toBe(rows[2]!.validLoss);
  });
});

describe("all of it, stopped and gone on with", () => {
  const config = {
    epochs: 4,
    freezeEpochs: 2,
    lr: 3e-2,
    batch: 3,
    accumulate: 2,
    average: 0.9,
    mixup: 0.4,
    cutmix: 1,
    balance: true,
    classWeights: true,
    schedule: "flat-cos",
    saveBest: true,
    patience: 2,
    head: "fastai",
  } as const satisfies Partial<LearnerConfig>;

  test.each([1, 2])("after every %i steps ends with the bits of a training that was left alone", async (every) => {
    const whole = await train({ config, source: misleading });
    const { ended, stops } = await inPieces({ config, source: misleading }, every);
    expect(whole.position.ends.some(({ epochs, planned }) => epochs < planned)).toBe(true);
    expect(whole.position.ends.some(({ epochs, kept }) => kept < epochs - 1)).toBe(true);
    expect(stops.some((step) => step > 0)).toBe(true);
    expect([...ended.state.keys()]).toEqual([...whole.state.keys()]);
    expect(changed(whole.state, ended.state)).toEqual([]);
    expect(timeless(ended.position)).toEqual(timeless(whole.position));
    expect(changed(whole.learner.weights, ended.learner.weights)).toEqual([]);
  });
});

describe("batches in parts", () => {
  // Statistics stand still: no op looks across a batch, and augmentation and dropout are drawn for the step.
  const config = { statistics: "running", epochs: 2, freezeEpochs: 1, average: 0.9, lr: 3e-2 } as const;

  test("train as the whole batch does, from the same draws", async () => {
    const whole = await train({ config: { ...config, batch: 6 } });
    const parts = await train({ config: { ...config, batch: 2, accumulate: 3 } });
    expect(parts.position.optimizerStep).toBe(whole.position.optimizerStep);
    for (const [i, row] of parts.position.rows.entries()) {
      const { trainLoss, validLoss, lr } = whole.position.rows[i]!;
      expect(row.trainLoss).toBeCloseTo(trainLoss, 4);
      expect(row.validLoss).toBeCloseTo(validLoss, 4);
      expect(row.lr).toBe(lr);
    }
    const start = toyState();
    for (const [name, { data }] of whole.state) {
      const moved = (data as Float32Array).map((value, i) =>
        Math.abs(value - ((start.get(name)?.data[i] as number) ?? 0)),
      );
      const apart = (data as Float32Array).map((value, i) =>
        Math.abs(value - (parts.state.get(name)!.data[i] as number)),
      );
      expect(Math.max(...apart), name).toBeLessThan(Math.max(1e-2 * Math.max(...moved), 1e-7));
    }
  });

  test("make as many steps as whole ones fit, and one where not even that", async () => {
    const steps = async (batch: number, accumulate: number) => {
      const { position } = await train({ config: { ...config, epochs: 0, batch, accumulate } });
      return position.steps;
    };
    // 18 photos.
    expect([await steps(4, 2), await steps(4, 9), await steps(64, 4)]).toEqual([2, 1, 1]);
  });
});

test("CutMix's box reaches the network: inside it, the loss is that of the partner's pixels", async () => {
  const config = { ...TOY_CONFIG, cutmix: 1 };
  const source = toySource(COUNT);
  const shape = epochShape(SPLIT.train.length, config);
  const target = await engine.probe();
  const more = { phase: "unfrozen", size: 16, cacheSize: source.cacheSize, target, average: false } as const;
  const [plain, cut] = [TOY_CONFIG, config].map((one) => phaseProgram(TOY_SPEC, toyState(), one, shape, more));
  expect(cut!.inputs.map(({ name }) => name)).toContain("cutmix_box");
  const batch = await makeBatch(source, [0, 1, 2, 3], config, cut!, { epoch: 0, step: 0 });
  const loss = async (program: TrainProgram, inputs: Tensors) => {
    const trainer = await engine.train(program);
    await trainer.load(toyState());
    const hyper = { lr: [0, 0, 0], momentum: 0.9, step: 1, weightDecay: 0 };
    const asked = program.inputs.map(({ name }) => [name, inputs[name]!] as const);
    const { outputs } = await trainer.step(Object.fromEntries(asked), hyper);
    await trainer.release();
    return outputs.loss!.data[0] as number;
  };
  const cutLoss = (box: number[], partner: bigint[]) => {
    const mixup_partner = { dtype: "int64", dims: [4], data: BigInt64Array.from(partner) } as const;
    return loss(cut!, { ...batch, mixup_partner, cutmix_box: float32(box) });
  };
  // The targets are the same throughout.
  const uncut = await loss(plain!, batch);
  expect(await cutLoss([0, 0, 0, 0], [1n, 2n, 3n, 0n])).toBeCloseTo(uncut, 5);
  expect(await cutLoss([0, 0, 16, 16], [0n, 1n, 2n, 3n])).toBeCloseTo(uncut, 5);
  const [part, whole] = [
    await cutLoss([4, 4, 12, 12], [1n, 2n, 3n, 0n]),
    await cutLoss([0, 0, 16, 16], [1n, 2n, 3n, 0n]),
  ];
  for (const other of [part, whole]) expect(Math.abs(other - uncut)).toBeGreaterThan(1e-4);
  expect(Math.abs(part - whole)).toBeGreaterThan(1e-4);
});
