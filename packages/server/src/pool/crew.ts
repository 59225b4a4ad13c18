// The workers of one model file: started, warmed, replaced when one ends, taken out of service when the model changes.

import { Worker } from "node:worker_threads";
import { BallsightError } from "@ballsight/vision";
import type { LoadedModel, PlainError, WorkerMessage, WorkerSetup, WorkMessage } from "./messages.ts";

/** Between two attempts to replace a worker that does not start, milliseconds: doubled up to the last. */
const RESPAWN_MS = { first: 100, last: 30_000 } as const;

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
}

export class Crew {
  readonly #setup: WorkerSetup;
  readonly #entry: URL;
  readonly #events: CrewEvents;
  readonly #hands = new Set<Hand>();
  readonly #starting = new Set<Worker>();
  readonly #timers = new Set<NodeJS.Timeout>();
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

  post(hand: Hand, message: WorkMessage, transfer: ArrayBuffer[]): void {
    hand.busy = message.id;
    hand.worker.postMessage(message, transfer);
  }

  /** Workers end as soon as they have nothing in hand. */
  async retire(): Promise<void> {
    this.#retired = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const idle = [...this.#hands].filter(({ busy }) => busy === undefined);
    for (const hand of idle) this.#hands.delete(hand);
    await Promise.all([...idle.map(({ worker }) => worker), ...this.#starting].map((worker) => worker.terminate()));
  }

  /** Ends a worker that does not come back from a photo; another takes its place. */
  stop(hand: Hand): void {
    void hand.worker.terminate();
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
          hand = { crew: this, worker, busy: undefined };
          resolve(message.ready);
          this.#free(hand);
        } else if ("refused" in message) {
          reject(revive(message.refused));
          void worker.terminate();
        } else if (hand !== undefined && hand.busy === message.id) {
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
    if (!this.#retired) {
      this.#hands.add(hand);
      this.#events.onIdle(hand);
    } else {
      this.#hands.delete(hand);
      void hand.worker.terminate();
    }
  }

  #lost(hand: Hand, reason: string): void {
    const wasOurs = this.#hands.delete(hand);
    if (hand.busy !== undefined || wasOurs) this.#events.onLost(hand, reason);
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
