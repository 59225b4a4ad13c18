// Trains a network: freeze, fine-tune, validate, stop and go on. Knows nothing of files; photos, engine and checkpoints come in as values.

import type { Engine, State, Target, TensorData, Trainer, TrainProgram } from "@ballsight/grad";
import { prefetch } from "../data/prefetch.ts";
import type { Split } from "../data/split.ts";
import { fail } from "../errors.ts";
import { averageDecay } from "./average.ts";
import { epochOrder, makeBatch } from "./batches.ts";
import { type LearnerConfig, sizeAt } from "./config.ts";
import { type SmoothLoss, smoothLoss } from "./metrics.ts";
import { type NetworkSpec, trainProgram } from "./network.ts";
import { fineTunePlan, hypersAt, type Phase } from "./schedule.ts";
import type { PhotoSource } from "./source.ts";
import { evaluationLogits, score, type Validation } from "./validate.ts";

/** A finished epoch: fastai's row, and the times of engine and data. */
export interface EpochRow {
  readonly phase: Phase["name"];
  /** From 0, in its phase. */
  readonly epoch: number;
  readonly size: number;
  readonly trainLoss: number;
  readonly validLoss: number;
  readonly errorRate: number;
  readonly accuracy: number;
  /** The head's rate at the epoch's end. */
  readonly lr: number;
  /** Training and validation together. */
  readonly seconds: number;
  /** Inside ONNX Runtime, training only. */
  readonly engineSeconds: number;
  /** That the engine stood still for want of photos. */
  readonly waitSeconds: number;
}

/** Where a training stands: with the state, all that is needed to go on. Plain data. */
export interface Position {
  readonly phase: number;
  readonly epoch: number;
  readonly step: number;
  /** Steps since the optimiser was cleared. */
  readonly optimizerStep: number;
  readonly smooth: SmoothLoss;
  readonly rows: readonly EpochRow[];
  /** Smoothed loss and the head's rate, every few steps, for the charts. */
  readonly curve: readonly CurvePoint[];
}

export interface CurvePoint {
  readonly step: number;
  readonly loss: number;
  readonly lr: number;
}

export interface BatchEvent {
  readonly phase: Phase["name"];
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  /** Debiased exponential average. */
  readonly smooth: number;
  /** Steps done and to do in all phases. */
  readonly done: number;
  readonly total: number;
}

export interface LearnerOptions {
  readonly engine: Engine;
  readonly spec: NetworkSpec;
  readonly config: LearnerConfig;
  /** Body and head by torch's names; a checkpoint's also holds the optimiser's state. */
  readonly state: State;
  /** Photos for training at a side in pixels; called once per side. */
  readonly source: (size: number) => PhotoSource;
  readonly split: Split;
  readonly position?: Position;
  readonly onBatch?: (event: BatchEvent) => void;
  readonly onEpoch?: (row: EpochRow, validation: Validation) => void;
  /** After each epoch, and when it is told to stop. */
  readonly onCheckpoint?: (state: State, position: Position) => Promise<void>;
  /** Asked before every step; true stops, with a checkpoint. */
  readonly stopping?: () => boolean;
}

const START: Position = {
  phase: 0,
  epoch: 0,
  step: 0,
  optimizerStep: 0,
  smooth: smoothLoss.init(),
  rows: [],
  curve: [],
};

/** A curve point every this many steps. */
const CURVE_EVERY = 10;

export class Learner {
  readonly #options: LearnerOptions;
  readonly #phases: readonly Phase[];
  readonly #state: Map<string, TensorData>;
  #position: Position;
  #target: Target | undefined;
  #running: { trainer: Trainer; program: TrainProgram; key: string } | undefined;

  constructor(options: LearnerOptions) {
    const { config, spec } = options;
    this.#options = options;
    this.#state = new Map(options.state);
    this.#position = options.position ?? START;
    const groups = spec.architecture.bodyGroups + 1;
    const { epochs, freezeEpochs, lr, lrMult } = config;
    this.#phases = fineTunePlan({ epochs, freezeEpochs, lr, lrMult, groups });
  }

  get position(): Position {
    return this.#position;
  }

  /** What is validated and exported: the averages where they are kept, else the parameters. */
  get weights(): State {
    const { average } = this.#options.config;
    const plain = [...this.#state].filter(([name]) => !/^(exp_avg|exp_avg_sq|average)\./.test(name));
    return new Map(
      plain.map(([name, tensor]) => [name, (average > 0 ? this.#state.get(`average.${name}`) : undefined) ?? tensor]),
    );
  }

  /**
   * fastai's fine_tune from where it stands: the head alone, then all groups. Returns the last validation.
   * @throws INTERRUPTED after a checkpoint, when it was told to stop; LOSS_NOT_FINITE
   */
  async fineTune(): Promise<Validation> {
    let validation: Validation | undefined;
    try {
      while (this.#position.phase < this.#phases.length) {
        const phase = this.#phases[this.#position.phase]!;
        while (this.#position.epoch < phase.epochs) validation = await this.#epoch(phase);
        await this.#release();
        for (const name of [...this.#state.keys()]) if (/^(exp_avg|exp_avg_sq)\./.test(name)) this.#state.delete(name);
        this.#position = {
          ...this.#position,
          phase: this.#position.phase + 1,
          epoch: 0,
          step: 0,
          optimizerStep: 0,
          smooth: smoothLoss.init(),
        };
        await this.#options.onCheckpoint?.(this.#state, this.#position);
      }
    } finally {
      await this.#release();
    }
    return validation ?? this.validate();
  }

  /** Loss and accuracy on the held-out photos, as the served model would see them. */
  async validate(): Promise<Validation> {
    const { engine, spec, source, split, config } = this.#options;
    const photos = source(config.size);
    const logits = await evaluationLogits(engine, spec, this.weights, photos, split.valid, config.size);
    const targets = split.valid.map((index) => photos.targets[index]!);
    return score(logits, targets, spec.classes, config.labelSmoothing);
  }

  async #epoch(phase: Phase): Promise<Validation> {
    const { config, split, source } = this.#options;
    const began = performance.now();
    const globalEpoch = this.#globalEpoch();
    const size = sizeAt(config, phase.name, this.#position.epoch, this.#options.spec.architecture.stride);
    const photos = source(size);
    const batch = Math.min(config.batch, split.train.length);
    const steps = Math.floor(split.train.length / batch);
    const { trainer, program } = await this.#start(phase, size, batch);
    const order = epochOrder(split.train, config.seed, globalEpoch);
    const first = this.#position.step;
    const batches = prefetch(
      (i) =>
        makeBatch(photos, order.slice((first + i) * batch, (first + i + 1) * batch), config, program, {
          epoch: globalEpoch,
          step: first + i,
        }),
      steps - first,
      3,
    );
    let engineMs = 0;
    let lr = 0;
    for await (const inputs of batches) {
      if (this.#options.stopping?.()) await this.#interrupt();
      const { step, epoch, optimizerStep } = this.#position;
      const hypers = hypersAt(phase.schedule, phase.lrMax, (epoch * steps + step) / (phase.epochs * steps));
      lr = hypers.lr.at(-1)!;
      const result = await trainer.step(inputs, {
        ...hypers,
        step: optimizerStep + 1,
        weightDecay: config.weightDecay,
        average: averageDecay(config.average, optimizerStep),
      });
      engineMs += result.milliseconds;
      this.#afterStep(phase, result.outputs.loss!.data[0] as number, steps, lr);
    }
    await this.#collect();
    const validation = await this.validate();
    const row: EpochRow = {
      phase: phase.name,
      epoch: this.#position.epoch,
      size,
      trainLoss: smoothLoss.value(this.#position.smooth),
      validLoss: validation.loss,
      errorRate: 1 - validation.accuracy,
      accuracy: validation.accuracy,
      lr,
      seconds: (performance.now() - began) / 1000,
      engineSeconds: engineMs / 1000,
      waitSeconds: batches.waitMs / 1000,
    };
    this.#position = { ...this.#position, epoch: row.epoch + 1, step: 0, rows: [...this.#position.rows, row] };
    await this.#options.onCheckpoint?.(this.#state, this.#position);
    this.#options.onEpoch?.(row, validation);
    return validation;
  }

  #afterStep(phase: Phase, loss: number, steps: number, lr: number): void {
    const { epoch, step } = this.#position;
    if (!Number.isFinite(loss)) fail("LOSS_NOT_FINITE", { step: step + 1, received: loss });
    const smooth = smoothLoss.update(this.#position.smooth, loss);
    const done = this.#stepsBefore(this.#position.phase, steps) + epoch * steps + step + 1;
    const value = smoothLoss.value(smooth);
    const curve =
      done % CURVE_EVERY === 0 ? [...this.#position.curve, { step: done, loss: value, lr }] : this.#position.curve;
    this.#position = {
      ...this.#position,
      step: step + 1,
      optimizerStep: this.#position.optimizerStep + 1,
      smooth,
      curve,
    };
    const total = this.#stepsBefore(this.#phases.length, steps);
    this.#options.onBatch?.({
      phase: phase.name,
      epoch,
      epochs: phase.epochs,
      step: step + 1,
      steps,
      loss,
      smooth: value,
      done,
      total,
    });
  }

  /** Steps of the phases before this one. */
  #stepsBefore(phase: number, steps: number): number {
    return this.#phases.slice(0, phase).reduce((sum, { epochs }) => sum + epochs * steps, 0);
  }

  #globalEpoch(): number {
    return this.#stepsBefore(this.#position.phase, 1) + this.#position.epoch;
  }

  /** The program for a phase and a size, made anew where either changed; optimiser state carries over within a phase. */
  async #start(phase: Phase, size: number, batch: number): Promise<{ trainer: Trainer; program: TrainProgram }> {
    const key = `${phase.name}/${size}`;
    if (this.#running?.key === key) return this.#running;
    await this.#release();
    const { engine, spec, config, source } = this.#options;
    this.#target ??= await engine.probe();
    const program = trainProgram(spec, this.#state, {
      batch,
      size,
      cacheSize: source(size).cacheSize,
      firstGroup: phase.name === "frozen" ? spec.architecture.bodyGroups : config.frozenGroups,
      trainFrozenNorms: config.trainFrozenNorms,
      statistics: config.statistics,
      mixup: config.mixup > 0,
      average: config.average > 0,
      target: this.#target,
    });
    const trainer = await engine.train(program);
    await trainer.load(this.#state);
    this.#running = { trainer, program, key };
    return this.#running;
  }

  /** Copies what the running program holds into the state. */
  async #collect(): Promise<void> {
    if (this.#running === undefined) return;
    for (const [name, tensor] of await this.#running.trainer.save()) this.#state.set(name, tensor);
  }

  async #release(): Promise<void> {
    if (this.#running === undefined) return;
    await this.#collect();
    await this.#running.trainer.release();
    this.#running = undefined;
  }

  async #interrupt(): Promise<never> {
    await this.#collect();
    await this.#options.onCheckpoint?.(this.#state, this.#position);
    return fail("INTERRUPTED", { task: "training", advice: "go on with --resume" });
  }
}
