// How many photos one client may ask about: a token bucket each.

import { fail } from "@ballsight/vision";
import { clientOf, isLoopback } from "./client.ts";
import type { ServerContext } from "./services.ts";

interface Bucket {
  tokens: number;
  at: number;
}

/** Buckets are forgotten when they are full again, the oldest when there are more. */
const MAX_BUCKETS = 10_000;
/** What may be asked at once, as a share of a minute's: a page sends twenty photos together. */
const BURST_SHARE = 0.5;

export class RateLimit {
  readonly #perMinute: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param perMinute 0 for no limit */
  constructor(perMinute: number) {
    this.#perMinute = perMinute;
    this.#burst = Math.max(1, Math.ceil(perMinute * BURST_SHARE));
  }

  /** Counts one photo. Programs on this very machine are not counted, unless they are proxies. @throws RATE_LIMITED */
  count(c: ServerContext): void {
    this.#count(c, 1, 1);
  }

  /**
   * Counts what else a request has brought, once that is known. One that brings more than may be asked at once needs a full bucket, and
   * leaves it in debt. @throws RATE_LIMITED
   */
  countMore(c: ServerContext, photos: number): void {
    if (photos > 0) this.#count(c, photos, Math.min(photos, this.#burst - 1));
  }

  #count(c: ServerContext, photos: number, needed: number): void {
    if (this.#perMinute === 0) return;
    const client = clientOf(c);
    if (!isLoopback(client)) this.take(client, performance.now(), photos, needed);
  }

  /**
   * @param now milliseconds
   * @param needed tokens that have to be there
   */
  take(client: string, now: number, photos = 1, needed = photos): void {
    const perMs = this.#perMinute / 60_000;
    const known = this.#buckets.get(client);
    const tokens = known === undefined ? this.#burst : Math.min(this.#burst, known.tokens + (now - known.at) * perMs);
    if (tokens < needed) {
      const seconds = Math.ceil((needed - tokens) / perMs / 1000);
      fail("RATE_LIMITED", { limit: this.#perMinute, seconds });
    }
    // Put in anew, so that the map's order is that of the last visits.
    this.#buckets.delete(client);
    this.#buckets.set(client, { tokens: tokens - photos, at: now });
    this.#forget(now, perMs);
  }

  #forget(now: number, perMs: number): void {
    for (const [client, { tokens, at }] of this.#buckets) {
      const isFull = tokens + (now - at) * perMs >= this.#burst;
      if (!isFull && this.#buckets.size <= MAX_BUCKETS) return;
      this.#buckets.delete(client);
    }
  }
}
