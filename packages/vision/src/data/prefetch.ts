// Bounded read-ahead: the next batches are made while the engine computes, and the time that the engine stood still for want of them is told.

export interface Prefetched<T> extends AsyncIterableIterator<T> {
  /** Milliseconds that the consumer has waited for an item so far. */
  readonly waitMs: number;
}

/**
 * Items 0..count-1 of `produce`, in order, with up to `depth` in the making or ready ahead of the one consumed.
 * An error comes out at its item's place and ends the iteration; leaving the loop early starts no further item.
 * @example for await (const batch of prefetch((i) => source.read(batches[i]), batches.length, 2)) await step(batch);
 */
export function prefetch<T>(produce: (index: number) => Promise<T>, count: number, depth: number): Prefetched<T> {
  if (!(Number.isInteger(depth) && depth >= 1)) {
    throw new RangeError(`expected a whole number from 1 for \`depth\` but received ${depth}`);
  }
  const ahead: Promise<T>[] = [];
  let started = 0;
  let over = false;
  let waitMs = 0;

  const startMore = () => {
    while (!over && ahead.length < depth && started < count) {
      const item = produce(started++);
      // Nobody may ever ask for this item; its error is still delivered to whoever does.
      item.catch(() => undefined);
      ahead.push(item);
    }
  };
  const end = (): IteratorResult<T> => {
    over = true;
    ahead.length = 0;
    return { done: true, value: undefined };
  };

  startMore();
  return {
    get waitMs() {
      return waitMs;
    },
    async next() {
      const item = ahead.shift();
      if (item === undefined) return end();
      startMore();
      const begin = performance.now();
      try {
        return { done: false, value: await item };
      } catch (error) {
        end();
        throw error;
      } finally {
        waitMs += performance.now() - begin;
      }
    },
    async return() {
      return end();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
