// How often a host is asked: few at a time, with a gap, and not at all for a while when it says so.

import { setTimeout as systemSleep } from "node:timers/promises";

/** What a visit came to, for the host's sake. */
export interface Verdict {
  /** 403, 429, 5xx, no answer: the host would rather not, or cannot. */
  readonly refused: boolean;
  /** Retry-After, milliseconds. */
  readonly waitMs?: number | undefined;
  /** That it sent. */
  readonly bytes?: number;
}

/** Whoever downloads asks here first. An interface, because workers on several machines must share one host's patience. */
export interface Politeness {
  /**
   * Runs `job` when it is the host's turn; `job` reports what the host answered.
   * @throws HostClosed where the host is to be left alone for longer than a wait is worth; whatever `job` and `signal` throw
   */
  visit<T>(host: string, signal: AbortSignal, job: (report: (verdict: Verdict) => void) => Promise<T>): Promise<T>;
}

export class HostClosed extends Error {
  override readonly name = "HostClosed";
}

export interface HostLimits {
  readonly parallel: number;
  /** Between the beginnings of two visits, milliseconds. */
  readonly gapMs: number;
  /** The next visit begins when what was sent so far is no more than that; absent: as fast as it will. */
  readonly bytesPerS?: number;
}

export interface GateOptions {
  /** Visits at a time, all hosts together. */
  readonly parallel: number;
  readonly limits: (host: string) => HostLimits;
  readonly now?: () => number;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** 0 to 1. Not seeded: two machines with the same draws would come back at the same moments. */
  readonly random?: () => number;
}

/** Times in milliseconds. */
export const RESTS = {
  /** Before jitter, doubled with every refusal. */
  firstMs: 500,
  /** A host that wants a longer rest is closed instead of waited for. */
  mostMs: 60_000,
  /** So many in a row close a host. */
  refusals: 8,
  closedMs: 5 * 60_000,
} as const;

interface Host {
  readonly slots: Slots;
  readonly limits: HostLimits;
  /** When the next visit may begin. */
  opensAt: number;
  closedUntil: number;
  /** When what it has sent is no more than it wants to send. */
  paidAt: number;
  refusals: number;
  visitors: number;
}

/** For one process. */
export class HostGate implements Politeness {
  readonly #options: GateOptions;
  readonly #all: Slots;
  readonly #hosts = new Map<string, Host>();
  readonly #now: () => number;
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly #random: () => number;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#all = new Slots(options.parallel);
    this.#now = options.now ?? (() => performance.now());
    this.#sleep = options.sleep ?? ((ms, signal) => systemSleep(ms, undefined, { signal }));
    this.#random = options.random ?? Math.random;
  }

  async visit<T>(
    name: string,
    signal: AbortSignal,
    job: (report: (verdict: Verdict) => void) => Promise<T>,
  ): Promise<T> {
    const host = this.#host(name);
    host.visitors++;
    try {
      // The host's turn first: who waits for it must not take the place of a visit elsewhere.
      return await host.slots.during(signal, async () => {
        await this.#turn(name, host, signal);
        return await this.#all.during(signal, () => {
          const began = this.#now();
          return job((verdict) => this.#note(host, verdict, began));
        });
      });
    } finally {
      host.visitors--;
      // Thousands of hosts are asked for one photo each.
      const isQuiet = host.refusals === 0 && Math.max(host.opensAt, host.closedUntil) <= this.#now();
      if (host.visitors === 0 && isQuiet) this.#hosts.delete(name);
    }
  }

  #host(name: string): Host {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const limits = this.#options.limits(name);
    const slots = new Slots(limits.parallel);
    const host = { slots, limits, opensAt: 0, closedUntil: 0, paidAt: 0, refusals: 0, visitors: 0 };
    this.#hosts.set(name, host);
    return host;
  }

  async #turn(name: string, host: Host, signal: AbortSignal): Promise<void> {
    for (;;) {
      const now = this.#now();
      if (host.closedUntil > now) {
        throw new HostClosed(`${name} is left alone for ${Math.ceil((host.closedUntil - now) / 1000)} s`);
      }
      if (host.opensAt <= now) break;
      await this.#sleep(host.opensAt - now, signal);
    }
    host.opensAt = this.#now() + host.limits.gapMs;
  }

  #note(host: Host, { refused, waitMs, bytes = 0 }: Verdict, began: number): void {
    const now = this.#now();
    if (host.limits.bytesPerS !== undefined && bytes > 0) {
      host.paidAt = Math.max(host.paidAt, began) + (1000 * bytes) / host.limits.bytesPerS;
      host.opensAt = Math.max(host.opensAt, host.paidAt);
    }
    if (!refused) {
      host.refusals = 0;
      return;
    }
    host.refusals++;
    // Exponential back-off with full jitter, unless the host itself names a time.
    const rest = waitMs ?? this.#random() * Math.min(RESTS.mostMs, RESTS.firstMs * 2 ** host.refusals);
    if (rest > RESTS.mostMs) host.closedUntil = Math.max(host.closedUntil, now + rest);
    else host.opensAt = Math.max(host.opensAt, now + rest);
    if (host.refusals < RESTS.refusals) return;
    host.closedUntil = Math.max(host.closedUntil, now + RESTS.closedMs);
    // The next visit after that decides.
    host.refusals = RESTS.refusals - 1;
  }
}

/** So many at a time, first come, first served. */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  async during<T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> {
    const release = await this.take(signal);
    try {
      return await job();
    } finally {
      release();
    }
  }

  /** Returns what gives the place back. */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    return () => this.#give();
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.delete(enter);
        reject(signal.reason);
      };
      this.#waiting.add(enter);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  #give(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
