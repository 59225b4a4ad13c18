// `bench train-step`: seconds per training step, beside PyTorch's before and after.

import { probeTarget, type Target, TrainingSession } from "@ballsight/grad";
import { fail } from "@ballsight/vision";
import * as runtime from "onnxruntime-node";
import { architectureOf, choice, sideFor, wholeNumber } from "./options.ts";
import { print, type Row, rounded, seconds, tell, times } from "./output.ts";
import { findPeer, peerRatio, runPeer, type StepTimes } from "./peer.ts";
import { progressBar } from "./progress.ts";
import { median } from "./stats.ts";
import { MODES, type Mode, type StepOptions, stepHyper, stepInputs, stepMasks, stepProgram } from "./stepProgram.ts";

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
  /** Our median by the mean of the peer's two; below 1 is quicker. */
  readonly ratio: number;
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
    const [line] = await runPeer<StepTimes>(peer, [...args, architecture.name]);
    if (line === undefined) throw new Error("the peer printed no times");
    return line;
  };
  // Right before and right after: a machine's speed drifts, and one run alone may have met its best or worst minute.
  const before = await runOnce("before");
  const ours = await measure();
  const after = await runOnce("after");
  report({ ...ours, peer: { before, after, ratio: rounded(peerRatio(ours, before, after)) } }, options);
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
      arch: architecture.name,
      size,
      batch,
      mode,
      target: target.kind,
      ...(target.kind === "blocked" && { block: target.block }),
      threads,
      steps,
      train_step_s: { min: rounded(Math.min(...measured)), median: rounded(median(measured)) },
      build_s: rounded(built / 1000),
      loss: { first: rounded(losses[0]!), last: rounded(losses.at(-1)!) },
    };
  } finally {
    progress.clear();
    await session.release();
  }
}

function report(result: TrainStepResult, { json }: TrainStepOptions): void {
  const { arch, size, batch, mode, target, threads, train_step_s, peer } = result;
  const line = (name: string, step: StepTimes["train_step_s"]): Row => [
    name,
    seconds(step.min),
    seconds(step.median),
    `${(batch / step.median).toFixed(1)}`,
  ];
  const rows: Row[] = [
    [`${arch} ${size} px, batch ${batch}, ${mode}, ${threads} threads`, "min", "median", "photos/s"],
    line(`Ballsight (${target})`, train_step_s),
  ];
  if (peer !== undefined && "before" in peer) {
    rows.push(line("PyTorch, before", peer.before.train_step_s), line("PyTorch, after", peer.after.train_step_s), [
      "Ballsight / PyTorch",
      "",
      times(peer.ratio),
    ]);
  } else if (peer !== undefined) rows.push([`PyTorch skipped: ${peer.skipped}`]);
  print(result, rows, json === true);
}
