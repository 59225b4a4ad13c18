// A worker's side of a queue: takes shards, does them, gives back what it cannot finish.

import { isAbsolute, join } from "node:path";
import { BallsightError } from "@ballsight/vision";
import { DelayedError, type Job, UnrecoverableError, WaitingError, Worker } from "bullmq";
import type { Company } from "./company.ts";
import type { RedisAddress } from "./connection.ts";
import { PREFIX, type QueueName, readResult, resultPath, SHARD_VERSION, type Shard, TRIES } from "./shard.ts";

/** Leaves the shard's result under `folder`, or throws. */
export type ShardJob = (shard: Shard<unknown>, folder: string, signal: AbortSignal) => Promise<void>;

/** What became of a shard in this worker. */
export interface ShardEvent {
  readonly queue: QueueName;
  readonly shard: string;
  readonly outcome: "done" | "given back" | "failed";
  /** done: how long it took. */
  readonly seconds?: number;
  /** failed: why, and how often it is tried again. */
  readonly reason?: string;
  readonly tries_left?: number;
}

export interface ShardWorkerOptions {
  readonly address: RedisAddress;
  /** Shards at a time. */
  readonly concurrency: number;
  readonly job: ShardJob;
  /** All shards of this process. */
  readonly company: Company;
  /** Where a folder of the coordinator is on this machine. */
  readonly place: (folder: string) => string;
  readonly say: (line: string) => void;
  readonly onShard: (event: ShardEvent) => void;
  /** Who is silent for so long is thought dead, and its shards go to others; milliseconds. */
  readonly lockMs: number;
}

const CLOSE_MS = 2000;
/** Until a shard is looked at again that cannot be taken beside one that goes alone. */
const ASIDE_MS = 500;

export class ShardWorker {
  readonly #options: ShardWorkerOptions;
  readonly #name: QueueName;
  readonly #worker: Worker<Shard<unknown>>;
  readonly #giveBack = new AbortController();
  /** By job: a shard that was given to another is not gone on with. */
  readonly #active = new Map<string, AbortController>();
  #isAway = false;

  constructor(name: QueueName, options: ShardWorkerOptions) {
    const { address, concurrency, lockMs } = options;
    this.#options = options;
    this.#name = name;
    this.#worker = new Worker<Shard<unknown>>(name, (job, token) => this.#run(job, token), {
      prefix: PREFIX,
      connection: { ...address.options },
      concurrency,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      maxStalledCount: TRIES - 1,
      runRetryDelay: Math.min(lockMs, 5000),
      // A blocked connection holds the end up for as long.
      drainDelay: 2,
    });
    this.#worker.on("error", (error) => this.#onError(error));
    this.#worker.on("ready", () => {
      this.#isAway = false;
    });
    this.#worker.on("lockRenewalFailed", (ids) => {
      for (const id of ids) this.#active.get(id)?.abort(new Error("the shard went to another worker"));
    });
    this.#worker.on("failed", (job, error) => this.#onFailed(job, error));
  }

  get active(): number {
    return this.#active.size;
  }

  /** Takes no more; resolves when what was begun is finished. */
  async finish(): Promise<void> {
    await this.#worker.close().catch(() => undefined);
  }

  /** Puts what was begun back into the queue, for others. */
  giveBack(): void {
    this.#giveBack.abort(new Error("given back"));
    for (const controller of this.#active.values()) controller.abort(this.#giveBack.signal.reason);
  }

  async disconnect(): Promise<void> {
    const late = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref());
    await Promise.race([this.#worker.close(true).catch(() => undefined), late]);
    await this.#worker.disconnect().catch(() => undefined);
  }

  async #run(job: Job<Shard<unknown>>, token: string | undefined): Promise<void> {
    const { id = "" } = job;
    const shard = expectShard(job.data);
    const folder = this.#options.place(shard.folder);
    const controller = new AbortController();
    this.#active.set(id, controller);
    let leave: (() => void) | undefined;
    try {
      this.#giveBack.signal.throwIfAborted();
      leave = await this.#options.company.enter(job.stalledCounter > 0);
      if (leave === undefined) {
        // Not to be held here: whatever a worker holds when it dies was there.
        await job.moveToDelayed(Date.now() + ASIDE_MS, token);
        throw new DelayedError();
      }
      this.#giveBack.signal.throwIfAborted();
      const began = performance.now();
      // Another worker may have finished it, and have died before it said so.
      if ((await readResult(resultPath(folder, shard.id))) !== undefined) return;
      await this.#options.job(shard, folder, controller.signal);
      const seconds = Number(((performance.now() - began) / 1000).toFixed(1));
      this.#options.onShard({ queue: this.#name, shard: shard.id, outcome: "done", seconds });
    } catch (error) {
      if (!this.#giveBack.signal.aborted || error instanceof DelayedError) throw error;
      await job.moveToWait(token);
      this.#options.onShard({ queue: this.#name, shard: shard.id, outcome: "given back" });
      throw new WaitingError();
    } finally {
      leave?.();
      this.#active.delete(id);
    }
  }

  #onFailed(job: Job<Shard<unknown>> | undefined, { message: reason }: Error): void {
    // Finished: for good.
    const left =
      job === undefined || job.finishedOn !== undefined ? 0 : (job.opts.attempts ?? TRIES) - job.attemptsMade;
    const shard = job?.id ?? "unknown";
    this.#options.onShard({ queue: this.#name, shard, outcome: "failed", reason, tries_left: left });
  }

  /** A server that is away is waited for; a lock that was lost is another's shard, which needs no telling. */
  #onError(error: Error): void {
    if (/lock/i.test(error.message)) return;
    if (this.#isAway) return;
    this.#isAway = true;
    const { code, message } = error as NodeJS.ErrnoException;
    this.#options.say(`${this.#options.address.name} is away (${code ?? message}); waiting for it`);
  }
}

/** Redis is shared with others: what is not of this program's making is not begun. */
function expectShard(data: unknown): Shard<unknown> {
  const { version, id, folder, content } = data as Partial<Record<keyof Shard<unknown>, unknown>>;
  const isRight = typeof id === "string" && /^[\w-]+$/.test(id) && typeof folder === "string" && isAbsolute(folder);
  if (version === SHARD_VERSION && isRight && typeof content === "object" && content !== null) {
    return { version, id, folder: join(folder), content };
  }
  const received = version === SHARD_VERSION ? "something else" : `version ${version}`;
  throw new UnrecoverableError(new BallsightError("SHARD_INVALID", { received }).message);
}
