// A worker's side of a queue: takes shards, does them, gives back what it cannot finish.

import { isAbsolute, join } from "node:path";
import { BallsightError, type ErrorCode, fail } from "@ballsight/vision";
import { DelayedError, type Job, UnrecoverableError, WaitingError, Worker } from "bullmq";
import type { Company } from "./company.ts";
import { type RedisAddress, troubleOf } from "./connection.ts";
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
  /** failed: why, and how often it is tried again; given back: what is wrong with this machine, if something is. */
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
  /** Workers of this process whose connection is lost, which is told once for all. */
  readonly away: Set<ShardWorker>;
  readonly onShard: (event: ShardEvent) => void;
  /** Who is silent for so long is thought dead, and its shards go to others; milliseconds. */
  readonly lockMs: number;
}

const CLOSE_MS = 2000;
/** Until a shard is looked at again that cannot be taken beside one that goes alone. */
const ASIDE_MS = 500;
/** A machine that fails at once would be idle always, and take most of the work: it takes nothing for a while, longer each time. */
const FIRST_REST_MS = 2000;
const LONGEST_REST_MS = 60_000;
/** Of the machine and not of the shard, which another may well do: no try of it. */
const MACHINE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "SHARD_FOLDER",
  "SHARD_MODEL",
  "MODEL_NOT_FOUND",
  "DISK_FULL",
  "RUN_NOT_WRITABLE",
]);

/** Another version's. */
class Foreign extends Error {}

export class ShardWorker {
  readonly #options: ShardWorkerOptions;
  readonly #name: QueueName;
  readonly #worker: Worker<Shard<unknown>>;
  readonly #giveBack = new AbortController();
  /** By job: a shard that was given to another is not gone on with. */
  readonly #active = new Map<string, AbortController>();
  #rests = 0;
  #rest: NodeJS.Timeout | undefined;

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
    // "ready" of its own comes once.
    this.#worker.getBackend().on("ready", () => {
      options.away.delete(this);
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
    clearTimeout(this.#rest);
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
    const controller = new AbortController();
    this.#active.set(id, controller);
    let leave: (() => void) | undefined;
    try {
      this.#giveBack.signal.throwIfAborted();
      const shard = expectShard(job.data);
      const folder = this.#options.place(shard.folder);
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
      this.#rests = 0;
      const seconds = Number(((performance.now() - began) / 1000).toFixed(1));
      this.#options.onShard({ queue: this.#name, shard: shard.id, outcome: "done", seconds });
    } catch (error) {
      if (error instanceof DelayedError) throw error;
      if (this.#giveBack.signal.aborted) {
        await job.moveToWait(token);
        this.#options.onShard({ queue: this.#name, shard: nameOf(job), outcome: "given back" });
        throw new WaitingError();
      }
      throw await this.#failed(job, token, controller.signal, error);
    } finally {
      leave?.();
      this.#active.delete(id);
    }
  }

  /** What to throw: the shard's fault is a try of it, the machine's is not. */
  async #failed(job: Job, token: string | undefined, signal: AbortSignal, error: unknown): Promise<unknown> {
    // Another has it.
    if (signal.aborted) return error;
    const code = error instanceof BallsightError ? error.code : undefined;
    // Nobody else can read it either.
    if (code === "SHARD_INVALID") return new UnrecoverableError((error as Error).message);
    this.#takeNothing();
    if (!(error instanceof Foreign) && (code === undefined || !MACHINE.has(code))) return error;
    const reason = (error as Error).message;
    await job.updateProgress({ rests: reason });
    await job.moveToDelayed(Date.now() + ASIDE_MS, token);
    this.#options.onShard({ queue: this.#name, shard: nameOf(job), outcome: "given back", reason });
    return new DelayedError();
  }

  #takeNothing(): void {
    if (this.#rest !== undefined) return;
    // What was begun beside it goes on.
    void this.#worker.pause(true);
    const ms = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** this.#rests++);
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      void this.#worker.resume();
    }, ms);
  }

  #onFailed(job: Job<Shard<unknown>> | undefined, { message: reason }: Error): void {
    // Finished: for good.
    const left =
      job === undefined || job.finishedOn !== undefined ? 0 : (job.opts.attempts ?? TRIES) - job.attemptsMade;
    this.#options.onShard({ queue: this.#name, shard: nameOf(job), outcome: "failed", reason, tries_left: left });
  }

  /** A server that is away is waited for; a lock that was lost is another's shard, which needs no telling. */
  #onError(error: Error): void {
    if (/^Missing lock|could not renew lock/.test(error.message)) return;
    const { away, say, address } = this.#options;
    const isFirst = away.size === 0;
    away.add(this);
    if (isFirst) say(`${address.name} ${troubleOf(error)}`);
  }
}

/** As its result is called, and the worker's lines. */
function nameOf(job: Job | undefined): string {
  const id = (job?.data as { readonly id?: unknown } | undefined)?.id;
  return typeof id === "string" ? id : (job?.id ?? "unknown");
}

/** Redis is shared with others: what is not of this program's making is not begun. @throws SHARD_INVALID, Foreign */
function expectShard(data: unknown): Shard<unknown> {
  const { version, id, folder, content } = (data ?? {}) as Partial<Record<keyof Shard<unknown>, unknown>>;
  const isRight = typeof id === "string" && /^[\w-]+$/.test(id) && typeof folder === "string" && isAbsolute(folder);
  if (version === SHARD_VERSION && isRight && typeof content === "object" && content !== null) {
    return { version, id, folder: join(folder), content };
  }
  if (version === SHARD_VERSION) return fail("SHARD_INVALID", { received: "something else" });
  // Another worker may be of that version.
  throw new Foreign(new BallsightError("SHARD_INVALID", { received: `version ${version}` }).message);
}
