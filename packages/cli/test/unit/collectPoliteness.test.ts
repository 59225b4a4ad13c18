// How hosts are treated, on a clock of the test's own.

import { setMaxListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { HostClosed, HostGate, type HostLimits, Slots, type Verdict } from "../../src/collect/download/politeness.ts";
import { retryAfter } from "../../src/collect/download/retrieve.ts";

const never = new AbortController().signal;
setMaxListeners(0, never);

/** A clock that jumps to whoever sleeps shortest once nobody is awake. */
class Clock {
  now = 0;
  readonly #sleepers: { until: number; wake: () => void }[] = [];

  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      this.#sleepers.push({ until: this.now + ms, wake: resolve });
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });

  async run<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const mark = () => {
      done = true;
    };
    work.then(mark, mark);
    while (!done) {
      for (let i = 0; i < 50; i++) await Promise.resolve();
      if (done) break;
      this.#sleepers.sort((a, b) => a.until - b.until);
      const first = this.#sleepers.shift();
      if (first === undefined) throw new Error("everybody waits and nobody sleeps");
      this.now = Math.max(this.now, first.until);
      first.wake();
    }
    return work;
  }
}

function setUp(limits: Partial<HostLimits> = {}, parallel = 100) {
  const clock = new Clock();
  const gate = new HostGate({
    parallel,
    limits: () => ({ parallel: 2, gapMs: 0, ...limits }),
    now: () => clock.now,
    sleep: clock.sleep,
    random: () => 1,
  });
  let running = 0;
  let most = 0;
  const begins: number[] = [];
  const visit = (host: string, ms = 100, verdict?: Verdict) =>
    gate.visit(host, never, async (report) => {
      begins.push(clock.now);
      most = Math.max(most, ++running);
      await clock.sleep(ms, never);
      running--;
      if (verdict !== undefined) report(verdict);
      return clock.now;
    });
  return { clock, gate, visit, begins, most: () => most };
}

const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));

describe("HostGate", () => {
  test("a long rest is remembered, though a visit that was inside goes well", async () => {
    const { clock, visit } = setUp();
    const good = visit("a", 200, { refused: false });
    const told = visit("a", 100, { refused: true, waitMs: 3_600_000 });
    await clock.run(Promise.all([good, told]));
    await expect(clock.run(visit("a"))).rejects.toThrow(HostClosed);
  });

  test("so many at a time per host", async () => {
    const { clock, visit, most, begins } = setUp();
    await clock.run(Promise.all(times(6, () => visit("a"))));
    expect(most()).toBe(2);
    expect(begins).toEqual([0, 0, 100, 100, 200, 200]);
  });

  test("so many at a time in all, and who waits for one host is in nobody's way", async () => {
    const { clock, visit, most, begins } = setUp({ parallel: 1 }, 3);
    await clock.run(Promise.all([...times(5, () => visit("a")), ...times(4, (i) => visit(`host ${i}`))]));
    expect(most()).toBe(3);
    // Two other hosts at once beside the first of `a`, two more after them.
    expect(begins.slice(0, 6)).toEqual([0, 0, 0, 100, 100, 100]);
  });

  test("a gap between beginnings", async () => {
    const { clock, visit, begins } = setUp({ parallel: 4, gapMs: 70 });
    await clock.run(Promise.all(times(4, () => visit("a", 10))));
    expect(begins).toEqual([0, 70, 140, 210]);
  });

  test("no more bytes a second than it wants to send, whatever the photos' sizes", async () => {
    const { visit, clock, begins } = setUp({ parallel: 1, bytesPerS: 1000 });
    const sizes = [500, 0, 2000, 10, 10];
    for (const bytes of sizes) await clock.run(visit("a", 100, { refused: false, bytes }));
    // Each is paid for from its beginning on: half a second, none, two, and ten milliseconds that the visit itself took.
    expect(begins).toEqual([0, 500, 600, 2600, 2700]);
    await clock.run(visit("b", 0));
    expect(begins.at(-1)).toBe(2800);
  });

  test("two at a time share what a host sends", async () => {
    const { visit, clock, begins } = setUp({ parallel: 2, bytesPerS: 1000 });
    await clock.run(Promise.all(times(6, () => visit("a", 100, { refused: false, bytes: 1000 }))));
    expect(begins).toEqual([0, 0, 2000, 2000, 4000, 4000]);
  });

  test("waits as long as the host asks", async () => {
    const { clock, visit, begins } = setUp({ parallel: 1 });
    await clock.run(visit("a", 0, { refused: true, waitMs: 45_000 }));
    await clock.run(visit("b", 0));
    await clock.run(visit("a", 0));
    expect(begins).toEqual([0, 0, 45_000]);
  });

  test("closes a host that asks for longer than is worth a wait", async () => {
    const { clock, visit } = setUp();
    await clock.run(visit("a", 0, { refused: true, waitMs: 61_000 }));
    await expect(visit("a")).rejects.toThrow(HostClosed);
    await expect(visit("a")).rejects.toThrow("a is left alone for 61 s");
    clock.now = 61_000;
    await clock.run(visit("a", 0));
  });

  test("rests twice as long after each refusal, closes the host after eight, and tries again later", async () => {
    const { clock, visit, begins } = setUp({ parallel: 1 });
    for (let i = 0; i < 8; i++) await clock.run(visit("a", 0, { refused: true }));
    const rests = begins.slice(1).map((begin, i) => begin - begins[i]!);
    expect(rests).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000]);
    await expect(visit("a")).rejects.toThrow(HostClosed);
    clock.now += 5 * 60_000;
    await clock.run(visit("a", 0, { refused: true }));
    // One more is enough.
    await expect(visit("a")).rejects.toThrow(HostClosed);
    clock.now += 5 * 60_000;
    await clock.run(visit("a", 0, { refused: false }));
    const began = clock.now;
    await clock.run(visit("a", 0));
    expect(clock.now).toBe(began);
  });

  test("a welcome between refusals begins the count anew", async () => {
    const { clock, visit } = setUp({ parallel: 1 });
    for (let i = 0; i < 40; i++) await clock.run(visit("a", 0, { refused: i % 7 !== 6, waitMs: 0 }));
    await clock.run(visit("a", 0));
  });

  test("whoever is stopped leaves the queue to the others", async () => {
    const { clock, gate, visit } = setUp({ parallel: 1 });
    const controller = new AbortController();
    const first = visit("a");
    const second = gate.visit("a", controller.signal, async () => "never");
    const third = visit("a");
    controller.abort(new Error("enough"));
    await expect(second).rejects.toThrow("enough");
    expect(await clock.run(Promise.all([first, third]))).toEqual([100, 200]);
  });

  test("a visit that throws gives its place back", async () => {
    const { clock, gate, visit } = setUp({ parallel: 1 }, 1);
    await expect(gate.visit("a", never, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
    expect(await clock.run(visit("a"))).toBe(100);
  });
});

test("Slots: first come, first served", async () => {
  const slots = new Slots(1);
  const order: number[] = [];
  await Promise.all(times(5, (i) => slots.during(never, async () => void order.push(i))));
  expect(order).toEqual([0, 1, 2, 3, 4]);
});

test.each([
  ["120", 120_000],
  [" 0 ", 0],
  ["Mon, 23 Nov 2026 10:00:30 GMT", 30_000],
  ["Mon, 23 Nov 2026 09:00:00 GMT", 0],
  ["soon", undefined],
  [undefined, undefined],
])("Retry-After: %s", (text, expected) => {
  const headers = text === undefined ? {} : { "retry-after": text };
  expect(retryAfter({ headers }, Date.parse("Mon, 23 Nov 2026 10:00:00 GMT"))).toBe(expected);
});
