// The options and the help of `ballsight predict`.

import type { Command } from "commander";

export function addPredict(ballsight: Command): void {
  ballsight
    .command("predict")
    .summary("name the ball in photos")
    .description("Names the ball in photos. Exit code: 0 all answered, 1 a photo failed, 2 wrong option or model.")
    .argument("<photo...>", "photos, folders with photos, or - for a photo on standard input")
    .option("--model <file>", "a model made by `ballsight train` (default: the recogniser that ships)")
    .option("--top <n>", "how many labels to show per photo", "3")
    .option("--redis <url>", "let `ballsight worker` on this and other machines do it, by a queue in Redis")
    .option("--out <folder>", "with --redis: where the workers' answers go, shared by all machines")
    .option("--retry", "with --redis: try again what workers gave up on")
    .option("--json", "print one JSON object per photo, in the order given")
    .addHelpText(
      "after",
      `
Examples:
  ballsight predict photo.jpg
  ballsight predict holiday/ more/*.png --top 1
  curl -s https://example.org/ball.jpg | ballsight predict - --json
  ballsight predict /data/photos --redis redis://10.0.0.5 --out /data/answers --json`,
    )
    .action(async (photos: string[], options) => {
      const { predict } = await import("../commands/predict.ts");
      process.exitCode = await predict(photos, options);
    });
}
