// The coordinator's side of a queue: hands out shards and waits for the files that workers leave.

import { BallsightError } from "@ballsight/vision";
import { Queue, QueueEvents } from "bullmq";
import type { RedisAddress } from "./connection.ts";
import { PREFIX, type QueueName, readResult, resultPath, SHARD_VERSION, type Shard, TRIES } from "./shard.ts";

/** A shard that workers gave up on: a dead letter, which stays in the queue's failed set until it is retried. */
export class DeadLetter extends Error {
  override readonly name = "DeadLetter";
}

interface Waiting {
  readonly job: Shard<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  looking: boolean;
}

export interface ShardQueueOptions {
  readonly address: RedisAddress;
  /** A line for a person: Redis is away, nobody works. */
  readonly say: (line: string) => void;
  /** Where the shards' results go; absolute. */
  readonly folder: string;
  /** Dead letters are tried again instead of being told of. */
  readonly retryDead: boolean;
}

const SWEEP_MS = 3000;
const CLOSE_MS = 2000;
const MONTH_S = 30 * 24 * 3600;

export class ShardQueue {
  readonly #queue: Queue;
  readonly #events: QueueEvents;
  readonly #options: ShardQueueOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #sweep: NodeJS.Timeout;
  #isAway = false;
  #isAlone = false;

  constructor(name: QueueName, options: ShardQueueOptions) {
    const { address } = options;
    this.#options = options;
    const about = { prefix: PREFIX, connection: { ...address.options } };
    this.#queue = new Queue(name, {
      ...about,
      defaultJobOptions: {
        attempts: TRIES,
        backoff: { type: "exponential", delay: 500 },
        // What came of it is in files.
        removeOnComplete: true,
        removeOnFail: { age: MONTH_S },
      },
    });
    this.#events = new QueueEvents(name, about);
    // Connections are made again by themselves; without a listener each failure would end the program.
    this.#queue.on("error", (error) => this.#onError(error));
    this.#events.on("error", (error) => this.#onError(error));
    this.#events.on("completed", ({ jobId }) => void this.#look(jobId));
    this.#events.on("failed", ({ jobId }) => void this.#look(jobId));
    // Events are lost while the connection is; files and the queue itself are not.
    this.#sweep = setInterval(() => void this.#lookAtAll(), SWEEP_MS);
  }

  /**
   * The result of a shard, from its file where it is there already.
   * @param id the same for the same content: a shard is never in the queue twice
   * @throws DeadLetter; errors of the file system
   */
  async ask(id: string, content: unknown): Promise<unknown> {
    const { folder, retryDead } = this.#options;
    const there = await readResult(resultPath(folder, id));
    if (there !== undefined) return there;
    return await new Promise((resolve, reject) => {
      const job: Shard<unknown> = { version: SHARD_VERSION, id, folder, content };
      this.#waiting.set(id, { job, resolve, reject, looking: false });
      const add = async () => {
        if (retryDead) await this.#forgetDead(id);
        await this.#add(job);
        // It may have been in the queue before, and be done or dead by now.
        await this.#look(id);
      };
      add().catch((error: unknown) => this.#settle(id, (waiting) => waiting.reject(error)));
    });
  }

  /** Takes out shards that nobody has begun; dead letters stay, for whoever looks for the reason. */
  async remove(ids: readonly string[]): Promise<void> {
    const remove = async (id: string) => {
      const job = await this.#queue.getJob(id);
      if (job !== undefined && !(await job.isFailed())) await job.remove();
    };
    // A worker may be at it, which cannot be taken away from it.
    await Promise.all(ids.map((id) => remove(id).catch(() => undefined)));
  }

  /** What is in the queue stays there; who waits for an answer waits in vain. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.#waiting.clear();
    const ends = [this.#queue.close(), this.#events.close()].map((end) => end.catch(() => undefined));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    // A server that is away would keep us for ever.
    await Promise.race([Promise.all(ends), late]);
    clearTimeout(timer);
    await Promise.all([this.#queue, this.#events].map((one) => one.disconnect().catch(() => undefined)));
  }

  async #add(job: Shard<unknown>): Promise<void> {
    await this.#queue.add("shard", job, { jobId: job.id });
  }

  async #forgetDead(id: string): Promise<void> {
    const job = await this.#queue.getJob(id);
    if (job !== undefined && (await job.isFailed())) await job.remove();
  }

  /** A file first: it is what counts, whatever the queue says. */
  async #look(id: string, mayAdd = false): Promise<void> {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || waiting.looking) return;
    waiting.looking = true;
    try {
      const path = resultPath(this.#options.folder, id);
      const job = await this.#queue.getJob(id);
      const result = await readResult(path);
      if (result !== undefined) this.#settle(id, () => waiting.resolve(result));
      else if (job === undefined) {
        // Done without a file, or lost with Redis's memory: once more. But not at once, as a file may take its time over a network.
        if (mayAdd) await this.#add(waiting.job);
      } else if (await job.isFailed()) {
        this.#settle(id, () => waiting.reject(new DeadLetter(job.failedReason ?? "no reason")));
      }
    } catch (error) {
      // Of the file system. A queue that is away only makes us wait.
      if (error instanceof BallsightError || "syscall" in (error as object)) {
        this.#settle(id, () => waiting.reject(error));
      }
    } finally {
      waiting.looking = false;
    }
  }

  #settle(id: string, how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(id);
    if (!this.#waiting.delete(id) || waiting === undefined) return;
    this.#isAlone = false;
    how(waiting);
  }

  async #lookAtAll(): Promise<void> {
    if (this.#waiting.size === 0) return;
    await Promise.all([...this.#waiting.keys()].map((id) => this.#look(id, true)));
    this.#isAway = false;
    if (this.#isAlone || this.#waiting.size === 0) return;
    // Some services do not let clients list clients.
    const workers = await this.#queue.getWorkersCount().catch(() => 1);
    if (workers > 0 || this.#waiting.size === 0) return;
    this.#isAlone = true;
    this.#options.say(`no worker is there; start one with \`ballsight worker --redis ${this.#options.address.name}\``);
  }

  #onError(error: unknown): void {
    if (this.#isAway) return;
    this.#isAway = true;
    const { code, message } = error as NodeJS.ErrnoException;
    this.#options.say(`${this.#options.address.name} is away (${code ?? message}); waiting for it`);
  }
}
