// The options and the help of `ballsight evaluate`.

import type { Command } from "commander";

export function addEvaluate(ballsight: Command): void {
  ballsight
    .command("evaluate")
    .summary("measure a recogniser on folders of photos")
    .description(
      "Measures a model on a folder of class folders: accuracy, confusion, calibration, top losses, report.html. Exit code: 0 all answered, 1 a photo failed, 2 wrong option, data or model.",
    )
    .argument("<data>", "folder with one folder of photos per class")
    .option("--model <file>", "a model made by `ballsight train` (default: the recogniser that ships)")
    .option("--split <part>", "all, or the part that `train` holds out or trains on: valid or train (default: all)")
    .option("--valid <share>", "share of the photos that is held out (default: as the model's run, else 0.1)")
    .option("--seed <n>", "seed of the split (default: as the model's run, else 42)")
    .option("--stratify", "hold out the same share of every class (default: as the model's run, else not)")
    .option("--top <n>", "how many photos with the largest loss to show (default: 24)")
    .option("--out <file>", "where the report goes (default: report.html)")
    .option("--csv <file>", "write what each photo was named, one line per photo")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  ballsight evaluate photos/
  ballsight evaluate photos/ --model runs/long/model.onnx --split valid
  ballsight evaluate more/ --csv answers.csv --out more.html --json`,
    )
    .action(async (data: string, options) => {
      const { evaluate } = await import("../commands/evaluate.ts");
      process.exitCode = await evaluate(data, options);
    });
}
