// The options and the help of `ballsight restore`.

import type { Command } from "commander";

export function addRestore(ballsight: Command): void {
  ballsight
    .command("restore")
    .summary("bring back photos that were moved to .trash")
    .description(
      "Brings back what `verify` and `apply` took out of a data set: all, or the photos and folders named. Nothing is overwritten. Exit code: 0 all are back, 1 some are not, 2 wrong option or data.",
    )
    .argument("<data>", "the data set's folder")
    .argument("[files...]", "photos or folders, as they were called in the data set")
    .option("--list", "say what is in the trash and why; change nothing")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  ballsight restore photos/ --list
  ballsight restore photos/ Golf/0f3a.jpg
  ballsight restore photos/`,
    )
    .action(async (data: string, files: string[], options) => {
      const { restore } = await import("../commands/restore.ts");
      process.exitCode = await restore(data, files, options);
    });
}
