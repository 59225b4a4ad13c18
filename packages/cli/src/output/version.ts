// What this program calls itself.

import { readFileSync } from "node:fs";

export function programVersion(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** `ballsight 0.1.0` */
export const programName = (): string => `ballsight ${programVersion()}`;
