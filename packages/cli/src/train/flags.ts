// The options on the command line that every command takes which trains: texts alone, checked in options.ts.

import type { Command } from "commander";

/** Adds how to train and where photos and weights come from; what is trained and where it goes is each command's own. */
export function addTrainingFlags(command: Command): Command {
  return command
    .option("--epochs <n>", "epochs in which all layers train (default: 5)")
    .option("--freeze-epochs <n>", "epochs before, in which the head alone trains (default: 1)")
    .option(
      "--lr <rate>",
      "highest learning rate of the head while it trains alone; half of it afterwards (default: 5e-3)",
    )
    .option("--lr-mult <factor>", "by how much the first layers' rate is lower than the head's (default: 60)")
    .option("--size <px>", "side of the photos that the network is trained on (default: 128)")
    .option("--start-size <px>", "side in the first epochs, for progressive resizing (default: --size)")
    .option("--test-size <px>", "side when it is validated and served (default: about --size * 1.25)")
    .option("--resize <px>", "what a photo's short side is resized to before the centre crop (default: --test-size)")
    .option("--batch <n>", "photos per step (default: 16)")
    .option("--valid <share>", "share of the photos that is held out (default: 0.1)")
    .option("--stratify", "hold out the same share of every class")
    .option("--seed <n>", "seed of everything random (default: 42)")
    .option("--head <kind>", "fastai or linear (default: fastai)")
    .option("--label-smoothing <share>", "(default: 0.05)")
    .option("--mixup <alpha>", "mix pairs of photos, for long trainings; 0.4 is usual (default: 0, off)")
    .option("--average <decay>", "weight average that is validated and kept; 0 is off (default: 0.99)")
    .option("--weight-decay <factor>", "(default: 0.01)")
    .option("--min-scale <share>", "smallest random crop, as a share of the photo's area (default: 0.4)")
    .option("--aug-mult <factor>", "strength of rotation, warp and light; fastai's own is 1 (default: 0.2)")
    .option("--frozen-groups <n>", "first parameter groups that never train: quicker (default: 0)")
    .option("--frozen-norms", "train the BatchNorm layers of frozen layers too, as fastai does")
    .option("--statistics <kind>", "BatchNorm statistics while training: batch or running (default: batch)")
    .option("--random-if-missing", "start from random weights where none are at hand and none can be downloaded")
    .option("--offline", "download nothing (also BALLSIGHT_OFFLINE=1)")
    .option("--cache <folder>", "where decoded photos are kept (default: the user's cache folder)")
    .option("--device <name>", "cpu (default: cpu)");
}
