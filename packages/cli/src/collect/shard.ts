// A shard of `collect`: what a worker is asked to download, how it does that, and what it answers.

import { randomUUID } from "node:crypto";
import { mkdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { BallsightError } from "@ballsight/vision";
import { publish, readResult, resultPath } from "../queue/shard.ts";
import { failWriting, syncFolder } from "../run/writeAtomic.ts";
import type { Look } from "./distinct.ts";
import {
  type Downloaded,
  type DownloadSettings,
  download,
  type NotDownloaded,
  type Outcome,
  type Postponed,
} from "./download/download.ts";
import type { Candidate } from "./photo.ts";

/** Candidates of a shard: enough that the queue costs nothing, few enough that a lost one is soon done again. */
export const SHARD_SIZE = 24;

export interface ShardCandidate extends Pick<Candidate, "label" | "url" | "source"> {}

/** What of the coordinator's settings a download depends on. */
export interface ShardSettings {
  readonly minSide: number;
  readonly perHost: number;
  readonly contact: string;
  readonly robots: boolean;
  readonly ignoreOptOut: boolean;
}

export interface CollectShard {
  readonly candidates: readonly ShardCandidate[];
  readonly settings: ShardSettings;
}

/** `temporary` is a name in the result's folder of photos; the sketch is in base64. */
interface ShardPhoto extends Omit<Downloaded, "look"> {
  readonly look: { readonly hashes: Look["hashes"]; readonly sketch: string };
}

export type ShardOutcome = ShardPhoto | NotDownloaded | Postponed;

/** Outcomes in the order of the candidates; `photos` is a folder beside the result. */
export interface CollectShardResult {
  readonly photos: string;
  readonly outcomes: readonly ShardOutcome[];
}

function packed(outcome: Outcome): ShardOutcome {
  if (outcome.status !== "ok") return outcome;
  const { look, temporary } = outcome;
  const sketch = Buffer.from(look.sketch).toString("base64");
  return { ...outcome, look: { hashes: look.hashes, sketch }, temporary: basename(temporary) };
}

/** The outcome as a download in this process would have given it. */
export function unpacked(outcome: ShardOutcome, photos: string): Outcome {
  if (outcome.status !== "ok") return outcome;
  const { look, temporary } = outcome;
  const sketch = new Uint8Array(Buffer.from(look.sketch, "base64"));
  return { ...outcome, look: { hashes: look.hashes, sketch }, temporary: join(photos, basename(temporary)) };
}

/** @throws what `signal` was aborted with; errors of the disk */
export async function collectShard(
  id: string,
  { candidates, settings }: CollectShard,
  folder: string,
  open: (settings: ShardSettings) => Omit<DownloadSettings, "folder" | "minSide">,
  signal: AbortSignal,
): Promise<void> {
  if (!(await isThere(folder))) {
    // A run that is over takes its folder of shards with it; without the data set this is another disk.
    if (await isThere(join(folder, ".."))) return;
    throw new BallsightError("SHARD_FOLDER", { name: folder });
  }
  // Of its own for every attempt: two workers may be at it when one was thought dead.
  const photos = `${id}.${randomUUID()}`;
  const place = join(folder, photos);
  const stop = new AbortController();
  const forward = () => stop.abort(signal.reason);
  if (signal.aborted) forward();
  signal.addEventListener("abort", forward, { once: true });
  try {
    // Without those above it: who clears up meanwhile must not find them made anew.
    await mkdir(place).catch((error: unknown) => failWriting(error, place, 0));
    const options = { ...open(settings), folder: place, minSide: settings.minSide };
    const outcomes = await Promise.all(
      candidates.map(async ({ url, source }) =>
        // Files of this machine are nothing to be sent for over a queue.
        packed(await download({ url, source: source === "folder" ? "urls" : source }, options, stop.signal)),
      ),
    );
    await syncFolder(place);
    if ((await readResult(resultPath(folder, id))) === undefined) {
      return await publish(resultPath(folder, id), { photos, outcomes } satisfies CollectShardResult);
    }
    await rm(place, { recursive: true, force: true });
  } catch (error) {
    // One that failed for want of a disk: the others need not go on.
    stop.abort(error);
    await rm(place, { recursive: true, force: true }).catch(() => undefined);
    if (!(await isThere(folder))) return;
    throw error;
  } finally {
    signal.removeEventListener("abort", forward);
  }
}

async function isThere(folder: string): Promise<boolean> {
  return (await stat(folder).catch(() => undefined))?.isDirectory() ?? false;
}
