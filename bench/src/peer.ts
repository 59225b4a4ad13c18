// The peer: PyTorch by Debian's own Python, run from scripts that are not part of this repository.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { inRepository } from "./options.ts";
import { ProgramFailed, type RunOptions, run } from "./processes.ts";

/** A peer that can run, or one line that says why not. */
export type Peer = { readonly python: string; readonly script: string } | { readonly skipped: string };

/** `folder`: where the scripts lie; beside the repository unless told otherwise. */
export async function findPeer(name: string, folder = inRepository("../shared/peer")): Promise<Peer> {
  const script = join(folder, name);
  if (!existsSync(script)) return { skipped: `no ${name} in ${folder}` };
  // -p: the system's interpreter, whatever virtual environment comes first in PATH.
  const { stdout } = await run("sh", ["-c", "command -p -v python3"]);
  const python = stdout.trim();
  if (python === "") return { skipped: "no python3 on this machine" };
  const { code } = await run(python, ["-c", "import torch, torchvision"]);
  if (code !== 0) return { skipped: `${python} has no torch and torchvision (Debian: python3-torchvision)` };
  return { python, script };
}

/** Runs a peer and returns the objects of its JSON lines. A peer that was stopped on purpose has not failed. */
export async function runPeer<Line extends object>(
  { python, script }: Exclude<Peer, { skipped: string }>,
  args: readonly string[],
  onLine?: (line: Line, stop: () => void) => void,
): Promise<{ readonly lines: Line[]; readonly peakBytes?: number }> {
  const lines: Line[] = [];
  let stopped = false;
  const options: RunOptions = {
    onLine: (text, stop) => {
      if (!text.startsWith("{")) return;
      const line = JSON.parse(text) as Line;
      lines.push(line);
      onLine?.(line, () => {
        stopped = true;
        stop();
      });
    },
  };
  const outcome = await run(python, [script, ...args], options);
  if (outcome.code !== 0 && !stopped) throw new ProgramFailed(`the peer ${script}`, outcome);
  return { lines, ...(outcome.peakBytes !== undefined && { peakBytes: outcome.peakBytes }) };
}

/** What both `bench train-step` and the peer's script print. */
export interface StepTimes {
  readonly train_step_s: { readonly min: number; readonly median: number };
  /** Evaluation of a batch and of one photo, without gradients; mean of the passes. */
  readonly forward_batch_s: number;
  readonly forward_one_s: number;
  /** The most memory that the whole process held. */
  readonly peak_bytes?: number;
}

/** Ours by the mean of the peer's two; below 1 is quicker, or less. */
export function peerRatio(
  ours: StepTimes,
  before: StepTimes,
  after: StepTimes,
  value: (times: StepTimes) => number,
): number {
  return (2 * value(ours)) / (value(before) + value(after));
}
