// The program `ballsight`: commands and their options. A command's module is loaded only when it runs, so that each starts quickly.

import { Command, CommanderError } from "commander";
import { programVersion } from "./output/version.ts";
import { addLrFindFlags, addTrainingFlags } from "./train/flags.ts";

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
      const { lrFind } = await import("./commands/lrFind.ts");
      process.exitCode = await lrFind(data, options);
    });

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
      const { train } = await import("./commands/train.ts");
      process.exitCode = await train(data, options);
    });

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
      const { compare } = await import("./commands/compare.ts");
      process.exitCode = await compare(data, options);
    });

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
      const { evaluate } = await import("./commands/evaluate.ts");
      process.exitCode = await evaluate(data, options);
    });

  ballsight
    .command("collect")
    .summary("fill folders with photos from words, lists or a folder")
    .description(
      "Fills one folder per class with distinct, readable photos and writes down where each is from and what its licence is. Stopped or killed, the same command goes on. Exit code: 0 every class has its photos, 1 some lack photos or it was interrupted, 2 wrong option or folder.",
    )
    .option("--out <folder>", "the data set: a new folder, or one to add to")
    .option("--classes <file>", "one class per line, `Label` or `Label: words, other words` (default: the ten balls)")
    .option("--per-class <n>", "photos that each class shall have (default: 300)")
    .option("--source <names>", "of openverse, wikimedia, duckduckgo, urls, folder (default: openverse,wikimedia)")
    .option(
      "--urls <files...>",
      "lists of addresses: CSV with columns url and label, or text files named after a class",
    )
    .option("--from <folder>", "a folder of class folders with photos that one has")
    .option("--license <which>", "any, cc, commercial or public-domain (default: any)")
    .option("--retry <statuses>", "ask again for photos that came to these, such as timeout,rate-limited")
    .option("--min-side <px>", "refuse photos with a shorter side (default: 128)")
    .option("--parallel <n>", "downloads at a time (default: 32)")
    .option("--per-host <n>", "downloads at a time from one host (default: 2)")
    .option("--contact <address>", "mail or web address that the User-Agent names, for hosts with a complaint")
    .option("--robots", "obey each host's robots.txt too")
    .option("--ignore-opt-out", "take photos whose headers ask not to be used for training")
    .option("--sheet [label]", "write <out>/sheet.html: photos of every class, or many of one")
    .option("--json", "print one JSON object per class and one at the end")
    .addHelpText(
      "after",
      `
Examples:
  ballsight collect --out photos/ --per-class 300
  ballsight collect --out pets/ --classes pets.txt --license commercial
  ballsight collect --out photos/ --urls more.csv --per-class 400
  ballsight collect --out photos/ --retry timeout,rate-limited`,
    )
    .action(async (options) => {
      const { collect } = await import("./commands/collect.ts");
      process.exitCode = await collect(options);
    });

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
      const { verify } = await import("./commands/verify.ts");
      process.exitCode = await verify(data, options);
    });

  ballsight
    .command("restore")
    .summary("bring back photos that were moved to .trash")
    .description(
      "Brings back what `verify` took out of a data set: all, or the photos and folders named. Nothing is overwritten. Exit code: 0 all are back, 1 some are not, 2 wrong option or data.",
    )
    .argument("<data>", "the data set's folder")
    .argument("[files...]", "photos or folders, as they were called in the data set")
    .option("--list", "say what is in the trash and why; change nothing")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  ballsight restore photos/ --list
  ballsight restore photos/ Golf/0f3a.jpg
  ballsight restore photos/`,
    )
    .action(async (data: string, files: string[], options) => {
      const { restore } = await import("./commands/restore.ts");
      process.exitCode = await restore(data, files, options);
    });

  ballsight
    .command("clean")
    .summary("find wrong labels, copies and bad pictures")
    .description(
      "Looks at every photo of a data set once and lists the doubtful ones with a reason and a suggestion: wrong labels, copies, photos of something else, bad pictures. Changes no photo. Exit code: 0 all photos were looked at, 1 some could not be read, 2 wrong option, data or model.",
    )
    .argument("<data>", "folder with one folder of photos per class")
    .option("--model <file>", "a model made by `ballsight train` (default: the recogniser that ships)")
    .option(
      "--folds-train <k>",
      "judge labels by k whole trainings, each of the photos that it did not see: hours instead of seconds",
    )
    .option("--threshold <name=value...>", "what counts as a finding; docs/clean.md names them all")
    .option("--out <file>", "where the list goes (default: <data>/issues.jsonl)")
    .option("--cache <dir>", "where what was seen of photos is kept (default: BALLSIGHT_CACHE, else the user's cache)")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  ballsight clean photos/
  ballsight clean photos/ --model runs/balls/model.onnx
  ballsight clean photos/ --threshold dark=0.4 near=4`,
    )
    .action(async (data: string, options) => {
      const { clean } = await import("./commands/clean.ts");
      process.exitCode = await clean(data, options);
    });

  return ballsight;
}
