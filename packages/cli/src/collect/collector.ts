// Fills the classes: photos are fetched side by side and decided one by one, in an order that no network's haste can change.

import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { failWriting } from "../run/writeAtomic.ts";
import type { WantedClass } from "./classes.ts";
import { type Distinct, lookText } from "./distinct.ts";
import type { Downloaded, NotDownloaded, Outcome, Postponed } from "./download/download.ts";
import type { Downloads } from "./downloads.ts";
import type { CollectFolder } from "./folder.ts";
import type { DoneEntry, Ledger } from "./ledger.ts";
import { type LicenseFilter, passes } from "./licenses.ts";
import { LookAhead } from "./lookAhead.ts";
import { OutageWatch } from "./outage.ts";
import type { Candidate } from "./photo.ts";
import type { Searches } from "./searches.ts";
import type { CollectState } from "./state.ts";

export interface CollectorOptions {
  readonly folder: CollectFolder;
  readonly state: CollectState;
  readonly ledger: Ledger;
  readonly distinct: Distinct;
  readonly searches: Searches;
  readonly downloads: Downloads;
  readonly license: LicenseFilter;
  /** Downloads at a time. */
  readonly parallel: number;
  /** After every decision. */
  readonly onDecided?: (entry: DoneEntry) => void;
}

/** A class on its way; `have` counts the photos in its folder. */
export interface ClassProgress extends WantedClass {
  readonly wanted: number;
  have: number;
  /** Taken in this run. */
  added: number;
  /** Nothing more is to be found. */
  dry: boolean;
}

/** What is known without asking: the address was decided under another class. */
type Known = NotDownloaded & Pick<DoneEntry, "of" | "of_label">;
type Result = Outcome | Known;

const LEAST_AHEAD = 16;

/**
 * Until every class has what it wants or nothing more is to be found.
 * @throws what `signal` was aborted with; Outage; DISK_FULL and the like. What was decided until then stays.
 */
export async function collectPhotos(
  classes: readonly ClassProgress[],
  options: CollectorOptions,
  signal: AbortSignal,
): Promise<void> {
  const runs = classes.map((progress) => {
    const candidates = (stop: AbortSignal) => options.searches.candidates(progress.label, progress.words, stop);
    const job = (candidate: Candidate, stop: AbortSignal) => obtain(candidate, options, stop);
    return { progress, ahead: new LookAhead(candidates, job, signal) };
  });
  const outage = new OutageWatch();
  try {
    for (;;) {
      signal.throwIfAborted();
      const active = runs.filter(({ progress }) => !progress.dry && progress.have < progress.wanted);
      // The class that is least far in its list, so that the order of decisions, and with it which of two copies under two
      // classes is kept, follows from the lists alone: a run that was killed goes on as if nothing had happened.
      const [first, ...others] = active;
      if (first === undefined) return;
      const position = ({ progress }: (typeof runs)[number]) => options.state.of(progress.label).position;
      const run = others.reduce((least, one) => (position(one) < position(least) ? one : least), first);
      const most = Math.max(LEAST_AHEAD, Math.ceil((4 * options.parallel) / active.length));
      for (const { progress, ahead } of active) ahead.fill(Math.min(most, neededAhead(progress)));
      const step = await run.ahead.next();
      if (step === undefined) run.progress.dry = true;
      else if (step.result.status === "postponed") {
        // Undecided, and so where this run comes back to in the end, and the next one at once.
        options.state.of(step.item.label).postponed.push(step.item);
        outage.notePostponed(step.item.source);
      } else {
        await decide(run.progress, step.item, step.result, options);
        outage.note(step.item.url, step.result.status);
      }
      if (run.progress.have >= run.progress.wanted) await leave(await run.ahead.close(), options);
    }
  } finally {
    for (const { ahead } of runs) await leave(await ahead.close(), options);
  }
}

/** Some come to nothing, but who asks for many more than are missing wastes what others pay for. */
const neededAhead = ({ wanted, have }: ClassProgress): number => Math.ceil(1.25 * (wanted - have)) + 2;

async function obtain(candidate: Candidate, options: CollectorOptions, signal: AbortSignal): Promise<Result> {
  if (!passes(options.license, candidate.license)) {
    return { status: "license", reason: candidate.license ?? "no licence is known" };
  }
  return sameAddress(candidate, options.state) ?? (await options.downloads.get(candidate, signal));
}

/** What another class took, or knows as a copy, is one here too. Refusals are not passed on: they may come from other settings. */
function sameAddress({ label, url }: Candidate, state: CollectState): Known | undefined {
  const before = state.decisionOf(url);
  if (before === undefined || before.label === label) return undefined;
  const { status, file, of = file, of_label = before.label } = before;
  if (status !== "ok" && status !== "duplicate-of") return undefined;
  return { status: "duplicate-of", reason: "the same address", ...(of !== undefined && { of }), of_label };
}

async function decide(
  progress: ClassProgress,
  { label, url }: Candidate,
  result: Exclude<Result, Postponed>,
  options: CollectorOptions,
): Promise<void> {
  const { distinct, state, ledger, onDecided } = options;
  const about = { event: "done", label, url, at: new Date().toISOString() } as const;
  const entry: DoneEntry =
    result.status === "ok" ? { ...about, ...judge(label, result, distinct, options.folder) } : { ...about, ...result };
  state.apply(entry);
  await ledger.append([entry]);
  if (result.status === "ok" && entry.file !== undefined) {
    await moveTo(options.folder.file(entry.file), result.temporary);
    progress.have++;
    progress.added++;
  } else if (result.status === "ok") await options.downloads.discard(result);
  onDecided?.(entry);
}

function judge(
  label: string,
  { sha256, extension, width, height, look }: Downloaded,
  distinct: Distinct,
  folder: CollectFolder,
): Pick<DoneEntry, "status"> & Partial<DoneEntry> {
  const copy = distinct.copyOf(sha256, look);
  if (copy !== undefined) {
    const { of, likeness } = copy;
    const near = likeness !== undefined && { likeness };
    return { status: "duplicate-of", of: of.file, of_label: of.label, ...near, sha256 };
  }
  // A photo that was changed in its place keeps its name, so the new one has more of its hash in its own.
  const names = [16, 32, 64].map((digits) => `${label}/${sha256.slice(0, digits)}${extension}`);
  const file = names.find((name) => !existsSync(folder.file(name))) ?? names[0]!;
  return { status: "ok", file, sha256, width, height, ...lookText(look) };
}

/** Synchronous like the ledger's line before it: nothing but a kill comes in between, and `recover` mends that. */
async function moveTo(path: string, temporary: string): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true });
    renameSync(temporary, path);
  } catch (error) {
    await failWriting(error, path, 0);
  }
}

/** What nobody decided. */
async function leave(results: readonly Result[], { downloads }: CollectorOptions): Promise<void> {
  await Promise.all(results.map(async (result) => result.status === "ok" && (await downloads.leave(result))));
}
