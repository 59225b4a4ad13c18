// The program killed before its n-th change to the disk.

import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../bin/ballsight.js", import.meta.url));
const KILL_AT = new URL("./killAt.mjs", import.meta.url).href;

/** Runs the program, killed before its `at`-th change below `root`. Whether it was. */
export function killedAt(at: number, root: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, KILL_AT: String(at), KILL_BELOW: root };
    const child = spawn(process.execPath, ["--import", KILL_AT, PROGRAM, ...args], {
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject).on("close", (code, signal) => {
      if (signal === "SIGKILL") resolve(true);
      else if (code === 0) resolve(false);
      else reject(new Error(`exit code ${code}: ${stderr}`));
    });
  });
}

/** Runs the program to its end. */
export async function runWhole(args: readonly string[]): Promise<void> {
  await killedAt(0, "/nowhere", args);
}

/** Every step on as many processes as there are cores; the first that was not killed ends it. Returns how many steps there are. */
export async function atEveryStep(check: (step: number) => Promise<boolean>): Promise<number> {
  let [next, steps] = [1, Number.POSITIVE_INFINITY];
  const work = async () => {
    while (next < steps) {
      const step = next++;
      if (!(await check(step))) steps = Math.min(steps, step);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return steps - 1;
}
