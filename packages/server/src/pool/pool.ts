// The inference pool: a bounded queue in front of worker threads, with deadlines; work whose client has left is dropped before it is computed.

import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { BallsightError, fail } from "@ballsight/vision";
import { LOGGED } from "../fault.ts";
import type { PhotoLimits } from "../photos/decode.ts";
import { Crew, type Hand, revive } from "./crew.ts";
import type { LoadedModel, Outputs, PlainError, Work, WorkerSetup } from "./messages.ts";

export interface ModelSource {
  /** What errors and the API call it. */
  readonly name: string;
  /** @throws MODEL_NOT_FOUND, MODEL_INVALID */
  readonly read: () => Promise<Uint8Array>;
}

export interface PoolOptions {
  readonly model: ModelSource;
  readonly limits: PhotoLimits;
  /** Worker threads; as many as cores by default. */
  readonly workers?: number | undefined;
  /** Photos that may wait; 64 by default. */
  readonly queue?: number | undefined;
  /** Bytes of all photos that may wait; 256 MB by default. */
  readonly queueBytes?: number | undefined;
  /** From the photo's arrival to its answer, milliseconds; 30 s by default. */
  readonly deadlineMs?: number | undefined;
  /** A worker that is still busy so long after its photo's deadline is given up; 30 s by default. */
  readonly hangMs?: number | undefined;
  /** Module of the worker thread; for tests. */
  readonly entry?: URL | undefined;
  readonly events?: PoolEvents | undefined;
}

export interface PoolEvents {
  readonly onAnswer?: (answer: PoolAnswer) => void;
  readonly onFailure?: (error: BallsightError) => void;
  /** A photo failed for a reason that is not its own. */
  readonly onFault?: (reason: string) => void;
  readonly onWorkerLost?: (reason: string) => void;
}

/** The model in service. */
export interface ServedModel extends LoadedModel {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the file, lower-case hex. */
  readonly sha256: string;
}

export interface PoolAnswer extends Outputs {
  /** The very model that answered, whatever was loaded since. */
  readonly model: ServedModel;
  readonly queueMs: number;
}

export interface SubmitOptions {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined;
  readonly onStart?: (() => void) | undefined;
}

interface Job {
  readonly id: number;
  readonly work: Work;
  readonly bytes: number;
  readonly arrived: number;
  readonly onStart: (() => void) | undefined;
  readonly settle: (outcome: PoolAnswer | BallsightError) => void;
  started: number;
}

interface ModelFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

interface Service {
  readonly crew: Crew;
  readonly model: ServedModel;
}

const DEFAULTS = { queue: 64, queueBytes: 256 * 1024 * 1024, deadlineMs: 30_000, hangMs: 30_000 } as const;
/** Share of the newest photo in the mean that Retry-After is estimated from. */
const MEAN_SHARE = 0.1;

export class Pool {
  readonly #options: PoolOptions;
  readonly #workers: number;
  readonly #limit: number;
  readonly #byteLimit: number;
  readonly #deadlineMs: number;
  readonly #hangMs: number;
  readonly #waiting = new Set<Job>();
  readonly #running = new Map<number, Job>();
  readonly #models = new WeakMap<Crew, ServedModel>();
  /** Beside the one in service: of a model that is being loaded, and of former ones, whose workers may still be at a photo. */
  readonly #others = new Set<Crew>();
  #service!: Service;
  #reloading: Promise<unknown> = Promise.resolve();
  #waitingBytes = 0;
  #lastId = 0;
  #meanMs = 50;
  #draining = false;
  #stopping = false;
  #onDrained: (() => void) | undefined;

  private constructor(options: PoolOptions) {
    this.#options = options;
    this.#workers = options.workers ?? availableParallelism();
    this.#limit = options.queue ?? DEFAULTS.queue;
    this.#byteLimit = options.queueBytes ?? DEFAULTS.queueBytes;
    this.#deadlineMs = options.deadlineMs ?? DEFAULTS.deadlineMs;
    this.#hangMs = options.hangMs ?? DEFAULTS.hangMs;
  }

  /** Resolves when every worker is warm. @throws MODEL_NOT_FOUND, MODEL_INVALID, MODEL_INCOMPATIBLE */
  static async start(options: PoolOptions): Promise<Pool> {
    // On glibc a library that was first loaded in a thread is unloaded with it: both stay loaded by the main thread.
    await Promise.all([import("sharp"), import("onnxruntime-node")]);
    const pool = new Pool(options);
    pool.#service = await pool.#load(await pool.#read());
    pool.#others.clear();
    return pool;
  }

  get model(): ServedModel {
    return this.#service.model;
  }

  get stats() {
    return {
      waiting: this.#waiting.size,
      running: this.#running.size,
      workers: this.#service.crew.hands.size,
      limit: this.#limit,
      stopping: this.#draining,
    };
  }

  /** Warm, with room in the queue, and not about to stop. */
  get ready(): boolean {
    const { waiting, workers, limit, stopping } = this.stats;
    return workers > 0 && waiting < limit && !stopping;
  }

  /** How many photos are ahead of a new one. */
  get rank(): number {
    return this.#waiting.size;
  }

  /** Seconds after which a refused client may come again. */
  get #retryAfter(): number {
    const ms = (this.#waiting.size * this.#meanMs) / Math.max(1, this.#service.crew.hands.size);
    return Math.max(1, Math.ceil(ms / 1000));
  }

  /**
   * The model's outputs for a photo, or pixels.
   * @throws SERVER_BUSY, SERVER_STOPPING, DEADLINE_PASSED, CLIENT_LEFT, WORKER_LOST, RUNTIME_FAILED; as `decode`
   */
  submit(work: Work, { signal, onStart }: SubmitOptions = {}): Promise<PoolAnswer> {
    const { picture, name } = work;
    const bytes = "bytes" in picture ? picture.bytes.byteLength : picture.pixels.byteLength;
    return new Promise((resolve, reject) => {
      this.#admit(bytes, name, signal);
      const id = ++this.#lastId;
      const settle = (outcome: PoolAnswer | BallsightError) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        if (outcome instanceof BallsightError) {
          this.#options.events?.onFailure?.(outcome);
          reject(outcome);
        } else {
          this.#options.events?.onAnswer?.(outcome);
          resolve(outcome);
        }
      };
      const job: Job = { id, work, bytes, arrived: performance.now(), onStart, settle, started: 0 };
      const onAbort = () => this.#give(job, new BallsightError("CLIENT_LEFT", { name }));
      const timer = setTimeout(() => this.#expire(job), this.#deadlineMs);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(job);
      this.#waitingBytes += bytes;
      this.#dispatch();
    });
  }

  /** New workers with the file as it is now, warm; then the switch; the old ones finish what they have. Keeps the old ones where that fails, or the file is the same. */
  reload(): Promise<ServedModel> {
    const next = this.#reloading
      .catch(() => undefined)
      .then(async () => {
        const file = await this.#read();
        // A file that was touched, or copied over itself, needs no second set of workers beside the first.
        if (file.sha256 === this.#service.model.sha256) return this.#service.model;
        const service = await this.#load(file);
        if (this.#stopping) fail("SERVER_STOPPING", {});
        const old = this.#service;
        this.#service = service;
        this.#dispatch();
        this.#others.delete(service.crew);
        this.#others.add(old.crew);
        await old.crew.retire();
        return service.model;
      });
    this.#reloading = next;
    return next;
  }

  /** Not ready any more, but still at work: balancers send their requests elsewhere from now on. */
  drain(): void {
    this.#draining = true;
  }

  /** No more work is taken; what was taken is answered, or refused after `graceMs`. */
  async close(graceMs = 20_000): Promise<void> {
    this.#draining = true;
    this.#stopping = true;
    await this.#drained(graceMs);
    for (const job of [...this.#waiting, ...this.#running.values()]) {
      this.#give(job, new BallsightError("SERVER_STOPPING", {}));
    }
    await Promise.all(this.#crews.map((crew) => crew.end()));
  }

  /** Threads that do not come back, of all models. */
  get stuck(): number {
    return this.#crews.reduce((sum, crew) => sum + crew.stuck, 0);
  }

  get #crews(): Crew[] {
    return [this.#service.crew, ...this.#others];
  }

  /** Said before a body is read: a server that is full has no time for bodies that it will refuse. @throws SERVER_BUSY, SERVER_STOPPING */
  refuseWhenFull(): void {
    if (this.#stopping) fail("SERVER_STOPPING", {});
    if (this.#waiting.size >= this.#limit) {
      fail("SERVER_BUSY", { limit: this.#limit, what: "photos", seconds: this.#retryAfter });
    }
  }

  #admit(bytes: number, name: string, signal: AbortSignal | undefined): void {
    this.refuseWhenFull();
    if (signal?.aborted) fail("CLIENT_LEFT", { name });
    // One that waits alone may be larger than all may be together: its own limit is the decoder's.
    if (this.#waiting.size > 0 && this.#waitingBytes + bytes > this.#byteLimit) {
      fail("SERVER_BUSY", { limit: this.#byteLimit, what: "bytes of photos", seconds: this.#retryAfter });
    }
  }

  async #read(): Promise<ModelFile> {
    const bytes = new Uint8Array(await this.#options.model.read());
    return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
  }

  async #load({ bytes, sha256 }: ModelFile): Promise<Service> {
    if (this.#stopping) fail("SERVER_STOPPING", {});
    const { model, limits, entry = new URL("./worker.js", import.meta.url) } = this.#options;
    const shared = new SharedArrayBuffer(bytes.byteLength);
    new Uint8Array(shared).set(bytes);
    const threads = Math.max(1, Math.floor(availableParallelism() / this.#workers));
    const setup: WorkerSetup = { model: shared, name: model.name, threads, limits };
    const crew = new Crew(entry, setup, {
      onIdle: () => this.#dispatch(),
      onMessage: (hand, message) => {
        const job = this.#running.get(message.id);
        if (job === undefined) return;
        this.#give(job, "answer" in message ? this.#answer(hand, job, message.answer) : this.#refused(message.error));
      },
      onLost: (hand, reason) => this.#lose(hand, reason),
    });
    for (const other of this.#others) if (other.over) this.#others.delete(other);
    this.#others.add(crew);
    const loaded = await crew.start(this.#workers);
    const served = { ...loaded, name: model.name, bytes, sha256 };
    this.#models.set(crew, served);
    return { crew, model: served };
  }

  #dispatch(): void {
    // While the first model loads there is no service yet.
    const { crew } = this.#service ?? {};
    if (crew === undefined) return;
    for (const hand of crew.hands) {
      if (hand.busy !== undefined) continue;
      const job = this.#waiting.values().next().value;
      if (job === undefined) return;
      this.#unqueue(job);
      this.#running.set(job.id, job);
      job.started = performance.now();
      const { picture } = job.work;
      const data = "bytes" in picture ? picture.bytes : picture.pixels;
      // A view of Node's pool of small buffers shares its memory with others: that one is copied.
      const own = data.byteLength === data.buffer.byteLength && data.buffer instanceof ArrayBuffer;
      const patience = this.#deadlineMs - (job.started - job.arrived) + this.#hangMs;
      crew.post(hand, { id: job.id, ...job.work }, own ? [data.buffer as ArrayBuffer] : [], patience);
      job.onStart?.();
    }
  }

  #answer(hand: Hand, job: Job, outputs: Outputs): PoolAnswer {
    const took = performance.now() - job.started;
    this.#meanMs += MEAN_SHARE * (took - this.#meanMs);
    return { ...outputs, model: this.#models.get(hand.crew) as ServedModel, queueMs: job.started - job.arrived };
  }

  #refused({ code, details }: PlainError): BallsightError {
    const error = revive({ code, details });
    if (error.status < 500) return error;
    this.#options.events?.onFault?.(error.message);
    return revive({ code, details: { ...details, reason: LOGGED } });
  }

  #lose(hand: Hand, reason: string): void {
    this.#options.events?.onWorkerLost?.(reason);
    const job = hand.busy === undefined ? undefined : this.#running.get(hand.busy);
    if (job !== undefined) this.#give(job, new BallsightError("WORKER_LOST", { name: job.work.name, reason: LOGGED }));
  }

  #expire(job: Job): void {
    const { name } = job.work;
    this.#give(job, new BallsightError("DEADLINE_PASSED", { name, seconds: this.#deadlineMs / 1000 }));
  }

  /** The outcome of a job, once: what comes later is thrown away. */
  #give(job: Job, outcome: PoolAnswer | BallsightError): void {
    const waited = this.#unqueue(job);
    if (!waited && !this.#running.delete(job.id)) return;
    job.settle(outcome);
    if (this.#waiting.size + this.#running.size === 0) this.#onDrained?.();
  }

  #unqueue(job: Job): boolean {
    const waited = this.#waiting.delete(job);
    if (waited) this.#waitingBytes -= job.bytes;
    return waited;
  }

  async #drained(graceMs: number): Promise<void> {
    if (this.#waiting.size + this.#running.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
      timer = setTimeout(resolve, graceMs);
    });
    clearTimeout(timer);
  }
}
