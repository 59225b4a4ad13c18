// The options and the help of `ballsight lr-find`.

import type { Command } from "commander";
import { addLrFindFlags } from "../train/flags.ts";

export function addLrFind(ballsight: Command): void {
  const rates = ballsight
    .command("lr-find")
    .summary("look for a learning rate")
    .description(
      "Raises the learning rate from step to step until the loss runs away, and suggests a rate for `train`. Changes no weights. Exit code: 0 suggested, 1 interrupted or too few points, 2 wrong option or data.",
    )
    .argument("<data>", "folder with one folder of photos per class")
    .option("--arch <name>", "architecture, or arch.weights (default: mobilenet_v2)")
    .option(
      "--weights <id|file|none>",
      "weights to start from (default: the architecture's first that are at hand, else downloaded)",
    );
  addLrFindFlags(rates)
    .option("--out <file>", "where the chart goes (default: lr-find.html)")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  ballsight lr-find photos/ --arch mobilenet_v2
  ballsight lr-find photos/ --freeze-epochs 0 --size 224 --out rates.html`,
    )
    .action(async (data: string, options) => {
      const { lrFind } = await import("../commands/lrFind.ts");
      process.exitCode = await lrFind(data, options);
    });
}
