// `collect --redis`: what of the run becomes remote. Loaded only then, since BullMQ takes its time to load.

import { expectRedis, type RedisAddress, redisAddress } from "../queue/connection.ts";
import { ShardQueue } from "../queue/shardQueue.ts";
import type { OpenRemote } from "./collect.ts";
import { RemoteDownloads } from "./remote.ts";

/** @throws BAD_OPTION, REDIS_UNAVAILABLE */
export async function openAddress(url: string, env: NodeJS.ProcessEnv): Promise<RedisAddress> {
  const address = redisAddress(url, env);
  await expectRedis(address);
  return address;
}

export function overRedis(address: RedisAddress, say: (line: string) => void): OpenRemote {
  return async ({ minSide, perHost, contact, robots, ignoreOptOut }, { shards: folder }, state, local) => {
    // Who runs the same command again has mended what was wrong; what this run gives up on is in the ledger.
    const queue = new ShardQueue("collect", { address, say, folder, retryDead: true });
    const settings = { minSide, perHost, contact, robots, ignoreOptOut };
    return await RemoteDownloads.open({ queue, folder, settings, state, local, say });
  };
}
