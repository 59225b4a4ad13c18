// The real program in child processes that a test starts, stops, kills and looks after.

import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../bin/ballsight.js", import.meta.url));

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  /** So far. */
  readonly said: Outcome;
  readonly ended: Promise<Outcome>;
}

export class Programs {
  readonly #children: ChildProcess[] = [];

  start(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): Started {
    const child = spawn(process.execPath, [PROGRAM, ...args], { cwd, env: { ...process.env, ...env } });
    this.#children.push(child);
    const said: Outcome = { code: null, stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
    const ended = new Promise<Outcome>((resolve, reject) => {
      child.on("error", reject).on("close", (code) => resolve({ ...said, code }));
    });
    return { child, said, ended };
  }

  /** All that are left, stopped ones too. */
  kill(): void {
    for (const child of this.#children.splice(0)) {
      child.kill("SIGCONT");
      child.kill("SIGKILL");
    }
  }
}

export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await sleep(20);
}
