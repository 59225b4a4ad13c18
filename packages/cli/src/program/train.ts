// The options and the help of `ballsight train`.

import type { Command } from "commander";
import { addTrainingFlags } from "../train/flags.ts";

export function addTrain(ballsight: Command): void {
  const training = ballsight
    .command("train")
    .summary("train a recogniser on folders of photos")
    .description(
      "Fine-tunes a network on a folder of class folders. Exit code: 0 trained, 1 interrupted with a checkpoint, 2 wrong option or data.",
    )
    .argument("[data]", "folder with one folder of photos per class")
    .option("--arch <name>", "architecture, or arch.weights (default: mobilenet_v2)")
    .option(
      "--weights <id|file|none>",
      "weights to start from (default: the architecture's first that are at hand, else downloaded)",
    );
  addTrainingFlags(training)
    .option("--out <folder>", "run directory (default: runs/<arch>-<date>-<time>)")
    .option("--resume", "go on with the run in --out")
    .option(
      "--rounds <n>",
      "train, clean, train again: so many trainings on the same held-out photos (see docs/clean.md)",
    )
    .option("--auto", "with --rounds: accept what is nearly certain instead of asking, and list it")
    .option("--json", "one JSON object per epoch and one at the end")
    .addHelpText(
      "after",
      `
Examples:
  ballsight train photos/ --arch mobilenet_v2 --epochs 5
  ballsight train photos/ --size 224 --start-size 128 --epochs 12 --mixup 0.4 --out runs/long
  ballsight train --resume --out runs/long`,
    )
    .action(async (data: string | undefined, options) => {
      const { train } = await import("../commands/train.ts");
      process.exitCode = await train(data, options);
    });
}
