// Read-ahead: order, how far ahead, errors in their place, early leaving, and honest times.

import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prefetch } from "../../src/data/prefetch.ts";

describe("prefetch", () => {
  it("delivers every item once and in order, whatever order they get ready in", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 6 }),
        async (delays, depth) => {
          const seen: number[] = [];
          const items = prefetch((i) => sleep(delays[i], i), delays.length, depth);
          for await (const item of items) seen.push(item);
          expect(seen).toEqual([...delays.keys()]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("is `depth` items ahead of the consumer and no more", async () => {
    const started: number[] = [];
    const items = prefetch(async (i) => started.push(i), 10, 3);
    expect(started).toEqual([0, 1, 2]);
    await items.next();
    await sleep(1);
    expect(started).toEqual([0, 1, 2, 3]);
    await items.next();
    expect(started).toEqual([0, 1, 2, 3, 4]);
  });

  it("throws an error at its item's place, then is over", async () => {
    const items = prefetch(
      async (i) => {
        if (i === 2) throw new Error("no third");
        return i;
      },
      6,
      4,
    );
    expect([(await items.next()).value, (await items.next()).value]).toEqual([0, 1]);
    await expect(items.next()).rejects.toThrow("no third");
    expect(await items.next()).toEqual({ done: true, value: undefined });
  });

  it("starts nothing more once the loop was left, and leaves no unhandled rejection", async () => {
    let started = 0;
    const items = prefetch(
      async (i) => {
        started++;
        await sleep(1);
        if (i > 0) throw new Error("nobody asked");
        return i;
      },
      100,
      3,
    );
    for await (const _ of items) break;
    await sleep(10);
    expect(started).toBeLessThanOrEqual(4);
  });

  it("reports waiting when the producer is slow and next to none when the consumer is", async () => {
    const slowProducer = prefetch(() => sleep(20), 5, 1);
    for await (const _ of slowProducer);
    expect(slowProducer.waitMs).toBeGreaterThan(30);

    const slowConsumer = prefetch(() => sleep(5), 5, 2);
    for await (const _ of slowConsumer) await sleep(30);
    // Apart from the first item all are ready; half of what the producer takes leaves room for a busy machine.
    expect(slowConsumer.waitMs).toBeLessThan(slowProducer.waitMs);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses a depth of %d", (depth) => {
    expect(() => prefetch(async () => 0, 1, depth)).toThrow(`received ${depth}`);
  });
});
