// Results in the order of what they are made from, with jobs running ahead of the reader; `aheadOf` for lists that are made on the way.

import { setMaxListeners } from "node:events";

export class LookAhead<Item, Result> {
  readonly #items: AsyncIterator<Item>;
  readonly #job: (item: Item, signal: AbortSignal) => Promise<Result>;
  readonly #stop = new AbortController();
  readonly #queue: Promise<{ readonly item: Item; readonly result: Result } | undefined>[] = [];

  /**
   * @param items is begun with the first `fill`
   * @param signal aborts items and jobs; they get one that `close` aborts too
   */
  constructor(
    items: (signal: AbortSignal) => AsyncIterable<Item>,
    job: (item: Item, signal: AbortSignal) => Promise<Result>,
    signal: AbortSignal,
  ) {
    // Every job listens, and so does every class to the run's: that many are no leak.
    setMaxListeners(0, signal, this.#stop.signal);
    // One listener for all jobs: AbortSignal.any for each of them would leave something behind in `signal` (Node 20).
    const forward = () => this.#stop.abort(signal.reason);
    if (signal.aborted) forward();
    signal.addEventListener("abort", forward, { once: true });
    this.#stop.signal.addEventListener("abort", () => signal.removeEventListener("abort", forward), { once: true });
    this.#items = items(this.#stop.signal)[Symbol.asyncIterator]();
    this.#job = job;
  }

  /** Starts jobs until `count` are under way or done and not yet taken. */
  fill(count: number): void {
    while (this.#queue.length < count) {
      // Calls of `next` answer in their order, so several may wait at once.
      const step = this.#items.next().then(async (next) => {
        if (next.done === true) return undefined;
        return { item: next.value, result: await this.#job(next.value, this.#stop.signal) };
      });
      // Thrown when it is taken; until then it is nobody's.
      step.catch(() => undefined);
      this.#queue.push(step);
    }
  }

  /** The next in order; undefined when there are no more. */
  async next(): Promise<{ readonly item: Item; readonly result: Result } | undefined> {
    this.fill(1);
    return await this.#queue.shift();
  }

  /** Stops the jobs under way and returns the results that nobody took. */
  async close(): Promise<Result[]> {
    this.#stop.abort(new Error("not needed any more"));
    const left = await Promise.allSettled(this.#queue.splice(0));
    return left.flatMap((one) => (one.status === "fulfilled" && one.value !== undefined ? [one.value.result] : []));
  }
}
