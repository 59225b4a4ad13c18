// Who may stop a training and how: Ctrl-C, SIGTERM, and the `compare` that started it, which says so or is gone.

import { BallsightError } from "@ballsight/vision";
import { Progress, type ProgressState } from "../output/progress.ts";
import { warn } from "../output/warn.ts";

/** What a training says to the `compare` that started it; epochs it prints, as `--json` asks for. */
export interface ProgressMessage extends ProgressState {
  readonly label: string;
}

/** What `compare` says to the training. */
export const STOP = "stop";

const EXIT_INTERRUPTED = 130;

/** In the environment of a supervised training. A channel alone says little: process managers and test runners open one too. */
export const SUPERVISED = "BALLSIGHT_SUPERVISED";

/** Started by another process of this program, over a channel: it shows how far this one is and has the last word. */
export const isSupervised = (): boolean => process.send !== undefined && process.env[SUPERVISED] === "1";

const askedToStop = new Set<() => void>();

/** A training must not go on for hours, and hold its run directory, after a `compare` that was killed. */
export function followSupervisor(): void {
  if (!isSupervised()) return;
  const stop = () => {
    // Nothing is learned yet.
    if (askedToStop.size === 0) process.exit(EXIT_INTERRUPTED);
    for (const ask of askedToStop) ask();
  };
  process.on("message", (message) => void (message === STOP && stop()));
  process.on("disconnect", stop);
  // The channel alone must not keep a finished training from ending.
  process.channel?.unref();
}

/** The bar on stderr, silence with `--json`, or the supervisor's bar. */
export function trainingProgress(json: boolean | undefined): Progress {
  const relay = (label: string, state: ProgressState) =>
    // A callback, as an error of a channel that is gone would otherwise be thrown.
    void process.send?.({ label, ...state } satisfies ProgressMessage, undefined, undefined, () => undefined);
  return new Progress({ stream: process.stderr, silent: json === true, ...(isSupervised() && { relay }) });
}

/** Before training starts there is nothing to save: who asks stops reading photos, and what was read stays cached. */
export function abortOnSignals(): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController();
  const abort = () => {
    const values = { task: "reading photos", advice: "run the command again, what was read is kept" };
    controller.abort(new BallsightError("INTERRUPTED", values));
  };
  return { signal: controller.signal, end: onStop(abort, abort) };
}

/** Who asks first stops it after the step, which is announced; a second signal ends the program at once. */
export function interruptOnSignals(
  onAsk: () => void,
  announcement = "stopping after this step, with a checkpoint",
): { asked: () => boolean; restore: () => void } {
  let asked = false;
  const ask = () => {
    asked = true;
    onAsk();
  };
  const handler = (signals: number) => {
    if (signals > 1) process.exit(EXIT_INTERRUPTED);
    ask();
    if (!isSupervised()) warn(`${announcement} (again to stop at once)`);
  };
  return { asked: () => asked, restore: onStop(handler, ask) };
}

/**
 * Ctrl-C reaches a supervised training twice, from the terminal and through its supervisor: only signals are counted.
 * @param onSignal gets how many there were so far
 * @returns takes the handlers off
 */
function onStop(onSignal: (signals: number) => void, onSupervisor: () => void): () => void {
  let signals = 0;
  const handler = () => onSignal(++signals);
  process.on("SIGINT", handler).on("SIGTERM", handler);
  askedToStop.add(onSupervisor);
  return () => {
    process.off("SIGINT", handler).off("SIGTERM", handler);
    askedToStop.delete(onSupervisor);
  };
}
