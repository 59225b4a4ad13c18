// The options on the command line that every command takes which trains: texts alone, checked in options.ts.

import type { Command } from "commander";

/** Adds how to train and where photos and weights come from; what is trained and where it goes is each command's own. */
export function addTrainingFlags(command: Command): Command {
  return addBatchFlags(command)
    .option(
      "--lr <rate|low:high>",
      "highest learning rate of the head while it trains alone, half of it afterwards; or the rates of the first layers and the head afterwards (default: 5e-3)",
    )
    .option("--lr-mult <factor>", "by how much the first layers' rate is lower than the head's (default: 60)")
    .option("--schedule <name>", "one-cycle or flat-cos (default: one-cycle)")
    .option("--average <decay>", "weight average that is validated and kept; 0 is off (default: 0.99)")
    .option("--patience <n>", "end a phase after so many epochs without a better one (default: 0, never)")
    .option("--save-best", "keep the weights of each phase's best epoch instead of its last")
    .option("--monitor <name>", "what makes an epoch better: valid_loss or accuracy (default: valid_loss)")
    .option("--min-delta <amount>", "better is only what is better by more than this (default: 0)")
    .option("--tta <n>", "measure test-time augmentation with so many passes at the end (default: 0, off)")
    .option("--calibrate", "fit a temperature for the model file's probabilities on the held-out photos");
}

/** Adds what `lr-find` takes: how the first batches of a training are made, and the range of rates. */
export function addLrFindFlags(command: Command): Command {
  return addBatchFlags(command)
    .option("--start-lr <rate>", "rate of the first step (default: 1e-7)")
    .option("--end-lr <rate>", "rate of the last step (default: 10)")
    .option("--steps <n>", "(default: 100)")
    .option("--keep-going", "do not stop when the loss is four times its best");
}

function addBatchFlags(command: Command): Command {
  return command
    .option("--epochs <n>", "epochs in which all layers train (default: 5)")
    .option("--freeze-epochs <n>", "epochs before, in which the head alone trains (default: 1)")
    .option("--size <px>", "side of the photos that the network is trained on (default: 128)")
    .option("--start-size <px>", "side in the first epochs, for progressive resizing (default: --size)")
    .option("--test-size <px>", "side when it is validated and served (default: about --size * 1.25)")
    .option(
      "--resize <px>",
      "what a photo's short side is resized to before the centre crop, or fastai (default: --test-size)",
    )
    .option("--batch <n>", "photos per batch (default: 16)")
    .option("--accumulate <n>", "batches per step, for large steps in little memory (default: 1)")
    .option("--valid <share>", "share of the photos that is held out (default: 0.1)")
    .option("--stratify", "hold out the same share of every class")
    .option("--no-group-split", "let copies of a photo be on both sides of the split, as fastai does")
    .option(
      "--data-version <file>",
      "train on this version of the data set: data.jsonl of another run, with its labels and split",
    )
    .option("--balance", "show photos of every class equally often")
    .option("--class-weights", "let every class count the same in the loss")
    .option("--seed <n>", "seed of everything random (default: 42)")
    .option("--head <kind>", "linear, or fastai for its two layers with max and average pooling (default: linear)")
    .option("--label-smoothing <share>", "(default: 0.05)")
    .option("--mixup <alpha>", "mix pairs of photos, for long trainings; 0.4 is usual (default: 0, off)")
    .option("--cutmix <alpha>", "cut a part of another photo into each; 1 is usual (default: 0, off)")
    .option("--weight-decay <factor>", "(default: 0.01)")
    .option("--min-scale <share>", "smallest random crop, as a share of the photo's area (default: 0.4)")
    .option("--aug-mult <factor>", "strength of rotation, warp and light; fastai's own is 1 (default: 0.2)")
    .option("--frozen-groups <n>", "first parameter groups that never train: quicker (default: 0)")
    .option("--frozen-norms", "train the BatchNorm layers of frozen layers too, as fastai does")
    .option("--statistics <kind>", "BatchNorm statistics while training: batch or running (default: batch)")
    .option("--random-if-missing", "start from random weights where none are at hand and none can be downloaded")
    .option("--offline", "download nothing (also BALLSIGHT_OFFLINE=1)")
    .option("--cache <folder>", "where decoded photos are kept (default: the user's cache folder)")
    .option("--device <name>", "cpu, or webgpu for the GPU, if there is one (default: cpu)");
}
