// A host's patience, shared by workers on any machine: the rules of collect's HostGate, with the host's state in Redis.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import {
  type GateOptions,
  HostClosed,
  type HostLimits,
  type Politeness,
  RESTS,
  Slots,
  type Verdict,
} from "../collect/download/politeness.ts";
import { PREFIX } from "./shard.ts";

/** The server's clock alone: workers' own may be minutes apart. */
const NOW = `local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`;

/**
 * Keys: the host's state (opens, closed, refusals), its visitors by the end of their leases.
 * Arguments: most visitors, gap, visitor, lease, how long it is remembered. All times in milliseconds.
 * Answers with 0 0 where the visit may begin, 1 and the rest where the host is closed, 2 and a time after which to ask again, 0 where a
 * visitor has to leave first.
 */
const ENTER = `${NOW}
local state = redis.call('HMGET', KEYS[1], 'opens', 'closed')
local opens, closed = tonumber(state[1]) or 0, tonumber(state[2]) or 0
if closed > now then return {1, closed - now} end
-- Of workers that died in the middle of a visit.
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[1]) then return {2, 0} end
if opens > now then return {2, opens - now} end
redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
redis.call('HSET', KEYS[1], 'opens', now + ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return {0, 0}`;

/** Arguments: visitor, lease. Only who is still inside. */
const STAY = `${NOW}
redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], ARGV[1])`;

/**
 * What a host answered. Arguments: 1 where it refused, the time that it asked for or -1, a draw from 0 to 1, the first rest, the longest,
 * how many refusals close it, for how long, how long it is remembered, for how long it is paid by what it sent, how long the visit took.
 */
const NOTE = `${NOW}
local state = redis.call('HMGET', KEYS[1], 'opens', 'closed', 'paid')
local opens, closed, paid = tonumber(state[1]) or 0, tonumber(state[2]) or 0, tonumber(state[3]) or 0
local cost = tonumber(ARGV[9])
if cost > 0 then
  paid = math.max(paid, now - ARGV[10]) + cost
  opens = math.max(opens, paid)
end
if ARGV[1] == '1' then
  local refusals = redis.call('HINCRBY', KEYS[1], 'refusals', 1)
  local most = tonumber(ARGV[5])
  local rest = tonumber(ARGV[2])
  if rest < 0 then rest = math.floor(ARGV[3] * math.min(most, ARGV[4] * 2 ^ refusals)) end
  if rest > most then closed = math.max(closed, now + rest) else opens = math.max(opens, now + rest) end
  if refusals >= tonumber(ARGV[6]) then
    closed = math.max(closed, now + ARGV[7])
    -- The next visit after that decides.
    redis.call('HSET', KEYS[1], 'refusals', ARGV[6] - 1)
  end
else
  redis.call('HDEL', KEYS[1], 'refusals')
end
redis.call('HSET', KEYS[1], 'opens', opens, 'closed', closed, 'paid', paid)
-- As long as any of it holds: a visit that goes well must not make the host forget that it asked another for an hour.
redis.call('PEXPIRE', KEYS[1], math.max(ARGV[8], opens - now, closed - now, paid - now))
return 0`;

const REMEMBER_MS = 10 * 60_000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;

export interface RedisGateOptions extends Pick<GateOptions, "limits"> {
  /** Visits of this worker at a time, all hosts together. */
  readonly places: Slots;
  /** A visitor that has not said for so long that it is still there is gone; milliseconds. */
  readonly leaseMs: number;
}

export class RedisGate implements Politeness {
  readonly #redis: Redis;
  readonly #options: RedisGateOptions;
  /** Visitors of this worker wait here, so that no more of them ask Redis than may be inside. */
  readonly #doors = new Map<string, { readonly slots: Slots; visitors: number }>();

  constructor(redis: Redis, options: RedisGateOptions) {
    this.#redis = redis;
    this.#options = options;
  }

  async visit<T>(
    host: string,
    signal: AbortSignal,
    job: (report: (verdict: Verdict) => void) => Promise<T>,
  ): Promise<T> {
    const limits = this.#options.limits(host);
    const door = this.#doors.get(host) ?? { slots: new Slots(limits.parallel), visitors: 0 };
    this.#doors.set(host, door);
    door.visitors++;
    try {
      return await door.slots.during(signal, () => this.#inside(host, limits, signal, job));
    } finally {
      door.visitors--;
      if (door.visitors === 0) this.#doors.delete(host);
    }
  }

  async #inside<T>(
    host: string,
    limits: HostLimits,
    signal: AbortSignal,
    job: (report: (verdict: Verdict) => void) => Promise<T>,
  ): Promise<T> {
    const [state, visitors] = [`${PREFIX}:host:${host}`, `${PREFIX}:visitors:${host}`];
    const visitor = randomUUID();
    await this.#enter(host, [state, visitors], limits, visitor, signal);
    const { places, leaseMs } = this.#options;
    const stay = setInterval(() => {
      this.#redis.eval(STAY, 1, visitors, visitor, leaseMs).catch(() => undefined);
    }, leaseMs / 3);
    const notes: Promise<unknown>[] = [];
    try {
      return await places.during(signal, () => {
        const began = performance.now();
        const note = (verdict: Verdict) => this.#note(state, verdict, limits, performance.now() - began);
        return job((verdict) => notes.push(note(verdict).catch(() => undefined)));
      });
    } finally {
      clearInterval(stay);
      // The next visitor is to know of it.
      await Promise.all(notes);
      await this.#redis.zrem(visitors, visitor);
    }
  }

  async #enter(
    host: string,
    keys: readonly [string, string],
    { parallel, gapMs }: HostLimits,
    visitor: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { leaseMs } = this.#options;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 1.5)) {
      signal.throwIfAborted();
      const answer = await this.#redis.eval(ENTER, 2, ...keys, parallel, gapMs, visitor, leaseMs, REMEMBER_MS);
      const [kind = 0, ms = 0] = answer as number[];
      if (kind === 0) return;
      if (kind === 1) throw new HostClosed(`${host} is left alone for ${Math.ceil(ms / 1000)} s`);
      // Not all at the same moment.
      const rest = ms > 0 ? Math.min(ms, 1000) + Math.random() * 5 : pause * (0.5 + Math.random());
      await sleep(rest, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  async #note(
    state: string,
    { refused, waitMs, bytes = 0 }: Verdict,
    { bytesPerS = Number.POSITIVE_INFINITY }: HostLimits,
    tookMs: number,
  ): Promise<void> {
    const { firstMs, mostMs, refusals, closedMs } = RESTS;
    const asked = waitMs === undefined ? -1 : Math.round(waitMs);
    const rules = [firstMs, mostMs, refusals, closedMs, REMEMBER_MS];
    const spent = [Math.round((1000 * bytes) / bytesPerS), Math.round(tookMs)];
    await this.#redis.eval(NOTE, 1, state, refused ? 1 : 0, asked, Math.random(), ...rules, ...spent);
  }
}
