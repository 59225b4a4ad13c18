// The options and the help of `ballsight review`.

import type { Command } from "commander";

export function addReview(ballsight: Command): void {
  ballsight
    .command("review")
    .summary("look at the doubtful photos and decide")
    .description(
      "Opens a page with what `clean` found: one key per decision, each on the disk before the next photo shows. Only this machine can reach it. Changes no photo. Exit code: 0 ended with Ctrl-C, 2 wrong option or data.",
    )
    .argument("<data>", "folder with one folder of photos per class, with the issues.jsonl that `clean` wrote")
    .option("--issues <file>", "what is to be looked at (default: <data>/issues.jsonl)")
    .option("--port <n>", "port of the page on this machine; 0 takes any that is free", "7861")
    .option("--who <name>", "who decides, for the journal (default: the user's name)")
    .option("--seed <n>", "seed of the training's split, for the filter by part", "42")
    .option("--valid <share>", "the share that the training holds out", "0.1")
    .option("--data-version <file>", "data.jsonl of a run: its parts in place of those by --seed and --valid")
    .option("--cache <dir>", "where small pictures are kept (default: BALLSIGHT_CACHE, else the user's cache)")
    .option("--no-open", "do not open the page in a browser")
    .addHelpText(
      "after",
      `
Examples:
  ballsight clean photos/ && ballsight review photos/
  ballsight review photos/ --who ada --port 9000 --no-open`,
    )
    .action(async (data: string, options) => {
      const { review } = await import("../commands/review.ts");
      process.exitCode = await review(data, options);
    });
}
