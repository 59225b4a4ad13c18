// The options and the help of `ballsight apply`.

import type { Command } from "commander";

export function addApply(ballsight: Command): void {
  ballsight
    .command("apply")
    .summary("carry out what was decided in the review")
    .description(
      "Moves relabelled photos to their class and those taken out to <data>/.trash, and metadata.jsonl follows. Exit code: 0 all done, 1 some photos could not be moved, 2 wrong option or data.",
    )
    .argument("<data>", "the data set's folder")
    .option("--dry-run", "say what would be moved where; change nothing")
    .option("--undo", "take the last apply back; again for the one before")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  ballsight apply photos/ --dry-run
  ballsight apply photos/
  ballsight apply photos/ --undo`,
    )
    .action(async (data: string, options) => {
      const { apply } = await import("../commands/apply.ts");
      process.exitCode = await apply(data, options);
    });
}
