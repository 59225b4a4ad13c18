// What this program calls itself in reports.

import { readFileSync } from "node:fs";

/** `ballsight 0.1.0` */
export function programName(): string {
  const file = new URL("../../package.json", import.meta.url);
  return `ballsight ${(JSON.parse(readFileSync(file, "utf8")) as { version: string }).version}`;
}
