// The workers of one model file: started, warmed, replaced when one ends, taken out of service when the model changes.

import { Worker } from "node:worker_threads";
import { BallsightError } from "@ballsight/vision";
import type { LoadedModel, PlainError, WorkerMessage, WorkerOrder, WorkerSetup, WorkMessage } from "./messages.ts";

/** Between two attempts to replace a worker that does not start, milliseconds: doubled up to the last. */
const RESPAWN_MS = { first: 100, last: 30_000 } as const;
/** Given to threads to end: one that is still loading its model ends after that, one in a native call perhaps never. */
const END_MS = 5000;
const END: WorkerOrder = { end: true };

export interface CrewEvents {
  /** A worker has nothing to do. */
  readonly onIdle: (hand: Hand) => void;
  readonly onMessage: (hand: Hand, message: Extract<WorkerMessage, { id: number }>) => void;
  /** A worker ended by itself, with what it had in hand. */
  readonly onLost: (hand: Hand, reason: string) => void;
}

/** A worker that has loaded the model. */
export interface Hand {
  readonly crew: Crew;
  readonly worker: Worker;
  /** The id of the work in hand. */
  busy: number | undefined;
  /** Rings when the work in hand has taken too long, whether somebody still waits for it or not. */
  watch: NodeJS.Timeout | undefined;
}

export class Crew {
  readonly #setup: WorkerSetup;
  readonly #entry: URL;
  readonly #events: CrewEvents;
  readonly #hands = new Set<Hand>();
  readonly #starting = new Set<Worker>();
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Told to end, and still there. */
  readonly #ending = new Map<Worker, Promise<unknown>>();
  #retired = false;
  #failures = 0;

  /** @param entry module of the worker thread */
  constructor(entry: URL, setup: WorkerSetup, events: CrewEvents) {
    this.#entry = entry;
    this.#setup = setup;
    this.#events = events;
  }

  get hands(): ReadonlySet<Hand> {
    return this.#hands;
  }

  /** Threads that were told to end and did not: a process with such threads cannot end by itself. */
  get stuck(): number {
    return this.#ending.size;
  }

  /** All of its threads are gone. */
  get over(): boolean {
    return this.#hands.size + this.#starting.size + this.#ending.size === 0;
  }

  /** Starts `count` workers; resolves when all are warm. @throws MODEL_INVALID, MODEL_INCOMPATIBLE, WORKER_LOST */
  async start(count: number): Promise<LoadedModel> {
    const results = await Promise.allSettled(Array.from({ length: count }, () => this.#spawn()));
    const refused = results.find((result) => result.status === "rejected");
    if (refused !== undefined) {
      await this.retire();
      throw refused.reason;
    }
    return (results[0] as PromiseFulfilledResult<LoadedModel>).value;
  }

  /** @param patienceMs after which a worker that has not answered is given up, and another takes its place */
  post(hand: Hand, message: WorkMessage, transfer: ArrayBuffer[], patienceMs: number): void {
    hand.busy = message.id;
    hand.watch = setTimeout(() => this.#giveUp(hand), patienceMs);
    hand.watch.unref();
    hand.worker.postMessage(message, transfer);
  }

  /** Workers end as soon as they have nothing in hand. */
  async retire(): Promise<void> {
    this.#close();
    for (const hand of [...this.#hands].filter(({ busy }) => busy === undefined)) this.#dismiss(hand);
    await this.#ended();
  }

  /** Workers end now, whatever they have in hand. */
  async end(): Promise<void> {
    this.#close();
    for (const hand of [...this.#hands]) this.#dismiss(hand);
    await this.#ended();
  }

  #close(): void {
    this.#retired = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const worker of this.#starting) this.#sendAway(worker);
  }

  /** From now on its messages and its end are nobody's business. */
  #dismiss(hand: Hand): void {
    this.#hands.delete(hand);
    clearTimeout(hand.watch);
    this.#sendAway(hand.worker);
  }

  /** It ends when it is back from what it does. Not `terminate`: a thread that is stopped inside ONNX Runtime takes the process with it. */
  #sendAway(worker: Worker): void {
    if (this.#ending.has(worker)) return;
    const gone = new Promise((resolve) => worker.once("exit", resolve));
    this.#ending.set(
      worker,
      gone.then(() => this.#ending.delete(worker)),
    );
    worker.postMessage(END);
  }

  async #ended(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise((resolve) => {
      timer = setTimeout(resolve, END_MS);
    });
    await Promise.race([Promise.all(this.#ending.values()), enough]);
    clearTimeout(timer);
  }

  /** Another takes its place at once: the thread itself may never end. */
  #giveUp(hand: Hand): void {
    this.#dismiss(hand);
    this.#events.onLost(hand, "it did not come back from a photo");
    this.#replace();
  }

  #spawn(): Promise<LoadedModel> {
    // Without the server's own flags: a test runner's or a profiler's are not for every thread.
    const worker = new Worker(this.#entry, { workerData: this.#setup, execArgv: [] });
    this.#starting.add(worker);
    return new Promise((resolve, reject) => {
      let hand: Hand | undefined;
      let reason = "";
      worker.on("message", (message: WorkerMessage) => {
        if ("ready" in message) {
          this.#starting.delete(worker);
          this.#failures = 0;
          hand = { crew: this, worker, busy: undefined, watch: undefined };
          resolve(message.ready);
          this.#free(hand);
        } else if ("refused" in message) {
          reject(revive(message.refused));
          // Its ONNX Runtime does nothing any more.
          void worker.terminate();
        } else if (hand !== undefined && this.#hands.has(hand) && hand.busy === message.id) {
          clearTimeout(hand.watch);
          hand.busy = undefined;
          this.#events.onMessage(hand, message);
          this.#free(hand);
        }
      });
      worker.on("error", (error) => {
        reason = error instanceof Error ? error.message : String(error);
      });
      worker.on("exit", (code) => {
        this.#starting.delete(worker);
        reason ||= `exit code ${code}`;
        if (hand === undefined) reject(new BallsightError("WORKER_LOST", { name: this.#setup.name, reason }));
        else this.#lost(hand, reason);
      });
    });
  }

  #free(hand: Hand): void {
    if (this.#retired) this.#dismiss(hand);
    else {
      this.#hands.add(hand);
      this.#events.onIdle(hand);
    }
  }

  #lost(hand: Hand, reason: string): void {
    if (!this.#hands.delete(hand)) return;
    clearTimeout(hand.watch);
    this.#events.onLost(hand, reason);
    this.#replace();
  }

  #replace(): void {
    if (this.#retired) return;
    const wait = this.#failures === 0 ? 0 : Math.min(RESPAWN_MS.first * 2 ** this.#failures, RESPAWN_MS.last);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#spawn().catch(() => {
        this.#failures += 1;
        this.#replace();
      });
    }, wait);
    this.#timers.add(timer);
  }
}

export function revive({ code, details }: PlainError): BallsightError {
  return new BallsightError(code, details);
}
