// `collect --redis`: what of the run becomes remote. Loaded only then, since BullMQ takes its time to load.

import { expectRedis, type RedisAddress, redisAddress } from "../queue/connection.ts";
import { ShardQueue } from "../queue/shardQueue.ts";
import type { CollectContext } from "./collect.ts";
import { RemoteDownloads, SHARD_SIZE } from "./remote.ts";

/** Shards under way: several for each of a few workers. */
const SHARDS_AHEAD = 12;

/** @throws BAD_OPTION, REDIS_UNAVAILABLE */
export async function openAddress(url: string, env: NodeJS.ProcessEnv): Promise<RedisAddress> {
  const address = redisAddress(url, env);
  await expectRedis(address);
  return address;
}

export function overRedis(address: RedisAddress, say: (line: string) => void): NonNullable<CollectContext["remote"]> {
  return {
    // What is ahead is four times as much.
    parallel: (SHARDS_AHEAD * SHARD_SIZE) / 4,
    open: async ({ minSide, perHost, contact, robots, ignoreOptOut }, { shards: folder }, state, local) => {
      const queue = new ShardQueue("collect", { address, say, folder, retryDead: false });
      const settings = { minSide, perHost, contact, robots, ignoreOptOut };
      return await RemoteDownloads.open({ queue, folder, settings, state, local, say });
    },
  };
}
