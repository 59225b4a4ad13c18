// The options and the help of `ballsight space`.

import type { Command } from "commander";

export function addSpace(ballsight: Command): void {
  ballsight
    .command("space")
    .summary("write a Hugging Face Space")
    .description(
      "Writes a folder to push to Hugging Face: the server in a container, or with --static a site that needs none. Exit code: 0 written, 2 wrong option, folder or model.",
    )
    .option("--out <folder>", "where the Space goes: a new folder, or one that this command wrote")
    .option("--static", "a site of files alone, as `ballsight site` writes it")
    .option("--model <file>", "a model made by `ballsight train` (default: the recogniser that ships)")
    .option("--title <words>", "what the Space is called (default: Ballsight)")
    .option("--api <url>", "with --static: a Gradio API that answers first")
    .option("--examples <folder>", "with --static: pictures to try")
    .option("--threshold <share>", "with --static: confidence below which the answer is `not sure`")
    .option("--corrections <url>", "with --static: where corrections are posted")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  ballsight space --out space/
  ballsight space --out space/ --static --title "What ball is it?"`,
    )
    .action(async (options) => {
      const { space } = await import("../commands/space.ts");
      process.exitCode = await space(options);
    });
}
