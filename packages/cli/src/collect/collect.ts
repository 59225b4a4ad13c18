// A run of `ballsight collect` from its settings to its result: the folder opened, what is there measured, classes filled, credits written.

import { join } from "node:path";
import type { AddressRules } from "@ballsight/server/addresses";
import { BallsightError } from "@ballsight/vision";
import { expectSheet } from "../sheet/write.ts";
import { type ClassProgress, collectPhotos } from "./collector.ts";
import { Distinct, parseLook } from "./distinct.ts";
import type { DownloadSettings } from "./download/download.ts";
import { Robots } from "./download/robots.ts";
import { type Downloads, LocalDownloads } from "./downloads.ts";
import { CollectFolder, CREDITS_FILE, SHEET_FILE } from "./folder.ts";
import { type DoneEntry, Ledger } from "./ledger.ts";
import { type CreditsOutcome, writeMetadata } from "./metadata.ts";
import { openNetwork } from "./network.ts";
import { Outage } from "./outage.ts";
import { type CollectResult, collectResult } from "./result.ts";
import { Searches } from "./searches.ts";
import type { CollectSettings } from "./settings.ts";
import { writeCollectSheet } from "./sheet.ts";
import { type OpenverseAccount, openverseAccount } from "./sources/openverse.ts";
import { CollectState } from "./state.ts";
import { measureThere, photosThere } from "./there.ts";

export interface CollectEvents {
  /** Something a person should know, in a line without an end. */
  say(line: string): void;
  /** Photos that were there before are hashed. */
  measured(done: number, total: number): void;
  /** After every decision: photos that the classes have and want, and the class in question. */
  progress(have: number, wanted: number, label: string): void;
}

export interface CollectContext {
  readonly env: NodeJS.ProcessEnv;
  readonly events: CollectEvents;
  /** Stops the run; what it has by then is written all the same. */
  readonly signal: AbortSignal;
  /** Who downloads in this process's place. */
  readonly remote?: OpenRemote;
  /** For tests: other addresses, shorter patience. */
  readonly rules?: AddressRules;
  readonly patience?: Pick<DownloadSettings, "deadlineMs" | "attempts" | "maxBytes"> & { readonly idleMs?: number };
}

export type OpenRemote = (
  settings: CollectSettings,
  folder: CollectFolder,
  state: CollectState,
  local: Downloads,
) => Promise<Downloads>;

/** @throws COLLECT_FOLDER, DATA_BUSY, LEDGER_INVALID, RUN_NOT_WRITABLE, DISK_FULL */
export async function collectDataset(settings: CollectSettings, context: CollectContext): Promise<CollectResult> {
  const labels = settings.classes.map(({ label }) => label);
  const account = settings.services.includes("openverse") ? openverseAccount(context.env) : undefined;
  if (settings.sheet !== undefined) await expectSheet("--sheet", join(settings.out, SHEET_FILE));
  if (settings.unused.length > 0) {
    const names = settings.unused.join(", ");
    context.events.say(`${names}: in the lists or folders, but not among the classes, so left out (--classes)`);
  }
  const folder = await CollectFolder.open(settings.out, labels);
  try {
    const distinct = new Distinct();
    const state = new CollectState(settings.retry, (photo, entry) =>
      distinct.add(photo, photo.sha256, parseLook(entry)),
    );
    const { ledger, torn } = await Ledger.open(folder.ledger, (entry) => state.apply(entry));
    if (torn > 0) {
      const lines = torn === 1 ? "1 line of the ledger is" : `${torn} lines of the ledger are`;
      context.events.say(`${lines} torn, by a kill or a full disk; what is missing is asked for again`);
    }
    state.replayed();
    try {
      await folder.recover(state.photos, context.remote !== undefined);
      return await fill(settings, context, { folder, state, ledger, distinct, account });
    } finally {
      await ledger.close();
    }
  } finally {
    await folder.close();
  }
}

interface Opened {
  readonly folder: CollectFolder;
  readonly state: CollectState;
  readonly ledger: Ledger;
  /** Of what was taken so far; what lies in the folder besides is added at the start. */
  readonly distinct: Distinct;
  readonly account: OpenverseAccount | undefined;
}

async function fill(settings: CollectSettings, context: CollectContext, opened: Opened): Promise<CollectResult> {
  const { events, signal } = context;
  const { folder, state, ledger, distinct } = opened;
  const classes = await openClasses(settings, context, opened);
  const onWait = (host: string, ms: number) => events.say(`${host} asks to wait ${Math.ceil(ms / 1000)} s`);
  const rules = { ...context.rules, ...context.patience };
  const { client, gate, sources } = openNetwork(settings, context.env, onWait, rules, opened.account);
  const searches = new Searches(sources, state, ledger, {
    onStopped: (name, reason, until, earlier) => events.say(stopWords(name, reason, until, earlier)),
  });
  const conflicts: DoneEntry[] = [];
  const wanted = classes.reduce((sum, one) => sum + one.wanted, 0);
  const onDecided = (entry: DoneEntry) => {
    if (entry.of_label !== undefined && entry.of_label !== entry.label) conflicts.push(entry);
    const have = classes.reduce((sum, one) => sum + Math.min(one.have, one.wanted), 0);
    events.progress(have, wanted, entry.label);
  };
  let interrupted = false;
  let credits: CreditsOutcome;
  let downloads: Downloads | undefined;
  let finished = false;
  try {
    const download: DownloadSettings = {
      client,
      politeness: gate,
      robots: settings.robots ? new Robots(client, gate, signal) : undefined,
      ignoreOptOut: settings.ignoreOptOut,
      folder: folder.incoming,
      minSide: settings.minSide,
      ...context.patience,
    };
    const local = new LocalDownloads(download);
    downloads = (await context.remote?.(settings, folder, state, local)) ?? local;
    const { license } = settings;
    // What is ahead is four times as much.
    const parallel = context.remote === undefined ? settings.parallel : Math.ceil(settings.parallel / 4);
    const options = { folder, state, ledger, distinct, searches, downloads, license, parallel, onDecided };
    await collectPhotos(classes, options, signal);
    finished = true;
  } catch (error) {
    if (error instanceof Outage) events.say(error.message);
    else if (!signal.aborted) throw error;
    interrupted = true;
  } finally {
    await client.close();
    try {
      // Also after a fault: whatever was taken is told of, before anybody else is waited for.
      credits = await writeMetadata(folder, state.photos, state.there.values());
    } finally {
      await downloads?.close(finished);
    }
  }
  if (credits === "foreign") {
    events.say(`${CREDITS_FILE} was not written by this program and stays as it is; rename it to have one made`);
  }
  const hasCredits = credits === "written";
  const result = collectResult({ settings, folder, classes, state, searches, conflicts, interrupted, hasCredits });
  if (settings.sheet === undefined || interrupted) return result;
  const sheet = folder.file(SHEET_FILE);
  await writeCollectSheet(result, await photosThere(folder), settings.sheet, folder.path, sheet);
  return { ...result, sheet };
}

/** What is in the folder counts, whoever brought it, and nothing is taken that looks like it. */
async function openClasses(
  settings: CollectSettings,
  { events, signal }: CollectContext,
  { folder, state, ledger, distinct }: Opened,
): Promise<ClassProgress[]> {
  const there = await photosThere(folder);
  await measureThere(folder, state, there, signal, async (entry, done, total) => {
    state.apply(entry);
    await ledger.append([entry]);
    events.measured(done, total);
  });
  for (const { file, label } of there) {
    const entry = state.there.get(file);
    if (entry !== undefined) distinct.add({ file, label }, entry.sha256, parseLook(entry));
  }
  // What was taken out since is not brought back either.
  const living = new Set(there.map(({ file }) => file));
  for (const entry of state.there.values()) {
    const label = entry.file.split("/")[0]!.normalize("NFC");
    if (!living.has(entry.file)) distinct.add({ file: entry.file, label }, entry.sha256, parseLook(entry));
  }
  return settings.classes.map(({ label, words }): ClassProgress => {
    const have = there.filter((photo) => photo.label === label).length;
    return { label, words, wanted: settings.perClass, have, added: 0, dry: false };
  });
}

function stopWords(name: string, received: string, until: Date | undefined, earlier: boolean): string {
  const time = until === undefined ? undefined : timeWords(until);
  const advice = time === undefined ? "go on later with the same command" : `it is asked again from ${time} on`;
  const { message } = new BallsightError("SOURCE_STOPPED", { name, received, advice });
  return earlier ? `${message} (an earlier run was refused)` : message;
}

/** The day too where it is another one. */
function timeWords(until: Date): string {
  const time = until.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (until.toDateString() === new Date().toDateString()) return time;
  return `${until.toLocaleDateString("en-GB", { day: "numeric", month: "long" })}, ${time}`;
}
