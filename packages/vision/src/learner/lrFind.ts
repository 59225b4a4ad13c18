// fastai's lr_find (Smith 2017): a short training whose rate grows from step to step until the loss runs away. What it trains is thrown away.

import type { Engine, State } from "@ballsight/grad";
import type { Split } from "../data/split.ts";
import { fail } from "../errors.ts";
import { type LearnerConfig, sizeAt } from "./config.ts";
import { epochBatches, epochShape, phaseProgram } from "./epoch.ts";
import { smoothLoss } from "./metrics.ts";
import type { NetworkSpec } from "./network.ts";
import type { Phase } from "./schedule.ts";
import type { PhotoSource } from "./source.ts";
import type { LrCurve } from "./suggest.ts";

export interface LrFindOptions {
  readonly engine: Engine;
  readonly spec: NetworkSpec;
  /** Of the training that is to come: the test is made in its first phase, at its first size. */
  readonly config: LearnerConfig;
  /** Parameters and statistics; they are left as they are. */
  readonly state: State;
  readonly source: (size: number) => PhotoSource;
  readonly split: Split;
  readonly startLr?: number;
  readonly endLr?: number;
  /** At least 6, as fastai has it. */
  readonly steps?: number;
  /** Stop once the loss is four times its best (true). */
  readonly stopDiverging?: boolean;
  readonly onStep?: (done: number, total: number, smooth: number) => void;
  /** Asked before every step; true gives up. */
  readonly stopping?: () => boolean;
}

export interface LrFindResult extends LrCurve {
  readonly phase: Phase["name"];
  /** Steps that were to be made. */
  readonly planned: number;
  /** Whether the loss ran away before the last of them. */
  readonly diverged: boolean;
}

/** Adam's momentum in fastai where no schedule moves it. */
const MOMENTUM = 0.9;
const RUNAWAY = 4;

/** The phase that a training by these settings begins with. */
const firstPhase = ({ freezeEpochs, epochs }: LearnerConfig): Phase["name"] =>
  freezeEpochs > 0 || epochs === 0 ? "frozen" : "unfrozen";

/**
 * Rates and smoothed losses. The same seed gives the same bits.
 * @throws INTERRUPTED when it was told to stop
 */
export async function lrFind(options: LrFindOptions): Promise<LrFindResult> {
  const { engine, spec, config, state, split, startLr = 1e-7, endLr = 10, stopDiverging = true, onStep } = options;
  const planned = Math.max(options.steps ?? 100, 6);
  const phase = firstPhase(config);
  const size = sizeAt(config, phase, 0, spec.architecture.stride);
  const source = options.source(size);
  const shape = epochShape(split.train.length, config);
  const target = await engine.probe();
  const { cacheSize } = source;
  const program = phaseProgram(spec, state, config, shape, { phase, size, cacheSize, target, average: false });
  const trainer = await engine.train(program);
  const [lrs, losses]: [number[], number[]] = [[], []];
  let smooth = smoothLoss.init();
  let best = Number.POSITIVE_INFINITY;
  const result = (diverged: boolean) => ({ lrs, losses, phase, planned, diverged });
  try {
    await trainer.load(state);
    for (let epoch = 0; ; epoch++) {
      let parts: number[] = [];
      for await (const inputs of epochBatches(source, split.train, config, program, { epoch, first: 0, size })) {
        if (options.stopping?.())
          fail("INTERRUPTED", { task: "the search for a learning rate", advice: "start it again" });
        const step = lrs.length;
        const lr = startLr * (endLr / startLr) ** (step / planned);
        const { outputs } = await (parts.length < shape.parts - 1
          ? trainer.accumulate(inputs)
          : trainer.step(inputs, {
              lr: new Array<number>(program.groups).fill(lr),
              momentum: MOMENTUM,
              step: step + 1,
              weightDecay: config.weightDecay,
            }));
        parts.push(outputs.loss!.data[0] as number);
        if (parts.length < shape.parts) continue;
        smooth = smoothLoss.update(smooth, parts.reduce((sum, loss) => sum + loss, 0) / shape.parts);
        parts = [];
        const value = smoothLoss.value(smooth);
        lrs.push(lr);
        losses.push(value);
        onStep?.(lrs.length, planned, value);
        best = Math.min(best, value);
        // Once it is no number it stays none; fastai's runs on to no end.
        if (Number.isNaN(value) || (stopDiverging && value > RUNAWAY * best)) return result(true);
        if (lrs.length >= planned) return result(false);
      }
    }
  } finally {
    // An error from above says more than one from here, and what was found stays found.
    await trainer.release().catch(() => undefined);
  }
}
