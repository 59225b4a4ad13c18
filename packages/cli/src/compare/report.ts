// What compare.html shows, gathered: results, curves, the photos on which the networks disagree and their thumbnails.

import { basename, join } from "node:path";
import { thumbnailOf } from "../images/thumbnail.ts";
import { programName } from "../output/version.ts";
import type { CompareReport } from "../report/compareReport.ts";
import { trainArguments } from "../train/options.ts";
import { agreement } from "./disagreement.ts";
import type { NetworkRun } from "./networks.ts";
import { type AgainstBest, isTrained, type NetworkResult, RANDOM_FALLBACK } from "./result.ts";
import type { CompareSettings } from "./settings.ts";

/** Photos shown; each run's predictions.csv has all. */
const MOST_PHOTOS = 48;

interface Parts {
  readonly settings: CompareSettings;
  readonly runs: readonly NetworkRun[];
  /** Ranked. */
  readonly results: readonly NetworkResult[];
  readonly against: ReadonlyMap<string, AgainstBest>;
}

export async function reportOf({ settings, runs, results, against }: Parts): Promise<CompareReport> {
  const { config, networks } = settings;
  const finished = runs.flatMap((run) => ("error" in run ? [] : [run]));
  const { disagreements, ...agreed } = agreement(finished.map(({ answers }) => answers));
  const shown = disagreements.slice(0, MOST_PHOTOS).map(async (photo) => {
    const thumbnail = await thumbnailOf(join(config.data, photo.file));
    return { ...photo, ...(thumbnail !== undefined && { thumbnail }) };
  });
  // The command's own words: `--arch` is each network's, and of the defaults nothing is said.
  const given = trainArguments({ ...config, arch: "" })
    .slice(2)
    .join(" ");
  return {
    title: `${networks.length} networks on ${basename(config.data)}`,
    finishedAt: new Date().toISOString(),
    program: programName(),
    results,
    against,
    curves: runs.filter(({ rows }) => rows.length > 0).map(({ network, rows }) => ({ network, rows })),
    agreement: {
      ...agreed,
      networks: finished.map(({ network }) => network),
      disagreements: disagreements.length,
      shown: await Promise.all(shown),
    },
    warnings: warnings(results, networks),
    settings: [
      ["data", config.data],
      ["networks", networks.join(", ")],
      ["options", given],
      ["held out", `${config.valid} (${config.stratify ? "stratified" : "random"}, seed ${config.learner.seed})`],
    ],
  };
}

function warnings(results: readonly NetworkResult[], networks: readonly string[]): string[] {
  const trained = results.filter(isTrained);
  const failed = results.flatMap((one) => (isTrained(one) ? [] : [`${one.network} failed: ${one.error.message}`]));
  const waiting = networks.filter((name) => results.every(({ network }) => network !== name));
  const named = (pick: (weights: string) => boolean) =>
    trained.filter(({ start_weights }) => pick(start_weights)).map(({ network }) => network);
  const missing = named((weights) => weights === RANDOM_FALLBACK);
  const flattered = named((weights) => weights.endsWith(".sports_balls"));
  return [
    ...failed,
    ...(waiting.length > 0 ? [`Not trained yet: ${waiting.join(", ")}.`] : []),
    ...(missing.length > 0
      ? [
          `No start weights were at hand for ${missing.join(", ")}: from random weights they learn far less from as many photos.`,
        ]
      : []),
    ...(flattered.length > 0
      ? [
          `${flattered.join(", ")} started from the shipped recogniser, which has seen ball photos: its accuracy on those is flattered.`,
        ]
      : []),
  ];
}
