// A data set with doubtful photos as `clean` lists them, and the review of it as a process with a page.

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Label } from "../../../render/src/index.ts";
import { picture } from "./dataset.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/ballsight.js", import.meta.url));

/** Debian's, or the one that CHROMIUM names; undefined where there is none. */
export const chromium = [process.env.CHROMIUM, "/usr/bin/chromium"].find((path) => path && existsSync(path));

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

export interface Photo {
  readonly file: string;
  readonly label: string;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

export const BALLS: readonly Label[] = ["Basketball", "Football", "Golf", "Tennis"];

/** `each` photos of every ball: `Golf/0.jpg` shows seed 0 of golf. Those called after another ball than they show: `swapped` of every class. */
export async function balls(root: string, each: number, swapped = 0, size = 96): Promise<Photo[]> {
  const photos: Photo[] = [];
  for (const [k, label] of BALLS.entries()) {
    for (let i = 0; i < each; i++) {
      const shown = i < swapped ? BALLS[(k + 1) % BALLS.length]! : label;
      const bytes = await picture(shown, 1000 * k + i, size)
        .jpeg()
        .toBuffer();
      photos.push(await put(root, `${label}/${i}.jpg`, bytes));
    }
  }
  return photos;
}

export async function put(root: string, file: string, bytes: Uint8Array): Promise<Photo> {
  const path = join(root, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  return { file, label: file.slice(0, file.indexOf("/")), sha256: sha256(bytes), bytes };
}

type Issue = Readonly<Record<string, unknown>> & { readonly kind: string };

/** As `clean` writes it, and a line of a later version in between. */
export async function writeIssues(root: string, issues: readonly Issue[]): Promise<void> {
  await writeFile(join(root, "issues.jsonl"), issues.map((issue) => `${JSON.stringify(issue)}\n`).join(""));
}

export const about = ({ file, label, sha256 }: Photo) => ({ file, label, sha256 });

export function wrongLabel(photo: Photo, label: string, score: number, nearest: readonly Photo[] = []): Issue {
  const similar = (of: string) =>
    nearest
      .filter((other) => other.label === of && other.file !== photo.file)
      .slice(0, 3)
      .map(({ file }, i) => ({ file, cosine: 0.9 - i / 10 }));
  return {
    kind: "label",
    ...about(photo),
    score,
    reason: `looks like ${label} (93 %) rather than ${photo.label} (2 %)`,
    suggestion: { action: "relabel", label, probability: 0.93 },
    probability: 0.02,
    nearest: { given: similar(photo.label), suggested: similar(label) },
  };
}

export function copyOf(photo: Photo, of: Photo, how = "near"): Issue {
  const isConflict = photo.label !== of.label;
  return {
    kind: isConflict ? "conflict" : "copy",
    ...about(photo),
    score: 0.01,
    reason: `nearly the same as ${of.file}`,
    suggestion: { action: isConflict ? "look" : "exclude" },
    of: { file: of.file, label: of.label, how, why: "it has more pixels" },
  };
}

export const dark = (photo: Photo): Issue => ({
  kind: "dark",
  ...about(photo),
  score: 0.2,
  reason: "dark: 99 % of it is below 20 % brightness",
  suggestion: { action: "look" },
});

export interface RunningReview {
  readonly address: string;
  readonly child: ChildProcess;
  /** What it said on standard error so far. */
  readonly said: () => string;
  /** Ends it with a signal; returns the exit code. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

/** `ballsight review` once it has printed its address. */
export function startReview(root: string, cache: string, ...more: readonly string[]): Promise<RunningReview> {
  return new Promise((resolve, reject) => {
    const args = [PROGRAM, "review", root, "--cache", cache, "--no-open", "--who", "ada", "--port", "0", ...more];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    const ended = new Promise<number | null>((done) => child.on("close", (code) => done(code)));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      const address = /http:\S+\//.exec(stdout)?.[0];
      if (address === undefined) return;
      const end = (signal: NodeJS.Signals = "SIGINT") => {
        child.kill(signal);
        return ended;
      };
      resolve({ address, child, said: () => stderr, end });
    });
    child.on("error", reject);
    void ended.then((code) => reject(new Error(`ended with ${code}: ${stderr}`)));
  });
}
