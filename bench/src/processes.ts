// Other programs, timed and read line by line.

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From before the start to after the end. */
  readonly seconds: number;
  /** The most memory that it held; known on Linux, for programs that live longer than a moment. */
  readonly peakBytes?: number;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Each line of stdout as it comes; `stop` ends the program. */
  readonly onLine?: (line: string, stop: () => void) => void;
  /** Shows the program's stderr as it comes. */
  readonly showErrors?: boolean;
}

/** Programs that run now: they end with this one. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill();
});

/** Runs a program to its end. Rejects only where it cannot be started. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: options.env ?? process.env });
    running.add(child);
    const out: string[] = [];
    let stderr = "";
    const lines = createInterface({ input: child.stdout });
    lines.on("line", (line) => {
      out.push(line);
      options.onLine?.(line, () => void child.kill());
    });
    // readline hands its last lines over after the pipe has closed.
    const read = new Promise<void>((done) => lines.once("close", done));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      if (options.showErrors) process.stderr.write(text);
    });
    let seconds = 0;
    let peakBytes: number | undefined;
    const watch = setInterval(() => {
      peakBytes = peakMemory(child.pid) ?? peakBytes;
    }, 200);
    child.on("exit", () => {
      clearInterval(watch);
      seconds = (performance.now() - began) / 1000;
      running.delete(child);
    });
    child.on("error", (error) => {
      clearInterval(watch);
      reject(error);
    });
    child.on("close", async (code) => {
      await read;
      resolve({ code, stdout: out.join("\n"), stderr, seconds, ...(peakBytes !== undefined && { peakBytes }) });
    });
  });
}

/** The kernel's high-water mark of a process's resident memory, proc(5). */
function peakMemory(pid: number | undefined): number | undefined {
  try {
    const kibibytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}

/** Another program failed: no fault of this one, and no option of its own. */
export class ProgramFailed extends Error {
  constructor(name: string, { code, stderr, stdout }: Outcome) {
    super(`${name} ended with ${code ?? "a signal"}: ${lastLine(stderr) || lastLine(stdout) || "it says nothing"}`);
    this.name = "ProgramFailed";
  }
}

/** The last line that says something: where programs put their error. */
function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
