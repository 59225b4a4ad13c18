// `bench time-to-accuracy`: seconds of training until the held-out accuracy first reaches a target, beside PyTorch's on the same photos.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { dataFolder, inRepository, PROGRAM, share, wholeNumber } from "./options.ts";
import { print, type Row, rounded, seconds, tell, times } from "./output.ts";
import { findPeer, runPeer } from "./peer.ts";
import { ProgramFailed, run } from "./processes.ts";
import { temporaryFolder } from "./temporary.ts";

/** As commander hands them over. */
export interface TimeToAccuracyOptions {
  readonly data?: string;
  readonly accuracy: string;
  readonly size: string;
  readonly peer?: true;
  readonly peerFolder?: string;
  readonly json?: true;
}

/** Accuracy on the held-out photos after an epoch, and seconds of training until then. */
export interface EpochPoint {
  readonly phase: string;
  readonly epoch: number;
  readonly seconds: number;
  readonly accuracy: number;
}

export interface Reached {
  /** null where the training ended below the target. */
  readonly seconds: number | null;
  readonly best: number;
  readonly epochs: readonly EpochPoint[];
}

export async function timeToAccuracy(trainArguments: readonly string[], options: TimeToAccuracyOptions): Promise<void> {
  const target = share("accuracy", options.accuracy);
  const size = wholeNumber("size", options.size, 32, 1024);
  const data = dataFolder(options.data);
  const peer = options.peer ? await findPeer("torch_fine_tune.py", options.peerFolder) : undefined;
  if (peer !== undefined && "skipped" in peer) tell(`peer skipped: ${peer.skipped}`);

  const ours = reached(await trainOurs(data, size, target, trainArguments), target);
  const theirs =
    peer === undefined || "skipped" in peer ? peer : reached(await trainPeer(peer, data, size, target), target);
  const other = theirs !== undefined && "epochs" in theirs ? theirs : undefined;
  const ratio =
    ours.seconds !== null && other !== undefined && other.seconds !== null ? ours.seconds / other.seconds : undefined;
  const result = {
    accuracy: target,
    size,
    arguments: trainArguments,
    ballsight: ours,
    ...(theirs && { peer: theirs }),
    ...(ratio !== undefined && { ratio: rounded(ratio) }),
  };
  const line = (name: string, { seconds: time, best, epochs }: Reached): Row => [
    name,
    time === null ? "not reached" : seconds(time),
    `${(100 * best).toFixed(2)} %`,
    `${epochs.length}`,
  ];
  const rows: Row[] = [
    [`to ${100 * target} % at ${size} px`, "training", "accuracy", "epochs"],
    line("Ballsight", ours),
  ];
  if (other !== undefined) rows.push(line("PyTorch", other));
  if (theirs !== undefined && "skipped" in theirs) rows.push([`PyTorch skipped: ${theirs.skipped}`]);
  if (ratio !== undefined) rows.push(["Ballsight / PyTorch", times(ratio)]);
  print(result, rows, options.json === true);
}

/** What the epochs amount to. */
export function reached(epochs: readonly EpochPoint[], target: number): Reached {
  return {
    seconds: epochs.find(({ accuracy }) => accuracy >= target)?.seconds ?? null,
    best: epochs.reduce((best, { accuracy }) => Math.max(best, accuracy), 0),
    epochs,
  };
}

async function trainOurs(
  data: string,
  size: number,
  target: number,
  trainArguments: readonly string[],
): Promise<EpochPoint[]> {
  const shared = inRepository("../shared/weights");
  const { BALLSIGHT_WEIGHTS } = process.env;
  // Both start from the same weights.
  const weights = BALLSIGHT_WEIGHTS ?? (existsSync(shared) ? shared : undefined);
  const points: EpochPoint[] = [];
  const clock = epochClock();
  let stopped = false;
  const args = ["train", data, "--json", "--size", `${size}`, "--out", join(temporaryFolder(), "run")];
  tell(`ballsight ${[...args, ...trainArguments].join(" ")}`);
  const outcome = await run(process.execPath, [PROGRAM, ...args, ...trainArguments], {
    env: { ...process.env, ...(weights !== undefined && { BALLSIGHT_WEIGHTS: weights }) },
    showErrors: true,
    onLine: (text, stop) => {
      const row = JSON.parse(text) as EpochPoint;
      // The last line of a training that went through is its metrics.
      if (row.epoch === undefined) return;
      const { phase, epoch, accuracy } = row;
      const point = { phase, epoch, seconds: rounded(clock(performance.now() / 1000, row.seconds), 1), accuracy };
      points.push(point);
      tellPoint("Ballsight", point);
      stopped ||= accuracy >= target;
      if (stopped) stop();
    },
  });
  if (outcome.code !== 0 && !stopped) throw new ProgramFailed("ballsight train", outcome);
  return points;
}

/**
 * Seconds of training, from when each epoch's line came in: the first epoch's own time, then all that passed, so that
 * checkpoints and new graphs between two epochs count, and reading photos before the first does not.
 */
export function epochClock(): (now: number, epochSeconds: number) => number {
  let start: number | undefined;
  return (now, epochSeconds) => {
    start ??= now - epochSeconds;
    return now - start;
  };
}

async function trainPeer(
  peer: { readonly python: string; readonly script: string },
  data: string,
  size: number,
  target: number,
): Promise<EpochPoint[]> {
  tell("PyTorch, reading the photos and training ...");
  const { lines } = await runPeer<EpochPoint>(peer, [data, "--size", `${size}`], (point, stop) => {
    tellPoint("PyTorch", point);
    if (point.accuracy >= target) stop();
  });
  return lines;
}

function tellPoint(name: string, { phase, epoch, seconds: time, accuracy }: EpochPoint): void {
  tell(`${name}  ${phase} ${epoch}  ${seconds(time)}  ${(100 * accuracy).toFixed(2)} %`);
}
