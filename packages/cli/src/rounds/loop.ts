// Fine-tune, clean, fine-tune again: every round trains on a version of the data set that the round before led to, all with the same photos held out.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EpochRow } from "@ballsight/vision";
import { cleanDataset } from "../clean/cleanDataset.ts";
import { ISSUES_FILE, type Issue, writeIssues } from "../clean/issues.ts";
import { readThresholds } from "../clean/thresholds.ts";
import { startTraining, type TrainingProcess } from "../compare/trainingProcess.ts";
import { type Dataset, readDataset } from "../data/dataset.ts";
import { applyVersion, type DataVersion, formatVersion, readVersion } from "../data/version.ts";
import type { Decision } from "../decisions/entries.ts";
import { readDecisions } from "../decisions/read.ts";
import { hashPhotos } from "../evaluate/provenance.ts";
import type { ErrorRecord } from "../output/errors.ts";
import type { Progress } from "../output/progress.ts";
import { readIssues } from "../review/issues.ts";
import { RUN_FILES } from "../run/runDirectory.ts";
import { writeAtomic } from "../run/writeAtomic.ts";
import { type RunConfig, savedConfig, trainArguments } from "../train/options.ts";
import { readJournal } from "../trash/journal.ts";
import { restoredAt } from "../trash/list.ts";
import type { LoadOptions } from "../weights/startWeights.ts";
import { countOpen, decide, nearlyCertain, saveDecisions } from "./decisions.ts";
import { startModel } from "./startModel.ts";
import { subsetOf } from "./subset.ts";

export interface RoundsSettings {
  readonly rounds: number;
  /** Accept what is nearly certain instead of asking. */
  readonly auto: boolean;
  readonly config: RunConfig;
}

/** How a round ended: with a next version, with the question that is open, or as the last one. */
export type RoundEnd =
  | { readonly kind: "decided"; readonly decisions: readonly Decision[]; readonly heldOut: number }
  | { readonly kind: "asks"; readonly photos: number }
  | { readonly kind: "settled" };

export interface RoundsOptions {
  /** Absolute, held. */
  readonly folder: string;
  readonly settings: RoundsSettings;
  /** This invocation's, as for `train --resume`. */
  readonly here: readonly string[];
  readonly cache: string | undefined;
  /** How the weights of the start are loaded. */
  readonly weights: LoadOptions;
  readonly resume: boolean;
  readonly progress: Progress;
  readonly warn: (line: string) => void;
  readonly stopped: () => boolean;
  readonly onProcess: (running: TrainingProcess | undefined) => void;
  readonly onTrained: (round: number, model: string) => void;
  readonly onEnd: (round: number, end: RoundEnd) => void;
}

export const runOf = (folder: string, round: number): string => join(folder, `round-${round}`);
export const versionFile = (folder: string, round: number): string => join(folder, `v${round}.jsonl`);
const decisionsFile = (folder: string, round: number) => join(folder, `decisions-${round}.jsonl`);

/** Returns how many rounds are trained; fewer than asked for where it was stopped, has to ask, or nothing is left to change. */
export async function trainRounds(options: RoundsOptions): Promise<{ trained: number; error?: ErrorRecord }> {
  const { folder, settings, stopped, onTrained, onEnd } = options;
  for (let round = 0; round < settings.rounds; round++) {
    const run = runOf(folder, round);
    if (!existsSync(join(run, RUN_FILES.card))) {
      const { error } = await trainRound(round, options);
      if (error !== undefined) return { trained: round, error };
    }
    if (!existsSync(versionFile(folder, round))) {
      await writeAtomic(versionFile(folder, round), await readFile(join(run, RUN_FILES.data)));
    }
    onTrained(round, join(run, RUN_FILES.model));
    if (round + 1 === settings.rounds || existsSync(versionFile(folder, round + 1))) continue;
    if (stopped()) return { trained: round + 1 };
    const end = await endRound(round, options);
    onEnd(round, end);
    if (end.kind !== "decided") return { trained: round + 1 };
  }
  return { trained: settings.rounds };
}

async function trainRound(round: number, options: RoundsOptions): Promise<{ readonly error?: ErrorRecord }> {
  const { folder, settings, here, progress, warn, onProcess } = options;
  const run = runOf(folder, round);
  const { config } = settings;
  const version = round === 0 ? config.dataVersion : versionFile(folder, round);
  const how = existsSync(join(run, RUN_FILES.config))
    ? ["--resume"]
    : [config.data, ...trainArguments({ ...config, dataVersion: version })];
  const rows: EpochRow[] = [];
  let shown = "";
  const running = startTraining(`round ${round}`, [...how, "--out", run, ...here], {
    onEpoch: (row) => void rows.push(row),
    onProgress: ({ label, done, total, smoothLoss }) => {
      if (label !== shown) progress.start(`Round ${round} ${label}`);
      shown = label;
      progress.update({
        done,
        ...(total !== undefined && { total }),
        ...(typeof smoothLoss === "number" && { smoothLoss }),
      });
    },
    onLine: (line) => warn(`round ${round}: ${line}`),
  });
  onProcess(running);
  try {
    return await running.ended;
  } finally {
    onProcess(undefined);
    progress.clear();
  }
}

async function endRound(round: number, options: RoundsOptions): Promise<RoundEnd> {
  const { folder, settings, resume } = options;
  const version = await readVersion(versionFile(folder, round));
  const issuesFile = join(runOf(folder, round), ISSUES_FILE);
  const wasAsked = !settings.auto && resume && existsSync(issuesFile);
  const dataset = await readDataset(settings.config.data);
  const issues = wasAsked ? [] : await lookAgain(version, dataset, options);
  if (!wasAsked) await writeIssues(issuesFile, issues);
  const [{ decisions }, journal] = await Promise.all([readDecisions(dataset.dir), readJournal(dataset.dir)]);
  if (settings.auto) {
    const sure = nearlyCertain(issues, version, decisions, { step: `round-${round}`, at: new Date().toISOString() });
    for (const decision of sure) decisions.add(decision);
  }
  const decided = decide(version, decisions, restoredAt(journal));
  // Asked once about all that is open; then again only where nobody has changed anything, which is no answer.
  if (!settings.auto && !(wasAsked && decided.made.length > 0)) {
    const { photos } = await readIssues(issuesFile);
    const open = countOpen(photos, version, decisions);
    if (open > 0) {
      if (!wasAsked) await writeIssues(join(dataset.dir, ISSUES_FILE), issues);
      return { kind: "asks", photos: open };
    }
  }
  if (decided.made.length === 0) return { kind: "settled" };
  // The version last: where it is, everything that led to it is.
  await saveDecisions(decisionsFile(folder, round), decided.made);
  await writeAtomic(versionFile(folder, round + 1), formatVersion(decided.version));
  return { kind: "decided", decisions: decided.made, heldOut: decided.heldOut };
}

async function lookAgain(
  version: DataVersion,
  dataset: Dataset,
  { folder, cache, progress, weights }: RoundsOptions,
): Promise<readonly Issue[]> {
  const taken = applyVersion(version, dataset, await hashPhotos(dataset));
  const name = join(runOf(folder, 0), RUN_FILES.config);
  // The first round's, which says which weights those that were asked for are.
  const config = savedConfig(JSON.parse(await readFile(name, "utf8")), name);
  const { findings } = await cleanDataset({
    dataset: subsetOf(taken.dataset, new Set([...taken.train, ...taken.valid])),
    model: await startModel(folder, config, taken.dataset.classes, weights),
    cache,
    thresholds: readThresholds(),
    progress,
  });
  return findings.issues;
}
