// The options and the help of `ballsight verify`.

import type { Command } from "commander";

export function addVerify(ballsight: Command): void {
  ballsight
    .command("verify")
    .summary("check that every photo of a data set can be used")
    .description(
      "Decodes every file of a folder of class folders and says what is broken, what other programs may see otherwise, and what is there twice. Exit code: 0 nothing to be put right, 1 something is, 2 wrong option or data.",
    )
    .argument("<data>", "folder with one folder of photos per class")
    .option("--fix", "move broken photos to <data>/.trash and put wrong extensions right")
    .option("--reencode", "store anew what EXIF rotates, CMYK, more than 8 bits, animations; originals go to .trash")
    .option("--drop-copies", "move copies, byte for byte the same within a class, to .trash")
    .option("--sheet [label]", "write a contact sheet: photos of every class, or many of one")
    .option("--out <file>", "where the sheet goes (default: sheet.html)")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  ballsight verify photos/
  ballsight verify photos/ --fix --reencode
  ballsight verify photos/ --sheet Golf --out golf.html`,
    )
    .action(async (data: string, options) => {
      const { verify } = await import("../commands/verify.ts");
      process.exitCode = await verify(data, options);
    });
}
