// One training as a child process of this program: its epochs, its progress, and how it ended. Memory goes back, a crash stays its own.

import { fork } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { BallsightError, type EpochRow } from "@ballsight/vision";
import { type ErrorRecord, errorRecord } from "../output/errors.ts";
import { type ProgressMessage, STOP, SUPERVISED } from "../train/supervision.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/ballsight.js", import.meta.url));

export interface TrainingEvents {
  readonly onEpoch: (row: EpochRow) => void;
  readonly onProgress: (message: ProgressMessage) => void;
  /** Lines on standard error, without the program's name before them. */
  readonly onLine: (line: string) => void;
}

export interface TrainingProcess {
  /** `error` where the exit code is not 0. Never rejects. */
  readonly ended: Promise<{ readonly error?: ErrorRecord }>;
  /** With a checkpoint after the step under way. */
  stop(): void;
}

/** @param args of `ballsight train` */
export function startTraining(name: string, args: readonly string[], events: TrainingEvents): TrainingProcess {
  const child = fork(PROGRAM, ["train", ...args, "--json"], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { ...process.env, [SUPERVISED]: "1" },
  });
  let last = "";
  createInterface({ input: child.stdout! }).on("line", (line) => {
    const row = parse(line) as Partial<EpochRow> | undefined;
    // The last object is the run's metrics, which its files hold too.
    if (typeof row?.trainLoss === "number" && row.phase !== undefined) events.onEpoch(row as EpochRow);
  });
  createInterface({ input: child.stderr! }).on("line", (line) => {
    last = line;
    events.onLine(line.replace(/^ballsight: /, ""));
  });
  child.on("message", (message) => events.onProgress(message as ProgressMessage));
  const ended = new Promise<{ error?: ErrorRecord }>((resolve) => {
    child.on("error", (error) => resolve({ error: errorRecord(error) }));
    child.on("close", (code, signal) => resolve(code === 0 ? {} : { error: reasonOf(name, last, code, signal) }));
  });
  return {
    ended,
    // A callback, as a child that has just ended is no fault.
    stop: () => void child.send(STOP, () => undefined),
  };
}

/** The error that the training printed, else what ended it. */
function reasonOf(name: string, line: string, code: number | null, signal: NodeJS.Signals | null): ErrorRecord {
  // Lines before may be of photos that cannot be read.
  const said = code === 2 ? /^ballsight: (.+) \[([A-Z_]+)\]$/.exec(line) : null;
  if (said !== null) return { code: said[2]!, message: said[1]! };
  // Node ends with 1 as well when something is thrown that nobody catches, and says its version last.
  if (code === 1 && !line.startsWith("Node.js v")) return interrupted(name);
  const memory = signal === "SIGKILL" ? ", which the system sends where memory runs out" : "";
  const reason = signal === null ? `exit code ${code}` : `${signal}${memory}`;
  return new BallsightError("TRAINING_ENDED", { name, reason }).toJSON();
}

/** Somebody else than this program asked for it; there is a checkpoint. */
const interrupted = (name: string) =>
  new BallsightError("INTERRUPTED", { task: `training ${name}`, advice: "go on with --resume" }).toJSON();

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
