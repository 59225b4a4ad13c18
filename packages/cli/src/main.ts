// The program `ballsight`: its commands in the order in which data flows. A command's module is loaded only when it runs, so that each starts quickly.

import { Command, CommanderError } from "commander";
import { programVersion } from "./output/version.ts";
import { addApply } from "./program/apply.ts";
import { addClean } from "./program/clean.ts";
import { addCollect } from "./program/collect.ts";
import { addCompare } from "./program/compare.ts";
import { addEvaluate } from "./program/evaluate.ts";
import { addLrFind } from "./program/lrFind.ts";
import { addPredict } from "./program/predict.ts";
import { addRestore } from "./program/restore.ts";
import { addReview } from "./program/review.ts";
import { addServe } from "./program/serve.ts";
import { addSite } from "./program/site.ts";
import { addSpace } from "./program/space.ts";
import { addTrain } from "./program/train.ts";
import { addVerify } from "./program/verify.ts";
import { addWorker } from "./program/worker.ts";

const INTERRUPTED = 1;
const USAGE_ERROR = 2;

// `ballsight predict photos/ 2>&1 | head` closes the pipe early: no fault, nothing to say.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // A training goes on, whoever listens: its run directory is what counts.
    if (process.argv[2] === "train" || process.argv[2] === "compare") return;
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
}

await main();

async function main(): Promise<void> {
  try {
    await program().parseAsync();
  } catch (error) {
    // commander has printed its message already.
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : USAGE_ERROR);
    const { errorLine, errorRecord } = await import("./output/errors.ts");
    process.stderr.write(`${errorLine(error)}\n`);
    // Not exitCode: a decode may still wait for standard input.
    process.exit(errorRecord(error).code === "INTERRUPTED" ? INTERRUPTED : USAGE_ERROR);
  }
}

function program(): Command {
  const ballsight = new Command("ballsight")
    .description("Recognises sports balls in photos, and trains image classifiers on your own.")
    .version(programVersion())
    .exitOverride()
    .showHelpAfterError("(add --help for the options)");
  ballsight.addHelpText("after", "\nExample:\n  ballsight predict photo.jpg");

  addCollect(ballsight);
  addVerify(ballsight);
  addRestore(ballsight);
  addClean(ballsight);
  addReview(ballsight);
  addApply(ballsight);
  addLrFind(ballsight);
  addTrain(ballsight);
  addCompare(ballsight);
  addEvaluate(ballsight);
  addPredict(ballsight);
  addServe(ballsight);
  addSite(ballsight);
  addSpace(ballsight);
  addWorker(ballsight);
  return ballsight;
}
