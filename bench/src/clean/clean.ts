// `bench clean`: what `ballsight clean` finds of faults that were planted by seed.

import { unitRows } from "@ballsight/vision";
import * as runtime from "onnxruntime-node";
import { CopyFinder, loadSharp, readDataset, readThresholds } from "../internals.ts";
import { dataFolder, wholeNumber } from "../options.ts";
import { print, type Row, tell } from "../output.ts";
import { type EyesOptions, openEyes } from "./eyes.ts";
import { plantedFaults } from "./faults.ts";
import { swappedLabels } from "./labels.ts";
import { strangersOfLeftOutClass } from "./leftOut.ts";
import type { Found } from "./score.ts";

/** As commander hands them over. */
interface CleanOptions extends EyesOptions {
  readonly data?: string;
  readonly seeds: string;
  readonly json?: true;
}

const SWAPS = [
  [0.05, "uniform"],
  [0.1, "uniform"],
  [0.05, "look-alike"],
  [0.1, "look-alike"],
] as const;

export async function clean(options: CleanOptions): Promise<void> {
  const seeds = wholeNumber("seeds", options.seeds, 1, 100);
  const dataset = await readDataset(dataFolder(options.data));
  const [eyes] = await Promise.all([openEyes(options), loadSharp()]);
  const sound = await eyes.look(dataset);
  const classes = dataset.classes.length;

  const rows: Row[] = [["planted", "precision", "recall", "AP", "found on sound photos"]];
  const line = (name: string, { precision, recall, averagePrecision }: Found, onSound = ""): Row => [
    name,
    ...[precision, recall, averagePrecision].map((value) => value.toFixed(3)),
    onSound,
  ];
  const labels: Record<string, Found> = {};
  // As `clean` does it: a copy with the right label in the training folds would give a swapped one away.
  const finder = await CopyFinder.open(sound.photos);
  const { keptOf: groups } = await finder.group([...sound.photos.keys()], readThresholds());
  for (const [portion, how] of SWAPS) {
    tell(`${portion * 100} % of the labels swapped, ${how}`);
    const name = `labels ${portion * 100} % ${how}`;
    labels[name] = await swappedLabels({ passed: sound, classes, groups, portion, how, seeds });
    rows.push(line(name, labels[name]));
  }
  tell("copies, bad pictures and strangers");
  const faults = await plantedFaults(eyes, dataset, sound, 1);
  for (const [fault, one] of Object.entries(faults.copies))
    rows.push(line(`copies, ${fault}`, one, `${faults.soundCopies}`));
  for (const [fault, one] of Object.entries(faults.pictures)) rows.push(line(fault, one, String(one.onSound)));
  tell("photos of a class that the others do not know");
  const leftOut = await strangersOfLeftOutClass(runtime, unitRows(sound.embeddings), sound.photos, classes);
  rows.push(line("unrelated, of a class left out", leftOut));
  await eyes.release();
  print({ photos: sound.photos.length, seeds, labels, ...faults, left_out: leftOut }, rows, options.json === true);
}
