// A Redis server from its address: tried once before anything else is done, so that a wrong address is one clear line.

import { fail } from "@ballsight/vision";
import { Redis } from "ioredis";

/** For BullMQ and for connections of our own. */
interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: Record<string, never>;
  readonly connectTimeout: number;
  readonly maxRetriesPerRequest: null;
}

export interface RedisAddress {
  readonly options: ConnectionOptions;
  /** As it may be shown: without the password. */
  readonly name: string;
}

const CONNECT_MS = 5000;
/** BullMQ's least. */
const LEAST_VERSION = 5;
const FORM = "an address like redis://:password@host:6379/0 (or rediss://)";

/**
 * @param env BALLSIGHT_REDIS_PASSWORD is the password where the address has none: what is typed shows in the list of processes
 * @throws BAD_OPTION
 */
export function redisAddress(text: string, env: NodeJS.ProcessEnv): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const database = /^\/?(\d{0,5})$/.exec(url?.pathname ?? "")?.[1];
  const isRedis = url?.protocol === "redis:" || url?.protocol === "rediss:";
  if (url === undefined || !isRedis || url.hostname === "" || database === undefined) {
    // Whatever was typed may hold a password.
    const received = text.replace(/\/\/.*@/, "//...@");
    return fail("BAD_OPTION", { option: "--redis", expected: FORM, received });
  }
  const password = url.password === "" ? env.BALLSIGHT_REDIS_PASSWORD : decoded(url.password);
  const port = url.port === "" ? 6379 : Number(url.port);
  const options: ConnectionOptions = {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port,
    db: Number(database),
    ...(url.username !== "" && { username: decoded(url.username) }),
    ...(password !== undefined && password !== "" && { password }),
    ...(url.protocol === "rediss:" && { tls: {} }),
    connectTimeout: CONNECT_MS,
    // Work waits for a server that is away for a while.
    maxRetriesPerRequest: null,
  };
  return { options, name: `${url.protocol}//${url.hostname}:${port}/${database}` };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    const expected = `${FORM}, with % written as %25,`;
    return fail("BAD_OPTION", { option: "--redis", expected, received: "a % that begins no character" });
  }
}

/** What is wrong with a server that answered before, and what becomes of the work. */
export function troubleOf(error: unknown): string {
  const { code, message, name } = error as NodeJS.ErrnoException;
  // Full, or read only after a failover.
  if (name === "ReplyError") return `refuses (${message}); waiting for it`;
  return `is away (${code ?? message}); waiting for it`;
}

/** @throws REDIS_UNAVAILABLE */
export async function expectRedis({ options, name }: RedisAddress): Promise<void> {
  const redis = new Redis({ ...options, lazyConnect: true, retryStrategy: () => null });
  // What breaks the connection; `connect` itself only says that it is closed.
  let reason: unknown;
  redis.on("error", (error: unknown) => {
    reason ??= error;
  });
  try {
    await redis.connect();
    // Whether it answers at all needs the password; whether it is one that BullMQ can use, its version.
    await redis.select(options.db);
    const version = /^redis_version:(\d+)/m.exec(await redis.info("server"))?.[1];
    if (version !== undefined && Number(version) < LEAST_VERSION) {
      const advice = `use version ${LEAST_VERSION} or later`;
      fail("REDIS_UNAVAILABLE", { name, received: `version ${version}`, advice });
    }
  } catch (error) {
    if (error instanceof Error && error.name === "BallsightError") throw error;
    const [received, advice] = wordsOf(reason ?? error);
    fail("REDIS_UNAVAILABLE", { name, received, advice }, { cause: error });
  } finally {
    redis.disconnect();
  }
}

/** What was received, and what to do. */
function wordsOf(error: unknown): [string, string] {
  const { code, message } = error as NodeJS.ErrnoException;
  if (/NOAUTH/.test(message)) {
    return ["a request for a password", "put it into the address, or into BALLSIGHT_REDIS_PASSWORD"];
  }
  if (/WRONGPASS|invalid password|AUTH/i.test(message)) return ["a refusal of this password", "correct it"];
  if (/protocol error|RESP type/i.test(message)) return ["an answer of some other program", "correct the address"];
  if (/DB index/i.test(message)) return ["no database of that number", "correct the address"];
  if (code === "EPIPE" || code === "ECONNRESET") {
    return ["a connection that was closed at once", "see that it is a Redis, and what its log says"];
  }
  if (code === "ENOTFOUND") return ["no host of that name", "correct the address"];
  return [`no connection (${code ?? message})`, "start it or correct the address"];
}
