// What a command says on standard error besides errors and progress.

import { oneLine } from "./text.ts";

/** One line in any case: there may be file names in it, and `compare` reads what its trainings say by lines. */
export function warn(line: string): void {
  process.stderr.write(`ballsight: ${oneLine(line)}\n`);
}
