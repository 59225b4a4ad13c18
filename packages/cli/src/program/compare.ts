// The options and the help of `ballsight compare`.

import type { Command } from "commander";
import { addTrainingFlags } from "../train/flags.ts";

export function addCompare(ballsight: Command): void {
  const comparing = ballsight
    .command("compare")
    .summary("train several networks alike and compare them")
    .description(
      "Trains several networks on the same photos, split, augmentation and seed, one after the other; a table, compare.csv and compare.html. Exit code: 0 all trained, 1 a network failed or it was interrupted, 2 wrong option or data.",
    )
    .argument("[data]", "folder with one folder of photos per class")
    .option(
      "--archs <names>",
      "architectures, or arch.weights, with commas between (default: resnet34,googlenet,vgg16,mobilenet_v3_small,mobilenet_v2)",
    )
    .option("--weights <none>", "none: all start from random weights (default: each as `train` finds them)");
  addTrainingFlags(comparing)
    .option(
      "--out <folder>",
      "where the networks' run directories and the results go (default: runs/compare-<date>-<time>)",
    )
    .option("--copy-best <folder>", "copy the best network's model file and card there")
    .option("--resume", "go on with the comparison in --out")
    .option("--json", "one JSON object per network and one at the end")
    .addHelpText(
      "after",
      `
Examples:
  ballsight compare photos/ --archs resnet34,mobilenet_v2 --epochs 5
  ballsight compare photos/ --random-if-missing --offline --out runs/table
  ballsight compare --resume --out runs/table --copy-best models/`,
    )
    .action(async (data: string | undefined, options) => {
      const { compare } = await import("../commands/compare.ts");
      process.exitCode = await compare(data, options);
    });
}
