// What a worker shares among its shards of downloads: connections, robots.txt, places, and every host's patience.

import type { Redis } from "ioredis";
import { RedisGate } from "../queue/redisGate.ts";
import type { ShardJob } from "../queue/shardWorker.ts";
import { Slots } from "./download/politeness.ts";
import type { RetrieveSettings } from "./download/retrieve.ts";
import { Robots } from "./download/robots.ts";
import { allowsLoopback, hostLimits, openClient } from "./network.ts";
import { collectShard, type ShardSettings } from "./shard.ts";
import { collectShardOf } from "./shardAnswer.ts";

/** A worker lives for months; robots.txt does not (RFC 9309, 2.4: a day at most). */
const FRESH_MS = 3_600_000;

/**
 * @param parallel downloads at a time
 * @param leaseMs after which a visitor of a host that is silent is thought dead
 * @param env decides, and not the job, whether addresses of this machine may be asked
 */
export function collectJob(redis: Redis, parallel: number, leaseMs: number, env: NodeJS.ProcessEnv): ShardJob {
  const allowLoopback = allowsLoopback(env);
  const places = new Slots(parallel);
  const kept = new Map<string, { readonly until: number; readonly settings: RetrieveSettings }>();
  const open = ({ contact, perHost, robots, ignoreOptOut }: ShardSettings): RetrieveSettings => {
    const key = JSON.stringify([contact, perHost, robots, ignoreOptOut]);
    const known = kept.get(key);
    if (known !== undefined && known.until > Date.now()) return known.settings;
    const client = known?.settings.client ?? openClient(contact, { allowLoopback });
    const politeness = new RedisGate(redis, { limits: hostLimits(perHost, allowLoopback), places, leaseMs });
    const settings: RetrieveSettings = {
      client,
      politeness,
      robots: robots ? new Robots(client, politeness) : undefined,
      ignoreOptOut,
    };
    kept.set(key, { until: Date.now() + FRESH_MS, settings });
    return settings;
  };
  return async ({ id, content }, folder, signal) =>
    await collectShard(id, collectShardOf(content), folder, open, signal);
}
