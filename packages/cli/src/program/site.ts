// The options and the help of `ballsight site`.

import type { Command } from "commander";

export function addSite(ballsight: Command): void {
  ballsight
    .command("site")
    .summary("write a web site that recognises photos without a server")
    .description(
      "Writes a static site: a home page, the recogniser, the model card. It works in a sub-folder of any host of files, GitHub Pages for one. Exit code: 0 written, 2 wrong option, folder or model.",
    )
    .option("--out <folder>", "where the site goes: a new folder, or one that this command wrote")
    .option("--model <file>", "a model made by `ballsight train` (default: the recogniser that ships)")
    .option("--api <url>", "a Gradio API that answers first; the browser answers when it is away")
    .option("--title <words>", "what the site is called (default: Ballsight)")
    .option("--examples <folder>", "pictures to try, in class folders or called after their labels")
    .option("--threshold <share>", "confidence below which the answer is `not sure` (default: 0.5)")
    .option("--corrections <url>", "where corrections are posted (default: they are saved as files)")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  ballsight site --out site/
  ballsight site --out pets/ --model runs/pets/model.onnx --title "Whose paw?" --examples paws/
  ballsight site --out site/ --api https://user-balls.hf.space/`,
    )
    .action(async (options) => {
      const { site } = await import("../commands/site.ts");
      process.exitCode = await site(options);
    });
}
