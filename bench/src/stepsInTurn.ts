// `bench steps-in-turn`: a training step of ours and one of PyTorch's, one after the other, so that both meet the same minutes of a machine
// whose speed drifts.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { probeTarget, TrainingSession } from "@ballsight/grad";
import * as runtime from "onnxruntime-node";
import { architectureOf, inRepository, sideFor, wholeNumber } from "./options.ts";
import { print, rounded, seconds, tell, times } from "./output.ts";
import { findPeer } from "./peer.ts";
import { progressBar } from "./progress.ts";
import { median } from "./stats.ts";
import { type StepOptions, stepHyper, stepInputs, stepMasks, stepProgram } from "./stepProgram.ts";

/** As commander hands them over. */
export interface StepsInTurnOptions {
  readonly arch: string;
  readonly size: string;
  readonly batch: string;
  readonly steps: string;
  readonly threads: string;
  readonly json?: true;
}

/** A side that makes one step and says how long it took, in seconds. */
interface Side {
  step(): Promise<number>;
  close(): Promise<void>;
}

type Shape = Omit<StepOptions, "mode" | "target"> & { readonly threads: number };

/** Allocations and caches settle in the first ones. */
const WARM_UP = 3;
/** Idle threads of either side spin for a while before they sleep, and would slow the other. */
const SETTLE_MS = 60;

export async function stepsInTurn(options: StepsInTurnOptions): Promise<void> {
  const architecture = architectureOf(options.arch);
  const shape: Shape = {
    architecture,
    size: sideFor(architecture, options.size),
    batch: wholeNumber("batch", options.batch, 2, 1024),
    threads: wholeNumber("threads", options.threads, 1, 256),
  };
  const steps = wholeNumber("steps", options.steps, 1, 10_000);
  const peer = await findPeer("torch_steps.py", inRepository("bench/peer"));
  if ("skipped" in peer) {
    tell(`there is nothing to compare with: ${peer.skipped}`);
    process.exitCode = 1;
    return;
  }

  // The peer first: where it cannot start, nothing of ours is open.
  const torch = await torchSide(peer, shape);
  const sides = [await ourSide(shape), torch] as const;
  const taken: [number[], number[]] = [[], []];
  const progress = progressBar();
  progress.start("Pairs of steps");
  try {
    for (let pair = 0; pair < WARM_UP + steps; pair++) {
      // Who goes first changes, for what the one leaves in the caches.
      for (const side of pair % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        await sleep(SETTLE_MS);
        const time = await sides[side].step();
        if (pair >= WARM_UP) taken[side].push(time);
      }
      progress.update({ done: pair + 1, total: WARM_UP + steps });
    }
  } finally {
    progress.clear();
    for (const side of sides) await side.close();
  }
  report(shape, taken, options.json === true);
}

async function ourSide({ architecture, size, batch, threads }: Shape): Promise<Side> {
  const options = { architecture, size, batch, mode: "train", target: await probeTarget(runtime) } as const;
  const { program, state } = stepProgram(options);
  const session = await TrainingSession.create(runtime, program, { intraOpNumThreads: threads, logSeverityLevel: 3 });
  session.load(state);
  const inputs = stepInputs(options);
  let step = 0;
  return {
    step: async () => {
      step++;
      const start = performance.now();
      await session.step({ ...inputs, ...stepMasks(program, step) }, stepHyper(program, step));
      return (performance.now() - start) / 1000;
    },
    close: () => session.release(),
  };
}

async function torchSide(
  { python, script }: { readonly python: string; readonly script: string },
  { architecture, size, batch, threads }: Shape,
): Promise<Side> {
  const args = [script, "--size", `${size}`, "--batch", `${batch}`, "--threads", `${threads}`, architecture.name];
  const child = spawn(python, args, { stdio: ["pipe", "pipe", "inherit"] });
  // A peer that has ended is told by its silence.
  child.stdin.on("error", () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the peer ${script} ended`);
    return value;
  };
  await next();
  return {
    step: () => {
      child.stdin.write("\n");
      return next().then(Number);
    },
    close: async () => {
      child.stdin.end();
    },
  };
}

function report({ architecture, size, batch, threads }: Shape, [ours, torch]: [number[], number[]], json: boolean) {
  const of = (all: readonly number[]) => ({ min: rounded(Math.min(...all)), median: rounded(median(all)) });
  const result = {
    arch: architecture.name,
    size,
    batch,
    threads,
    steps: ours.length,
    ballsight_s: of(ours),
    pytorch_s: of(torch),
    ratio_of_medians: rounded(median(ours) / median(torch)),
    /** Of each pair of neighbours. */
    median_of_ratios: rounded(median(ours.map((time, pair) => time / torch[pair]!))),
  };
  const row = (name: string, { min, median }: { readonly min: number; readonly median: number }) =>
    [name, seconds(min), seconds(median)] as const;
  print(
    result,
    [
      [
        `${architecture.name} ${size} px, batch ${batch}, ${threads} threads, ${ours.length} pairs`,
        "step, min",
        "median",
      ],
      row("Ballsight", result.ballsight_s),
      row("PyTorch", result.pytorch_s),
      ["Ballsight / PyTorch: of medians", "", times(result.ratio_of_medians)],
      ["median of the pairs' ratios", "", times(result.median_of_ratios)],
    ],
    json,
  );
}
