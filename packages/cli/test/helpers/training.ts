// The train command as a child process on rendered photos, and what its run directory must hold.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bytesOf, readModel } from "@ballsight/grad";
import { type Position, readSafetensors } from "@ballsight/vision";
import sharp from "sharp";
import { afterAll, expect } from "vitest";
import { type Label, render } from "../../../render/src/index.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/ballsight.js", import.meta.url));

/** PNG files `000.png`, `001.png`, ... of one ball; other `from` gives other pictures. */
export async function photosOf(ball: Label, folder: string, count: number, size = 40, from = 0): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let i = 0; i < count; i++) {
    const { width, height, data } = render({ ball, size, seed: from + i });
    const file = join(folder, `${String(i).padStart(3, "0")}.png`);
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toFile(file);
  }
}

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const userCache = mkdtempSync(join(tmpdir(), "ballsight-user-cache-"));
afterAll(() => rm(userCache, { recursive: true, force: true }));

/** What a developer has set for this program or keeps in the cache, weights among it, changes what is trained. */
function cleanEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith("BALLSIGHT_"));
  return { ...Object.fromEntries(others), XDG_CACHE_HOME: userCache, ...more };
}

/** Runs the program; `onOutput` sees all of stdout so far whenever more of it comes. */
export function ballsight(
  args: readonly string[],
  {
    cwd,
    env,
    onStart,
    onOutput,
  }: {
    readonly cwd: string;
    /** Besides what every test has. */
    readonly env?: NodeJS.ProcessEnv;
    readonly onStart?: (child: ChildProcess) => void;
    readonly onOutput?: (stdout: string, child: ChildProcess) => void;
  },
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const stdio = ["ignore", "pipe", "pipe"] as const;
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      cwd,
      env: cleanEnvironment(env),
      stdio: [...stdio],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      onOutput?.(stdout, child);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject).on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
    onStart?.(child);
  });
}

/**
 * Runs the program in a terminal of its own, by util-linux's `script`, where it draws its bar. `onScreen` sees all that was written so far
 * whenever more of it comes, and may press keys.
 */
export function inTerminal(
  args: readonly string[],
  {
    cwd,
    onScreen,
  }: { readonly cwd: string; readonly onScreen: (screen: string, press: (key: string) => void) => void },
): Promise<{ code: number | null; screen: string }> {
  // `exec`: a shell that stays in between (dash does) gets the Ctrl-C as well and ends with 130, whatever the program says.
  const quoted = [process.execPath, PROGRAM, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return new Promise((resolve, reject) => {
    const child = spawn("script", ["-qefc", `exec ${quoted}`, "/dev/null"], {
      cwd,
      // `script` runs the developer's own shell, which may be any.
      env: cleanEnvironment({ SHELL: "/bin/sh" }),
      stdio: ["pipe", "pipe", "ignore"],
    });
    let screen = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      screen += text;
      onScreen(screen, (key) => child.stdin.write(key));
    });
    child.on("error", reject).on("close", (code) => resolve({ code, screen }));
  });
}

/** Whether there is a `script` that `inTerminal` can use; BSD's takes other arguments. */
export const hasTerminal = spawnSync("script", ["--version"]).stdout?.toString().includes("util-linux") === true;

const FILES = [
  ..."README.md checkpoint.safetensors config.json data.jsonl history.csv model.onnx predictions.csv".split(" "),
  ..."report.html weights.safetensors".split(" "),
];

/** Everything of a finished run that must repeat: all but the times. Expects exactly the files of the contract. */
export async function finishedRun(folder: string) {
  expect((await readdir(folder)).sort()).toEqual(FILES);
  const history = (await readFile(join(folder, "history.csv"), "utf8")).split("\n");
  return {
    model: await readFile(join(folder, "model.onnx")),
    // The column `time` is left out.
    history: history.map((line) => line.split(",").toSpliced(5, 1).join()),
    ...(await readRunCheckpoint(folder)),
  };
}

export async function readRunCheckpoint(folder: string) {
  const { tensors, metadata } = readSafetensors(await readFile(join(folder, "checkpoint.safetensors")));
  const position = JSON.parse(metadata.position as string) as Position;
  const rows = position.rows.map(({ seconds: _, engineSeconds: __, waitSeconds: ___, ...row }) => row);
  const { spent: _, ...place } = position;
  return { tensors, position: { ...place, rows }, data: metadata.data };
}

/** Bit for bit: model file, parameters, moments, statistics, averages, position; times apart. */
export function expectSameRun(
  a: Awaited<ReturnType<typeof finishedRun>>,
  b: Awaited<ReturnType<typeof finishedRun>>,
): void {
  expect(a.position).toEqual(b.position);
  expect(a.history).toEqual(b.history);
  expect(a.data).toBe(b.data);
  expect([...a.tensors.keys()]).toEqual([...b.tensors.keys()]);
  const differing = [...a.tensors].filter(
    ([name, { data }]) => Buffer.compare(bytesOf(data), bytesOf(b.tensors.get(name)!.data)) !== 0,
  );
  expect(differing.map(([name]) => name)).toEqual([]);
  expect(a.model.equals(b.model)).toBe(true);
}

/** After a kill: whatever lies there under its final name is whole. */
export async function expectNothingHalfWritten(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.includes("config.json")) JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
  if (names.includes("checkpoint.safetensors")) await readRunCheckpoint(folder);
  if (names.includes("model.onnx")) {
    const { metadata } = readModel(new Uint8Array(await readFile(join(folder, "model.onnx"))));
    expect(metadata).toHaveProperty(["ballsight.labels"]);
  }
  if (names.includes("report.html"))
    expect(await readFile(join(folder, "report.html"), "utf8")).toMatch(/<\/html>\s*$/);
  if (names.includes("history.csv"))
    expect(await readFile(join(folder, "history.csv"), "utf8")).toMatch(/^epoch,train_loss,.*\n$/s);
}

/** Lines of standard error that tell something: a slow machine says every ten seconds how far it is. */
export const besidesProgress = ({ stderr }: Outcome): string[] =>
  stderr.split("\n").filter((line) => line !== "" && !/: \d+\.\d\d% \[\d+\/\d+ /.test(line));

/** The one line that an error must be, and its code. */
export function errorOf({ stderr }: Outcome): { code: string; line: string } {
  const lines = stderr.trimEnd().split("\n");
  const line = lines.at(-1) as string;
  return { code: /\[([A-Z_]+)\]$/.exec(line)?.[1] ?? "none", line };
}
