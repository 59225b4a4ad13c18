// Trains a network: freeze, fine-tune, validate, stop and go on. Knows nothing of files; photos, engine and checkpoints come in as values.

import type { Engine, State, StepHyper, StepResult, Target, TensorData, Trainer, TrainProgram } from "@ballsight/grad";
import type { Split } from "../data/split.ts";
import { fail } from "../errors.ts";
import { averageDecay } from "./average.ts";
import { bestAfter, forgetBest, isMoment, isStale, isWeight, keepBest, type PhaseEnd, restoreBest } from "./best.ts";
import { type LearnerConfig, sizeAt } from "./config.ts";
import { type EpochShape, epochBatches, epochShape, phaseProgram } from "./epoch.ts";
import { smoothLoss } from "./metrics.ts";
import type { NetworkSpec } from "./network.ts";
import { afterEpoch, afterPhase, type EpochRow, type Position, START, stepped } from "./position.ts";
import { fineTunePlan, hypersAt, type Phase } from "./schedule.ts";
import type { PhotoSource } from "./source.ts";
import { evaluationLogits, score, softmaxRows, type Validation } from "./validate.ts";

export interface BatchEvent {
  readonly phase: Phase["name"];
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  /** Debiased exponential average. */
  readonly smooth: number;
  /** Spent in the epoch so far, before an interruption too. */
  readonly seconds: number;
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
  readonly onPhase?: (end: PhaseEnd) => void;
  /** After each epoch and each phase, and when it is told to stop. */
  readonly onCheckpoint?: (state: State, position: Position) => Promise<void>;
  /** Asked before every step; true stops, with a checkpoint. */
  readonly stopping?: () => boolean;
}

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
    const { epochs, freezeEpochs, lr, lrMult, schedule } = config;
    this.#phases = fineTunePlan({ epochs, freezeEpochs, lr, lrMult, groups, schedule });
  }

  get position(): Position {
    return this.#position;
  }

  /** What is validated and exported: the averages where they are kept, else the parameters. */
  get weights(): State {
    const { average } = this.#options.config;
    const plain = [...this.#state].filter(([name]) => isWeight(name));
    return new Map(
      plain.map(([name, tensor]) => [name, (average > 0 ? this.#state.get(`average.${name}`) : undefined) ?? tensor]),
    );
  }

  /**
   * fastai's fine_tune from where it stands: the head alone, then all groups. Returns the validation of the weights that it
   * ends with: the last epoch's, or with `saveBest` those of the last phase's best epoch.
   * @throws INTERRUPTED after a checkpoint, when it was told to stop; LOSS_NOT_FINITE
   */
  async fineTune(): Promise<Validation> {
    let validation: Validation | undefined;
    try {
      while (this.#position.phase < this.#phases.length) {
        const phase = this.#phases[this.#position.phase]!;
        while (!this.#isOver(phase)) validation = await this.#epoch(phase);
        const end = await this.#endPhase(phase);
        if (end.kept !== end.epochs - 1) validation = undefined;
      }
    } catch (error) {
      await this.#discard();
      throw error;
    }
    return validation ?? this.validate();
  }

  #isOver({ epochs }: Phase): boolean {
    const { epoch, best } = this.#position;
    return epoch >= epochs || isStale(best, epoch, this.#options.config);
  }

  async #endPhase({ name, epochs: planned }: Phase): Promise<PhaseEnd> {
    await this.#release();
    const { epoch: epochs, best } = this.#position;
    for (const moment of [...this.#state.keys()].filter(isMoment)) this.#state.delete(moment);
    restoreBest(this.#state);
    forgetBest(this.#state);
    const kept = this.#options.config.saveBest && best !== null ? best.epoch : epochs - 1;
    const end = { phase: name, epochs, planned, kept };
    this.#position = afterPhase(this.#position, end);
    await this.#options.onCheckpoint?.(this.#state, this.#position);
    this.#options.onPhase?.(end);
    return end;
  }

  /** Loss and accuracy on the held-out photos, as the served model would see them. */
  async validate(): Promise<Validation> {
    const { engine, spec, source, split, config } = this.#options;
    const photos = source(config.size);
    const logits = await evaluationLogits(engine, spec, this.weights, photos, split.valid, config.testSize);
    const targets = split.valid.map((index) => photos.targets[index]!);
    return score(softmaxRows(logits, spec.classes), targets, spec.classes, config.labelSmoothing);
  }

  async #epoch(phase: Phase): Promise<Validation> {
    const { config, spec, split, source } = this.#options;
    const clock = new EpochClock(this.#position.spent);
    const epoch = this.#globalEpoch();
    const size = sizeAt(config, phase.name, this.#position.epoch, spec.architecture.stride);
    const photos = source(size);
    const shape = epochShape(split.train.length, config);
    const { parts, steps } = shape;
    const { trainer, program } = await this.#start(phase, size, shape);
    const first = this.#position.step;
    const batches = epochBatches(photos, split.train, config, program, { epoch, first, size });
    let lr = 0;
    let losses: number[] = [];
    for await (const inputs of batches) {
      clock.waitMs = batches.waitMs;
      if (losses.length === 0 && this.#options.stopping?.()) await this.#interrupt(clock);
      let result: StepResult;
      if (losses.length < parts - 1) result = await trainer.accumulate(inputs);
      else {
        const hypers = this.#hypers(phase, steps);
        lr = hypers.lr.at(-1)!;
        result = await trainer.step(inputs, hypers);
      }
      clock.engineMs += result.milliseconds;
      losses.push(result.outputs.loss!.data[0] as number);
      if (losses.length < parts) continue;
      this.#afterStep(phase, losses.reduce((sum, loss) => sum + loss, 0) / parts, steps, lr, clock.spent.seconds);
      losses = [];
    }
    const trained = await this.#collect();
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
      ...clock.spent,
    };
    const best = bestAfter(this.#position.best, row, config);
    if (config.saveBest && best?.epoch === row.epoch) keepBest(this.#state, trained);
    this.#position = afterEpoch(this.#position, row, best);
    await this.#options.onCheckpoint?.(this.#state, this.#position);
    this.#options.onEpoch?.(row, validation);
    return validation;
  }

  #hypers({ schedule, lrMax, epochs }: Phase, steps: number): StepHyper {
    const { config } = this.#options;
    const { step, epoch, optimizerStep } = this.#position;
    return {
      ...hypersAt(schedule, lrMax, (epoch * steps + step) / (epochs * steps)),
      step: optimizerStep + 1,
      weightDecay: config.weightDecay,
      average: averageDecay(config.average, optimizerStep),
    };
  }

  #afterStep(phase: Phase, loss: number, steps: number, lr: number, seconds: number): void {
    const { epoch, step } = this.#position;
    const { name, epochs } = phase;
    if (!Number.isFinite(loss))
      fail("LOSS_NOT_FINITE", { step: step + 1, phase: name, epoch: epoch + 1, received: loss });
    this.#position = stepped(this.#position, loss, lr);
    const smooth = smoothLoss.value(this.#position.smooth);
    this.#options.onBatch?.({ phase: name, epoch, epochs, step: step + 1, steps, loss, smooth, seconds });
  }

  /** Epochs before this one in all phases as they were planned: draws stay where they are when a phase ends early. */
  #globalEpoch(): number {
    const { phase, epoch } = this.#position;
    return this.#phases.slice(0, phase).reduce((sum, { epochs }) => sum + epochs, epoch);
  }

  /** The program for a phase and a size, made anew where either changed; optimiser state carries over within a phase. */
  async #start(phase: Phase, size: number, shape: EpochShape): Promise<{ trainer: Trainer; program: TrainProgram }> {
    const key = `${phase.name}/${size}`;
    if (this.#running?.key === key) return this.#running;
    await this.#release();
    const { engine, spec, config, source } = this.#options;
    this.#target ??= await engine.probe();
    const program = phaseProgram(spec, this.#state, config, shape, {
      phase: phase.name,
      size,
      cacheSize: source(size).cacheSize,
      average: config.average > 0,
      target: this.#target,
    });
    const trainer = await engine.train(program);
    // Before it is loaded, so that it is let go where that fails.
    this.#running = { trainer, program, key };
    await trainer.load(this.#state);
    return this.#running;
  }

  /** Copies what the running program holds into the state; returns the names. */
  async #collect(): Promise<string[]> {
    if (this.#running === undefined) return [];
    const saved = await this.#running.trainer.save();
    for (const [name, tensor] of saved) this.#state.set(name, tensor);
    return [...saved.keys()];
  }

  async #release(): Promise<void> {
    if (this.#running === undefined) return;
    await this.#collect();
    await this.#running.trainer.release();
    this.#running = undefined;
  }

  /** Lets the running program go after an error, which a failure to do so must not replace: the engine may be gone. */
  async #discard(): Promise<void> {
    await this.#running?.trainer.release().catch(() => undefined);
    this.#running = undefined;
  }

  async #interrupt({ spent }: EpochClock): Promise<never> {
    await this.#collect();
    this.#position = { ...this.#position, spent };
    await this.#options.onCheckpoint?.(this.#state, this.#position);
    return fail("INTERRUPTED", { task: "training", advice: "go on with --resume" });
  }
}

/** Times of an epoch, what was spent before an interruption included. */
class EpochClock {
  readonly #before: Position["spent"];
  readonly #began = performance.now();
  engineMs = 0;
  waitMs = 0;

  constructor(before: Position["spent"]) {
    this.#before = before;
  }

  get spent(): Position["spent"] {
    const { seconds, engineSeconds, waitSeconds } = this.#before;
    return {
      seconds: seconds + (performance.now() - this.#began) / 1000,
      engineSeconds: engineSeconds + this.engineMs / 1000,
      waitSeconds: waitSeconds + this.waitMs / 1000,
    };
  }
}
