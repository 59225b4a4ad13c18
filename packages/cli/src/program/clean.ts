// The options and the help of `ballsight clean`.

import type { Command } from "commander";

export function addClean(ballsight: Command): void {
  ballsight
    .command("clean")
    .summary("find wrong labels, copies and bad pictures")
    .description(
      "Looks at every photo of a data set once and lists the doubtful ones with a reason and a suggestion: wrong labels, copies, photos of something else, bad pictures. Changes no photo. Exit code: 0 all photos were looked at, 1 some could not be read, 2 wrong option, data or model.",
    )
    .argument("<data>", "folder with one folder of photos per class")
    .option("--model <file>", "a model made by `ballsight train` (default: the recogniser that ships)")
    .option(
      "--folds-train <k>",
      "judge labels by k whole trainings, each of the photos that it did not see: hours instead of seconds",
    )
    .option("--threshold <name=value...>", "what counts as a finding; docs/clean.md names them all")
    .option("--out <file>", "where the list goes (default: <data>/issues.jsonl)")
    .option("--cache <dir>", "where what was seen of photos is kept (default: BALLSIGHT_CACHE, else the user's cache)")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  ballsight clean photos/
  ballsight clean photos/ --model runs/balls/model.onnx
  ballsight clean photos/ --threshold dark=0.4 near=4`,
    )
    .action(async (data: string, options) => {
      const { clean } = await import("../commands/clean.ts");
      process.exitCode = await clean(data, options);
    });
}
