// Downloads by workers: candidates are put together to shards, shards into a queue, and what came of them is read from their files.

import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, publish, readResult } from "../queue/shard.ts";
import { DeadLetter, type ShardQueue } from "../queue/shardQueue.ts";
import type { Downloaded, NotDownloaded, Outcome } from "./download/download.ts";
import { Slots } from "./download/politeness.ts";
import type { Downloads } from "./downloads.ts";
import { Outage } from "./outage.ts";
import type { Candidate } from "./photo.ts";
import { type CollectShard, type CollectShardResult, SHARD_SIZE, type ShardSettings, unpacked } from "./shard.ts";
import { answerOf, collectShardOf } from "./shardAnswer.ts";
import type { CollectState } from "./state.ts";

export interface RemoteOptions {
  readonly queue: ShardQueue;
  /** Of the shards' files. */
  readonly folder: string;
  readonly settings: ShardSettings;
  readonly state: CollectState;
  /** For files of this machine. */
  readonly local: Downloads;
  readonly say: (line: string) => void;
}

/** Files of this machine that are read at a time. */
const LOCAL_PARALLEL = 32;
/** A shard that does not fill goes when this much time is over: candidates come one by one as others are decided. */
const LINGER_MS = 150;
/** It is the workers then and not the photos: to go on would spend the services' quotas for nothing. */
const MOST_DEAD = 12;
const PLAN = ".plan.json";

interface Planned {
  readonly candidate: Candidate;
  readonly signal: AbortSignal;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/** What a run before this one asked for. Its result is asked for once, and forgotten with the last candidate that is taken of it. */
interface Asked {
  readonly id: string;
  readonly content: CollectShard;
  result?: Promise<CollectShardResult>;
}

interface Place {
  readonly shard: Asked;
  readonly at: number;
}

export class RemoteDownloads implements Downloads {
  readonly #options: RemoteOptions;
  /** By label and address: where a run before this one asked for it. */
  readonly #asked = new Map<string, Place>();
  readonly #local = new Slots(LOCAL_PARALLEL);
  #batch: Planned[] = [];
  #timer: NodeJS.Timeout | undefined;
  #deadInARow = 0;

  private constructor(options: RemoteOptions) {
    this.#options = options;
  }

  /** Takes up what a run that was stopped left in the queue and in files. */
  static async open(options: RemoteOptions): Promise<RemoteDownloads> {
    const remote = new RemoteDownloads(options);
    await makeFolder(options.folder);
    const names = await readdir(options.folder);
    const over: string[] = [];
    for (const id of plansOf(names)) if (!(await remote.#resume(id))) over.push(id);
    await options.queue.remove(over);
    for (const name of names) {
      const isOver = over.some((id) => name.startsWith(`${id}.`));
      // A worker may still write there.
      if (isOver) await rm(join(options.folder, name), { recursive: true, force: true }).catch(() => undefined);
    }
    return remote;
  }

  async get(candidate: Candidate, signal: AbortSignal): Promise<Outcome> {
    if (candidate.source === "folder") {
      return await this.#local.during(signal, () => this.#options.local.get(candidate, signal));
    }
    const place = this.#asked.get(keyOf(candidate));
    if (place !== undefined) {
      this.#asked.delete(keyOf(candidate));
      const { shard, at } = place;
      shard.result ??= this.#ask(shard.id, shard.content);
      const outcome = await until(signal, this.#outcome(shard.result, at));
      if (!isStale(outcome)) return outcome;
    }
    return await until(
      signal,
      new Promise<Outcome>((resolve, reject) => this.#plan({ candidate, signal, resolve, reject })),
    );
  }

  async discard({ temporary }: Downloaded): Promise<void> {
    await unlink(temporary).catch(() => undefined);
  }

  async leave(photo: Downloaded): Promise<void> {
    // Of a file of this machine nothing is left; of a shard all, for the run that goes on.
    if (!photo.temporary.startsWith(this.#options.folder)) await this.#options.local.leave(photo);
  }

  async close(finished: boolean): Promise<void> {
    clearTimeout(this.#timer);
    const { queue, folder } = this.#options;
    try {
      if (!finished) return;
      await queue.remove(plansOf(await readdir(folder).catch(() => [])));
      // A worker that is still at it sees by this that nobody waits. Where it writes meanwhile, the next run clears up.
      await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
    } finally {
      await queue.close();
    }
  }

  /** False for a plan that is over, as its candidates are all decided. */
  async #resume(id: string): Promise<boolean> {
    const { folder, state, settings } = this.#options;
    const content = planOf(await readResult(join(folder, id + PLAN)));
    // With other settings other photos would come of it.
    if (content === undefined || JSON.stringify(content.settings) !== JSON.stringify(settings)) return false;
    const shard: Asked = { id, content };
    let isOpen = false;
    for (const [at, { label, url }] of content.candidates.entries()) {
      if (!state.of(label).undecided.has(url)) continue;
      this.#asked.set(keyOf({ label, url }), { shard, at });
      isOpen = true;
    }
    return isOpen;
  }

  #plan(planned: Planned): void {
    // What killed its workers before goes alone now: its neighbours may be sound.
    const { url } = planned.candidate;
    if (this.#options.state.decisionOf(url)?.status === "worker-failed") return void this.#send([planned]);
    this.#batch.push(planned);
    if (this.#batch.length >= SHARD_SIZE) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), LINGER_MS);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#batch.filter(({ signal }) => !signal.aborted);
    this.#batch = [];
    if (batch.length > 0) void this.#send(batch);
  }

  async #send(batch: readonly Planned[]): Promise<void> {
    const { settings, folder } = this.#options;
    const candidates = batch.map(({ candidate: { label, url, source } }) => ({ label, url, source }));
    const [id, content] = [randomUUID(), { candidates, settings }];
    try {
      // On the disk before it is in the queue, so that a run that goes on knows of it.
      await publish(join(folder, id + PLAN), content);
    } catch (error) {
      for (const { reject } of batch) reject(error);
      return;
    }
    const result = this.#ask(id, content);
    await Promise.all(batch.map(({ resolve, reject }, at) => this.#outcome(result, at).then(resolve, reject)));
  }

  async #outcome(result: Promise<CollectShardResult>, at: number): Promise<Outcome> {
    const { photos, outcomes } = await result;
    const outcome = outcomes[at] ?? failed("the worker answered for fewer photos than it was asked for");
    return unpacked(outcome, join(this.#options.folder, photos));
  }

  async #ask(id: string, content: CollectShard): Promise<CollectShardResult> {
    const { queue, say } = this.#options;
    const allFailed = (reason: string) => ({ photos: "", outcomes: content.candidates.map(() => failed(reason)) });
    try {
      const answer = answerOf(id, await queue.ask(id, content)) ?? allFailed("an answer of another kind");
      this.#deadInARow = 0;
      return answer;
    } catch (error) {
      if (!(error instanceof DeadLetter)) throw error;
      const { length } = content.candidates;
      say(
        `workers gave up on ${length} ${length === 1 ? "photo" : "photos"} (${error.message}); --retry worker-failed asks for them again`,
      );
      if (++this.#deadInARow >= MOST_DEAD) {
        throw new Outage(`workers gave up on ${MOST_DEAD} shards in a row; stopped, and the same command goes on`);
      }
      return allFailed(error.message);
    }
  }
}

const keyOf = ({ label, url }: Pick<Candidate, "label" | "url">): string => `${label}\0${url}`;

const failed = (reason: string): NotDownloaded => ({ status: "worker-failed", reason });

/** Of a run before this one: the photo's file went with it, or its host wanted to be left alone then. */
const isStale = (outcome: Outcome): boolean =>
  outcome.status === "postponed" || (outcome.status === "ok" && !existsSync(outcome.temporary));

/** Undefined where it is none, or another program's. */
function planOf(content: unknown): CollectShard | undefined {
  try {
    return collectShardOf(content);
  } catch {
    return undefined;
  }
}

/** Their ids. */
const plansOf = (names: readonly string[]): string[] =>
  names.filter((name) => name.endsWith(PLAN)).map((name) => name.slice(0, -PLAN.length));

/** Who does not want it any more does not wait for it. */
async function until<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  signal.throwIfAborted();
  let leave: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
  });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    if (leave !== undefined) signal.removeEventListener("abort", leave);
  }
}
