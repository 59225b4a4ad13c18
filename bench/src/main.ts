// The program behind `npm run bench`: one command per benchmark. The result alone goes to stdout, what happens meanwhile to stderr.

import { Command, CommanderError } from "commander";
import { ProgramFailed } from "./processes.ts";

const USAGE_ERROR = 2;

// A signal alone would skip what happens at the exit: ending other programs, removing temporary folders.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

try {
  await program().parseAsync();
} catch (error) {
  // commander has printed its message already.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : USAGE_ERROR);
  if (error instanceof ProgramFailed) {
    process.stderr.write(`bench: ${error.message}\n`);
    process.exit(1);
  }
  const { errorRecord } = await import("./internals.ts");
  const { code, message } = errorRecord(error);
  process.stderr.write(`bench: ${message} [${code}]\n`);
  process.exit(USAGE_ERROR);
}

function program(): Command {
  const bench = new Command("bench")
    .description("Benchmarks, each beside the peer that it is measured against. Run them on an idle machine.")
    .exitOverride()
    .showHelpAfterError("(add --help for the options)");
  const peerOptions = (command: Command) =>
    command
      .option("--peer", "run the peer too (Debian's python3-torch); skipped where it is absent")
      .option("--peer-folder <folder>", "where the peer's scripts lie (default: ../shared/peer beside the repository)");

  peerOptions(bench.command("train-step"))
    .description("Seconds per training step: torchvision's network of 10 classes, AdamW, no augmentation.")
    .option("--arch <name>", "architecture", "mobilenet_v2")
    .option("--size <px>", "side of the photos", "128")
    .option("--batch <n>", "photos per step", "16")
    .option("--steps <n>", "steps that count, after two that do not", "12")
    .option("--mode <mode>", "BatchNorm: train (each batch's statistics) or frozen_bn (running ones)", "train")
    .option("--target <target>", "auto, plain or blocked", "auto")
    .option("--threads <n>", "threads of the engine and of the peer", "2")
    .option("--json", "print one JSON line")
    .addHelpText("after", "\nExample:\n  npm run bench -- train-step --size 128 --batch 16 --mode frozen_bn --peer")
    .action(async (options) => {
      const { trainStep } = await import("./trainStep.ts");
      await trainStep(options);
    });

  bench
    .command("steps-in-turn")
    .description(
      "A training step of ours and one of PyTorch's in turn: the fair comparison on a machine whose speed drifts.",
    )
    .option("--arch <name>", "architecture", "resnet34")
    .option("--size <px>", "side of the photos", "128")
    .option("--batch <n>", "photos per step", "16")
    .option("--steps <n>", "pairs of steps that count, after three that do not", "25")
    .option("--threads <n>", "threads of each side", "2")
    .option("--json", "print one JSON line")
    .addHelpText("after", "\nExample:\n  npm run bench -- steps-in-turn --arch googlenet --steps 15")
    .action(async (options) => {
      const { stepsInTurn } = await import("./stepsInTurn.ts");
      await stepsInTurn(options);
    });

  bench
    .command("predict")
    .description("From a photo's file to its answer, cold and warm, and photos per second over a folder.")
    .option("--model <file>", "a model (default: the recogniser that ships)")
    .option("--photo <file>", "a photo (default: a drawn JPEG of 640 x 480)")
    .option("--folder <folder>", "a folder of photos")
    .option("--cold <n>", "fresh processes", "7")
    .option("--warm <n>", "answers in the warm process", "100")
    .option("--json", "print one JSON line")
    .addHelpText("after", "\nExample:\n  npm run bench -- predict --folder ../shared/data/balls/Tennis")
    .action(async (options) => {
      const { predict } = await import("./predict.ts");
      await predict(options);
    });

  bench
    .command("loader")
    .description(
      "Photos decoded per second, batches made from the cache per second, and what a training step consumes.",
    )
    .option("--data <folder>", "folder of class folders (default: ../shared/data/balls beside the repository)")
    .option("--arch <name>", "architecture", "mobilenet_v2")
    .option("--size <px>", "side of the photos", "128")
    .option("--batch <n>", "photos per step", "16")
    .option("--photos <n>", "take only so many, spread over all (default: all)")
    .option("--steps <n>", "training steps that count", "8")
    .option("--json", "print one JSON line")
    .addHelpText("after", "\nExample:\n  npm run bench -- loader --data photos/ --size 224 --photos 1000")
    .action(async (options) => {
      const { loader } = await import("./loader.ts");
      await loader(options);
    });

  bench
    .command("collect")
    .description(
      "Photos collected per second, checks and hashes included, from a server with latency; memory meanwhile.",
    )
    .option("--photos <n>", "different photos", "4000")
    .option("--latency <ms>", "until each answer begins", "50")
    .option("--parallel <n>", "downloads at a time", "32")
    .option("--json", "print one JSON line")
    .addHelpText("after", "\nExample:\n  npm run bench -- collect --photos 20000")
    .action(async (options) => {
      const { collect } = await import("./collect.ts");
      await collect(options);
    });

  bench
    .command("clean")
    .description(
      "Labels swapped, copies, bad pictures and strangers planted by seed among photos, and how many of them `ballsight clean` finds, with which precision.",
    )
    .option("--data <folder>", "folder of class folders (default: ../shared/data/balls beside the repository)")
    .option("--model <file>", "whose embeddings (default: the recogniser that ships)")
    .option("--body <weights>", "published weights instead, under no head at all: nothing has seen one of the labels")
    .option("--arch <name>", "what the weights of --body are of", "mobilenet_v2.tf_in1k")
    .option("--seeds <n>", "draws of swapped labels that are averaged", "3")
    .option("--cache <folder>", "where what was seen of photos is kept", "clean-cache")
    .option("--json", "print one JSON line")
    .addHelpText("after", "\nExample:\n  npm run bench -- clean --cache /tmp/clean-cache")
    .action(async (options) => {
      const { clean } = await import("./clean/clean.ts");
      await clean(options);
    });

  bench
    .command("clean-training")
    .description(
      "Held-out accuracy after training on photos as they are, with wrong labels planted by seed, and after these were cleaned by `train --rounds 2 --auto`.",
    )
    .option("--data <folder>", "folder of class folders (default: ../shared/data/balls beside the repository)")
    .option("--portion <share>", "of the labels that are trained on", "0.1")
    .option("--seed <n>", "of the planted labels", "1")
    .option("--out <folder>", "keeps the runs, and goes on where it was broken off (default: a temporary folder)")
    .option("--json", "print one JSON line")
    .argument("[arguments...]", "options for `ballsight train`, behind --")
    .addHelpText("after", "\nExample:\n  npm run bench -- clean-training --portion 0.1 -- --size 128 --epochs 5")
    .action(async (trainArguments, options) => {
      const { cleanTraining } = await import("./clean/training.ts");
      await cleanTraining(trainArguments, options);
    });

  bench
    .command("verify")
    .description("Photos verified per second, and the most memory that it takes, for few photos and for many.")
    .option("--few <n>", "different photos of 640 x 480", "100")
    .option("--many <n>", "the same for many", "10000")
    .option("--json", "print one JSON line")
    .addHelpText("after", "\nExample:\n  npm run bench -- verify --many 2000")
    .action(async (options) => {
      const { verify } = await import("./verify.ts");
      await verify(options);
    });

  bench
    .command("clean-hashes")
    .description("Copies among synthetic photos: the cost of one more among a million beside that among ten thousand.")
    .option("--photos <n>", "the most photos", "1000000")
    .option("--json", "print one JSON line")
    .addHelpText("after", "\nExample:\n  npm run bench -- clean-hashes")
    .action(async (options) => {
      const { cleanHashes } = await import("./clean/hashes.ts");
      await cleanHashes(options);
    });

  bench
    .command("serve")
    .description(
      "Answers per second of `ballsight serve` and their times, closed and open loop, beside the bare session and a PyTorch server.",
    )
    .option("--model <file>", "a model (default: the recogniser that ships)")
    .option("--folder <folder>", "a folder of photos (default: docs/examples)")
    .option("--photos <n>", "take at most so many, spread over all", "100")
    .option("--seconds <n>", "of each measurement", "10")
    .option("--overload <n>", "seconds at twice the capacity (default: as the others)")
    .option(
      "--disturb",
      "twice the capacity also with the model loaded anew every 2 s, and with a SIGTERM in the middle",
    )
    .option("--clients <n...>", "closed loop: clients at a time", ["1", "8", "64"])
    .option(
      "--peer",
      "measure bench/peer/torch_server.py too (Debian's python3-torchvision); skipped where it is absent",
    )
    .option("--json", "print one JSON line")
    .addHelpText("after", "\nExample:\n  npm run bench -- serve --folder ../shared/data/balls --seconds 30 --peer")
    .action(async (options) => {
      const { serve } = await import("./serve.ts");
      await serve(options);
    });

  peerOptions(bench.command("time-to-accuracy"))
    .description("Seconds of training, decoding apart, until the held-out accuracy first reaches a target.")
    .argument("[arguments...]", "options for `ballsight train`, behind --")
    .option("--data <folder>", "folder of class folders (default: ../shared/data/balls beside the repository)")
    .option("--accuracy <share>", "accuracy on the held-out photos", "0.9")
    .option("--size <px>", "side of the photos in the last epochs", "128")
    .option("--json", "print one JSON line")
    .addHelpText(
      "after",
      "\nExample:\n  npm run bench -- time-to-accuracy --accuracy 0.9 --peer -- --epochs 3 --frozen-groups 1",
    )
    .action(async (args: string[], options) => {
      const { timeToAccuracy } = await import("./timeToAccuracy.ts");
      await timeToAccuracy(args, options);
    });

  return bench;
}
