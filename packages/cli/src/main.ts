// The program `ballsight`: commands and their options. A command's module is loaded only when it runs, so that each starts quickly.

import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";

const USAGE_ERROR = 2;

// `ballsight predict photos/ | head` closes the pipe early: no fault, nothing to say.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

await main();

async function main(): Promise<void> {
  try {
    await program().parseAsync();
  } catch (error) {
    // commander has printed its message already.
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : USAGE_ERROR);
    const { errorLine } = await import("./output/errors.ts");
    process.stderr.write(`${errorLine(error)}\n`);
    // Not exitCode: a decode may still wait for standard input.
    process.exit(USAGE_ERROR);
  }
}

function program(): Command {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const ballsight = new Command("ballsight")
    .description("Recognises sports balls in photos, and trains image classifiers on your own.")
    .version(version)
    .exitOverride()
    .showHelpAfterError("(add --help for the options)");
  ballsight.addHelpText("after", "\nExample:\n  ballsight predict photo.jpg");

  ballsight
    .command("predict")
    .summary("name the ball in photos")
    .description("Names the ball in photos. Exit code: 0 all answered, 1 a photo failed, 2 wrong option or model.")
    .argument("<photo...>", "photos, folders with photos, or - for a photo on standard input")
    .option("--model <file>", "a model made by `ballsight train` (default: the recogniser that ships)")
    .option("--top <n>", "how many labels to show per photo", "3")
    .option("--json", "print one JSON object per photo, in the order given")
    .addHelpText(
      "after",
      `
Examples:
  ballsight predict photo.jpg
  ballsight predict holiday/ more/*.png --top 1
  curl -s https://example.org/ball.jpg | ballsight predict - --json`,
    )
    .action(async (photos: string[], options) => {
      const { predict } = await import("./commands/predict.ts");
      process.exitCode = await predict(photos, options);
    });

  return ballsight;
}
