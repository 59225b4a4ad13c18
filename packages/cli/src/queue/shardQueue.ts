// The coordinator's side of a queue: hands out shards and waits for the files that workers leave.

import { createHash } from "node:crypto";
import { Queue, QueueEvents } from "bullmq";
import { type RedisAddress, troubleOf } from "./connection.ts";
import { PREFIX, type QueueName, readResult, resultPath, SHARD_VERSION, type Shard, TRIES } from "./shard.ts";

/** A shard that workers gave up on: a dead letter, which stays in the queue's failed set until it is retried. */
export class DeadLetter extends Error {
  override readonly name = "DeadLetter";
}

interface Waiting {
  readonly job: Shard<unknown>;
  readonly promise: Promise<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  looking: boolean;
  /** How often a worker said so. */
  done: number;
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
const REMOVE_MS = 5000;
/** As many times is a shard done before its file is missed: some 30 s, as a file may take its time over a network. */
const MOST_DONE = 10;
/** Of workers that rest, which are told once each. */
const MOST_NOTES = 20;
const MONTH_S = 30 * 24 * 3600;

export class ShardQueue {
  readonly #queue: Queue;
  readonly #events: QueueEvents;
  readonly #options: ShardQueueOptions;
  /** By the job's id. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #sweep: NodeJS.Timeout;
  /** Connections that are lost. */
  readonly #away = new Set<Queue | QueueEvents>();
  readonly #notes = new Set<string>();
  #refusal: string | undefined;
  #isSweeping = false;
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
    this.#queue.on("error", (error) => this.#onError(this.#queue, error));
    this.#events.on("error", (error) => this.#onError(this.#events, error));
    // "ready" of their own comes once.
    for (const one of [this.#queue, this.#events]) one.getBackend().on("ready", () => this.#away.delete(one));
    this.#events.on("completed", ({ jobId }) => {
      const waiting = this.#waiting.get(jobId);
      if (waiting !== undefined) waiting.done++;
      void this.#look(jobId);
    });
    this.#events.on("failed", ({ jobId }) => void this.#look(jobId));
    this.#events.on("progress", ({ jobId, data }) => this.#onNote(jobId, data));
    // Events are lost while the connection is; files and the queue itself are not.
    this.#sweep = setInterval(() => void this.#lookAtAll(), SWEEP_MS);
  }

  /**
   * The result of a shard, from its file where it is there already.
   * @param id the same for the same content: a shard is never in the queue twice, whoever asks
   * @throws DeadLetter; errors of the file system
   */
  async ask(id: string, content: unknown): Promise<unknown> {
    const { folder, retryDead } = this.#options;
    const there = await readResult(resultPath(folder, id));
    if (there !== undefined) return there;
    const key = this.#keyOf(id);
    const asked = this.#waiting.get(key);
    if (asked !== undefined) return await asked.promise;
    const job: Shard<unknown> = { version: SHARD_VERSION, id, folder, content };
    let [resolve, reject]: [Waiting["resolve"], Waiting["reject"]] = [() => {}, () => {}];
    const promise = new Promise<unknown>((...settle) => {
      [resolve, reject] = settle;
    });
    this.#waiting.set(key, { job, promise, resolve, reject, looking: false, done: 0 });
    const add = async () => {
      if (retryDead) await this.#forgetDead(key);
      await this.#add(key, job);
      // It may have been in the queue before, and be done or dead by now.
      await this.#look(key);
    };
    // The sweep puts it in later.
    add().catch((error: unknown) => this.#onRefusal(error));
    return await promise;
  }

  /** The same question with results elsewhere is another job: its dead letter and its file are none of ours. */
  #keyOf(id: string): string {
    return createHash("sha256").update(`${this.#options.folder}\0${id}`).digest("hex").slice(0, 32);
  }

  /**
   * Takes out shards that nobody has begun; dead letters stay, for whoever looks for the reason. A server that is away is not waited
   * for: what stays in the queue comes to nothing in a worker.
   */
  async remove(ids: readonly string[]): Promise<void> {
    const remove = async (id: string) => {
      const job = await this.#queue.getJob(this.#keyOf(id));
      if (job !== undefined && !(await job.isFailed())) await job.remove();
    };
    // A worker may be at it, which cannot be taken away from it.
    await atMost(REMOVE_MS, Promise.all(ids.map((id) => remove(id).catch(() => undefined))));
  }

  /** What is in the queue stays there; who waits for an answer waits in vain. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.#waiting.clear();
    const ends = [this.#queue.close(), this.#events.close()].map((end) => end.catch(() => undefined));
    // A server that is away would keep us for ever.
    await atMost(CLOSE_MS, Promise.all(ends));
    // Nor does a connection that is about to be made again say that it has ended.
    const lost = [this.#queue, this.#events].map((one) => one.disconnect().catch(() => undefined));
    await atMost(CLOSE_MS, Promise.all(lost));
  }

  async #add(key: string, job: Shard<unknown>): Promise<void> {
    await this.#queue.add("shard", job, { jobId: key });
  }

  async #forgetDead(key: string): Promise<void> {
    const job = await this.#queue.getJob(key);
    if (job !== undefined && (await job.isFailed())) await job.remove();
  }

  /** A file first: it is what counts, whatever the queue says. */
  async #look(key: string, mayAdd = false): Promise<void> {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined || waiting.looking) return;
    waiting.looking = true;
    try {
      if (await this.#read(key, waiting)) return;
      const job = await this.#queue.getJob(key);
      if (job !== undefined && !(await job.isFailed())) return;
      // Written since.
      if (await this.#read(key, waiting)) return;
      if (job !== undefined) {
        this.#settle(key, () => waiting.reject(new DeadLetter(job.failedReason ?? "no reason")));
      } else if (waiting.done >= MOST_DONE) {
        const { folder } = this.#options;
        const reason = `done by a worker, but its file is not in \`${folder}\`; share the folder with all workers`;
        this.#settle(key, () => waiting.reject(new DeadLetter(reason)));
      } else if (mayAdd) {
        // Done without a file, or lost with Redis's memory: once more. But not at once, as a file may take its time over a network.
        await this.#add(key, waiting.job);
      }
    } catch (error) {
      this.#onRefusal(error);
    } finally {
      waiting.looking = false;
    }
  }

  /** Whether that was the end of it. */
  async #read(key: string, waiting: Waiting): Promise<boolean> {
    try {
      const result = await readResult(resultPath(this.#options.folder, waiting.job.id));
      if (result === undefined) return false;
      this.#settle(key, () => waiting.resolve(result));
    } catch (error) {
      this.#settle(key, () => waiting.reject(error));
    }
    return true;
  }

  #settle(key: string, how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(key);
    if (!this.#waiting.delete(key) || waiting === undefined) return;
    this.#isAlone = false;
    how(waiting);
  }

  async #lookAtAll(): Promise<void> {
    // Files are there without Redis.
    await Promise.all([...this.#waiting].map(([key, waiting]) => this.#read(key, waiting)));
    if (this.#waiting.size === 0 || this.#isSweeping) return;
    this.#isSweeping = true;
    try {
      await Promise.all([...this.#waiting.keys()].map((key) => this.#look(key, true)));
      if (this.#isAlone || this.#waiting.size === 0) return;
      // Some services do not let clients list clients.
      const workers = await this.#queue.getWorkersCount().catch(() => 1);
      if (workers > 0 || this.#waiting.size === 0) return;
      this.#isAlone = true;
      this.#options.say(
        `no worker is there; start one with \`ballsight worker --redis ${this.#options.address.name}\``,
      );
    } finally {
      this.#isSweeping = false;
    }
  }

  #onError(connection: Queue | QueueEvents, error: unknown): void {
    const isFirst = this.#away.size === 0;
    this.#away.add(connection);
    if (isFirst) this.#options.say(`${this.#options.address.name} ${troubleOf(error)}`);
  }

  /** A server that is there and says no is waited for as one that is away: whoever is at work loses nothing. */
  #onRefusal(error: unknown): void {
    const trouble = troubleOf(error);
    if (this.#away.size > 0 || this.#waiting.size === 0 || this.#refusal === trouble) return;
    this.#refusal = trouble;
    this.#options.say(`${this.#options.address.name} ${trouble}`);
  }

  /** Why a worker does nothing for a while. */
  #onNote(key: string, data: unknown): void {
    const note = typeof data === "object" && data !== null && "rests" in data ? data.rests : undefined;
    if (typeof note !== "string" || !this.#waiting.has(key)) return;
    if (this.#notes.has(note) || this.#notes.size >= MOST_NOTES) return;
    this.#notes.add(note);
    this.#options.say(`a worker rests: ${note}`);
  }
}

async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
