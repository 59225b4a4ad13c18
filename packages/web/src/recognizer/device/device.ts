// The page's end of the worker: questions to it as promises.

import { AnswerError } from "../answerError.ts";
import type { Progress, Reply, Request, Task, Tasks } from "./protocol.ts";

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: AnswerError) => void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
}

export class Device {
  #worker: Worker | undefined;
  #serial = 0;
  readonly #waiting = new Map<number, Waiting>();

  ask<T extends Task>(
    task: T,
    request: Tasks[T]["request"],
    onProgress?: (progress: Progress) => void,
  ): Promise<Tasks[T]["result"]> {
    const worker = this.#open();
    const id = this.#serial++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress });
      worker.postMessage({ id, task, ...request } as Request);
    });
  }

  #open(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#receive(data);
    // A worker dies of memory mostly. Whoever waits hears of it, and the next question starts another.
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      this.#worker = undefined;
      const error = new AnswerError("WORKER_STOPPED", "The recogniser stopped; the device may be short of memory.");
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    this.#worker = worker;
    return worker;
  }

  #receive(message: Reply): void {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    if ("progress" in message) {
      waiting.onProgress?.(message.progress);
      return;
    }
    this.#waiting.delete(message.id);
    if ("result" in message) waiting.resolve(message.result as never);
    else waiting.reject(new AnswerError(message.error.code, message.error.message));
  }
}
