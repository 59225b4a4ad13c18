// `bench train-step`: seconds per training step and per forward pass, and memory, beside PyTorch's before and after.

import { probeTarget, type Target, type TensorData, TrainingSession } from "@ballsight/grad";
import { fail } from "@ballsight/vision";
import * as runtime from "onnxruntime-node";
import { architectureOf, choice, sideFor, wholeNumber } from "./options.ts";
import { milliseconds, print, type Row, rounded, seconds, tell, times } from "./output.ts";
import { findPeer, peerRatio, runPeer, type StepTimes } from "./peer.ts";
import { progressBar } from "./progress.ts";
import { median } from "./stats.ts";
import {
  forwardModel,
  MODES,
  type Mode,
  type StepOptions,
  stepHyper,
  stepInputs,
  stepMasks,
  stepProgram,
} from "./stepProgram.ts";

/** As commander hands them over. */
export interface TrainStepOptions {
  readonly arch: string;
  readonly size: string;
  readonly batch: string;
  readonly steps: string;
  readonly mode: string;
  readonly target: string;
  readonly threads: string;
  readonly peer?: true;
  readonly peerFolder?: string;
  readonly json?: true;
}

interface TrainStepResult extends StepTimes {
  readonly arch: string;
  readonly size: number;
  readonly batch: number;
  readonly mode: Mode;
  readonly target: Target["kind"];
  /** Channels per block of the blocked target. */
  readonly block?: number;
  readonly threads: number;
  readonly steps: number;
  /** Graph, gradients and session. */
  readonly build_s: number;
  /** The same photos over and over: it must fall. */
  readonly loss: { readonly first: number; readonly last: number };
  readonly peer?: PeerTimes | { readonly skipped: string };
}

interface PeerTimes {
  readonly before: StepTimes;
  readonly after: StepTimes;
  /** Of the steps: our median by the mean of the peer's two; below 1 is quicker. */
  readonly ratio: number;
  readonly forward_batch_ratio: number;
  readonly forward_one_ratio: number;
  readonly memory_ratio?: number;
}

/** As the peer's script: allocations and caches settle in the first two. */
const WARM_UP = 2;

export async function trainStep(options: TrainStepOptions): Promise<void> {
  const architecture = architectureOf(options.arch);
  const mode = choice("mode", options.mode, MODES);
  const kind = choice("target", options.target, ["auto", "plain", "blocked"]);
  const size = sideFor(architecture, options.size);
  const batch = wholeNumber("batch", options.batch, 2, 1024);
  const steps = wholeNumber("steps", options.steps, 1, 10_000);
  const threads = wholeNumber("threads", options.threads, 1, 256);
  const target = await chooseTarget(kind);
  const measure = () => measureSteps({ architecture, size, batch, mode, target }, steps, threads);

  const peer = options.peer ? await findPeer("torch_train_step.py", options.peerFolder) : undefined;
  if (peer === undefined) return report(await measure(), options);
  if ("skipped" in peer) {
    tell(`peer skipped: ${peer.skipped}`);
    return report({ ...(await measure()), peer }, options);
  }
  const args = Object.entries({ size, batch, steps, threads, mode }).flatMap(([name, value]) => [
    `--${name}`,
    `${value}`,
  ]);
  const runOnce = async (when: string): Promise<StepTimes> => {
    tell(`PyTorch, ${when} ...`);
    const { lines, peakBytes } = await runPeer<StepTimes>(peer, [...args, architecture.name]);
    if (lines[0] === undefined) throw new Error("the peer printed no times");
    return { ...lines[0], ...(peakBytes !== undefined && { peak_bytes: peakBytes }) };
  };
  // Right before and right after: a machine's speed drifts, and one run alone may have met its best or worst minute.
  const before = await runOnce("before");
  const ours = await measure();
  const after = await runOnce("after");
  const ratio = (value: (times: StepTimes) => number) => rounded(peerRatio(ours, before, after, value));
  const memory = ratio((times) => times.peak_bytes ?? Number.NaN);
  const ratios = {
    ratio: ratio((times) => times.train_step_s.median),
    forward_batch_ratio: ratio((times) => times.forward_batch_s),
    forward_one_ratio: ratio((times) => times.forward_one_s),
    ...(!Number.isNaN(memory) && { memory_ratio: memory }),
  };
  report({ ...ours, peer: { before, after, ...ratios } }, options);
}

async function chooseTarget(kind: "auto" | "plain" | "blocked"): Promise<Target> {
  if (kind === "plain") return { kind };
  const target = await probeTarget(runtime);
  if (kind === "blocked" && target.kind !== "blocked") {
    const expected = "auto or plain, since this machine's ONNX Runtime has no blocked kernels";
    fail("BAD_OPTION", { option: "--target", expected, received: kind });
  }
  return target;
}

/** In this thread: a worker's message channel would be timed too, and a training hides that behind the step. */
async function measureSteps(options: StepOptions, steps: number, threads: number): Promise<TrainStepResult> {
  const { architecture, size, batch, mode, target } = options;
  const trained = await timeSteps(options, steps, threads);
  // Before the forward passes add to it; the process holds this program as well.
  const peak = process.resourceUsage().maxRSS * 1024;
  const forward = await timeForward(options, steps, threads);
  return {
    arch: architecture.name,
    size,
    batch,
    mode,
    target: target.kind,
    ...(target.kind === "blocked" && { block: target.block }),
    threads,
    steps,
    ...trained,
    ...forward,
    peak_bytes: peak,
  };
}

async function timeSteps(options: StepOptions, steps: number, threads: number) {
  const progress = progressBar();
  const began = performance.now();
  const { program, state } = stepProgram(options);
  const session = await TrainingSession.create(runtime, program, { intraOpNumThreads: threads, logSeverityLevel: 3 });
  const built = performance.now() - began;
  try {
    session.load(state);
    const inputs = stepInputs(options);
    const durations: number[] = [];
    const losses: number[] = [];
    progress.start("Training steps");
    for (let step = 1; step <= WARM_UP + steps; step++) {
      const start = performance.now();
      const { outputs } = await session.step({ ...inputs, ...stepMasks(program, step) }, stepHyper(program, step));
      durations.push((performance.now() - start) / 1000);
      losses.push(outputs.loss!.data[0] as number);
      progress.update({ done: step, total: WARM_UP + steps });
    }
    const measured = durations.slice(WARM_UP);
    return {
      train_step_s: { min: rounded(Math.min(...measured)), median: rounded(median(measured)) },
      build_s: rounded(built / 1000),
      loss: { first: rounded(losses[0]!), last: rounded(losses.at(-1)!) },
    };
  } finally {
    progress.clear();
    await session.release();
  }
}

/** As the peer times them: the mean of as many passes as steps for the batch, and of four times as many for one photo. */
async function timeForward(options: StepOptions, steps: number, threads: number) {
  const mean = async (batch: number, passes: number) => {
    const session = await runtime.InferenceSession.create(forwardModel({ ...options, batch }), {
      graphOptimizationLevel: "all",
      intraOpNumThreads: threads,
      logSeverityLevel: 3,
    });
    try {
      const { data, dims } = stepInputs({ ...options, batch }).images as TensorData<"float32">;
      const feeds = { images: new runtime.Tensor("float32", data, dims) };
      await session.run(feeds);
      const start = performance.now();
      for (let pass = 0; pass < passes; pass++) await session.run(feeds);
      return rounded((performance.now() - start) / 1000 / passes);
    } finally {
      await session.release();
    }
  };
  return { forward_batch_s: await mean(options.batch, steps), forward_one_s: await mean(1, 4 * steps) };
}

function report(result: TrainStepResult, { json }: TrainStepOptions): void {
  const { arch, size, batch, mode, target, threads, peer } = result;
  const line = (name: string, { train_step_s, forward_batch_s, forward_one_s, peak_bytes }: StepTimes): Row => [
    name,
    seconds(train_step_s.min),
    seconds(train_step_s.median),
    `${(batch / train_step_s.median).toFixed(1)}`,
    seconds(forward_batch_s),
    milliseconds(1000 * forward_one_s),
    peak_bytes === undefined ? "" : `${(peak_bytes / 1e9).toFixed(2)} GB`,
  ];
  const rows: Row[] = [
    [
      `${arch} ${size} px, batch ${batch}, ${mode}, ${threads} threads`,
      "step, min",
      "median",
      "photos/s",
      "forward",
      "one photo",
      "memory",
    ],
    line(`Ballsight (${target})`, result),
  ];
  if (peer !== undefined && "before" in peer) {
    const memory = peer.memory_ratio === undefined ? "" : times(peer.memory_ratio);
    rows.push(line("PyTorch, before", peer.before), line("PyTorch, after", peer.after), [
      "Ballsight / PyTorch",
      "",
      times(peer.ratio),
      "",
      times(peer.forward_batch_ratio),
      times(peer.forward_one_ratio),
      memory,
    ]);
  } else if (peer !== undefined) rows.push([`PyTorch skipped: ${peer.skipped}`]);
  print(result, rows, json === true);
}
