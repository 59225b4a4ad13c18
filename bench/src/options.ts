// Options of the benchmarks: texts from the command line to checked values.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ARCHITECTURES, type Architecture, fail, resolveModel } from "@ballsight/vision";

/** The repository, from `bench/dist`. */
const ROOT = new URL("../../", import.meta.url);

/** A path relative to the repository. */
export const inRepository = (path: string) => fileURLToPath(new URL(path, ROOT));

export const PROGRAM = inRepository("packages/cli/bin/ballsight.js");

/** @throws BAD_OPTION */
export function wholeNumber(option: string, text: string, from: number, to = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= from && value <= to) return value;
  const range = to === Number.MAX_SAFE_INTEGER ? `from ${from}` : `from ${from} to ${to}`;
  return fail("BAD_OPTION", { option: `--${option}`, expected: `a whole number ${range}`, received: text });
}

/** A share between 0 and 1, both excluded. @throws BAD_OPTION */
export function share(option: string, text: string): number {
  const value = Number(text);
  if (value > 0 && value < 1) return value;
  return fail("BAD_OPTION", { option: `--${option}`, expected: "a share between 0 and 1", received: text });
}

/** @throws BAD_OPTION */
export function choice<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find((name) => name === text);
  return (
    found ?? fail("BAD_OPTION", { option: `--${option}`, expected: `one of ${choices.join(", ")}`, received: text })
  );
}

/** @throws UNKNOWN_ARCHITECTURE */
export function architectureOf(name: string): Architecture {
  const entry = resolveModel(name);
  const architecture = ARCHITECTURES[entry.architecture];
  if (architecture !== undefined) return architecture;
  return fail("UNKNOWN_ARCHITECTURE", {
    option: "--arch",
    received: name,
    advice: `there are ${Object.keys(ARCHITECTURES).join(", ")}`,
  });
}

/** The side of the network's photos; a multiple of the stride, so that the last map has whole cells. @throws BAD_OPTION */
export function sideFor({ stride }: Architecture, text: string): number {
  const size = wholeNumber("size", text, stride, 1024);
  if (size % stride === 0) return size;
  return fail("BAD_OPTION", { option: "--size", expected: `a multiple of ${stride}`, received: text });
}

/** `--data`, else the photos that lie beside the repository. @throws BAD_OPTION */
export function dataFolder(text: string | undefined): string {
  const folder = text ?? inRepository("../shared/data/balls");
  if (text !== undefined || existsSync(folder)) return folder;
  return fail("BAD_OPTION", { option: "--data", expected: "a folder of class folders", received: "nothing" });
}
