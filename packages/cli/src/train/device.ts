// `--device`: which one is asked for, and whether the GPU that is asked for is there and is one.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Device } from "@ballsight/grad";
import { fail } from "@ballsight/vision";
import { warn } from "../output/warn.ts";

/** `1` takes a GPU that is made of software too: tests have no other. */
const SOFTWARE_GPU = "BALLSIGHT_SOFTWARE_GPU";

/** To load the driver, find the GPU and multiply two small matrices. */
const START_SECONDS = 60;
/** To multiply two larger ones four times, shader compilation included. */
const PRODUCTS_SECONDS = 5;
/**
 * ONNX Runtime does not tell what the adapter is. Small GPUs take under 10 ms for the probe's product; SwiftShader, the software GPU that
 * comes with browsers, took 7 seconds on two cores.
 */
const SOFTWARE_MS = 50;

/** @throws BAD_OPTION */
export function deviceOption(text: string | undefined): Device {
  if (text === undefined || text === "cpu" || text === "webgpu") return text ?? "cpu";
  const expected =
    text === "cuda"
      ? "cpu or webgpu (which runs on NVIDIA's GPUs too; CUDA's libraries are no part of this program)"
      : "one of cpu, webgpu";
  return fail("BAD_OPTION", { option: "--device", expected, received: text });
}

/** The device that is asked for, or the CPU, with one line of warning that says why. */
export async function usableDevice(text: string | undefined): Promise<Device> {
  if (deviceOption(text) === "cpu") return "cpu";
  const trouble = await gpuTrouble();
  if (trouble === undefined) return "webgpu";
  warn(`${trouble}; going on on the CPU`);
  return "cpu";
}

/** Why the GPU is not to be used; undefined where it is. */
export function gpuTrouble(
  probe = fileURLToPath(new URL("./webgpuProbe.js", import.meta.url)),
): Promise<string | undefined> {
  const software = "expected a GPU for `--device webgpu` but found one in software alone";
  const none = (reason: string) => `expected a GPU for \`--device webgpu\` but found none (${reason})`;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [probe], { stdio: ["ignore", "pipe", "ignore"] });
    const settle = (trouble: string | undefined) => {
      clearTimeout(timer);
      // A driver that hangs hears of nothing less.
      child.kill("SIGKILL");
      resolve(trouble);
    };
    let timer = setTimeout(() => settle(none(`no answer in ${START_SECONDS} seconds`)), START_SECONDS * 1000);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const { error, works, milliseconds } = probeLine(line);
      if (error !== undefined) settle(none(reasonOf(error)));
      else if (milliseconds !== undefined) settle(milliseconds > SOFTWARE_MS ? software : undefined);
      else if (works && process.env[SOFTWARE_GPU] === "1") settle(undefined);
      else if (works) {
        clearTimeout(timer);
        timer = setTimeout(() => settle(software), PRODUCTS_SECONDS * 1000);
      }
    });
    child.on("error", (error) => settle(none(error.message)));
    child.on("close", (code, signal) => settle(none(`its driver ended with ${signal ?? code}`)));
  });
}

interface ProbeLine {
  readonly error?: string;
  readonly works?: boolean;
  readonly milliseconds?: number;
}

/** Drivers print to standard output as well: what is no line of the probe says nothing. */
function probeLine(line: string): ProbeLine {
  try {
    return { ...(JSON.parse(line) as ProbeLine) };
  } catch {
    return {};
  }
}

/** ONNX Runtime's messages begin with the place in its sources and the condition that did not hold. */
const reasonOf = (message: string) =>
  message
    .trim()
    .split("\n")[0]!
    .replace(/^.* was false\. /, "");
