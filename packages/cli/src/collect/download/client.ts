// One HTTP request to a public address, with deadlines, whose body never becomes more than it may.

import { pipeline } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { type AddressRules, BlockedAddress, guardedLookup, refuseUrl } from "@ballsight/server/addresses";
import { Agent, type Dispatcher, request } from "undici";
import { Refusal } from "../photo.ts";
import { type Headers, valuesOf } from "./optOut.ts";

export interface ClientOptions extends AddressRules {
  readonly userAgent: string;
  /** Until the answer's headers are there, and between two pieces of its body, milliseconds. */
  readonly idleMs?: number;
}

export interface Answer {
  readonly url: URL;
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Headers;
  /** Decoded pieces; reading no further than needed, or not at all, lets go of the connection by `close`. */
  readonly body: AsyncIterable<Uint8Array>;
  close(): void;
}

const IDLE_MS = 10_000;

/** Connections to public addresses alone; a proxy of the environment is never taken, since it would dial in our place. */
export class Client {
  readonly #agent: Agent;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    const idle = options.idleMs ?? IDLE_MS;
    this.#options = options;
    this.#agent = new Agent({
      connect: { lookup: guardedLookup(options), timeout: idle },
      headersTimeout: idle,
      bodyTimeout: idle,
    });
  }

  /**
   * The answer to a GET, whatever its status; redirects are the caller's.
   * @throws Refusal; what `signal` was aborted with
   */
  async get(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
    const reason = refuseUrl(url, this.#options);
    if (reason !== undefined) throw new Refusal("blocked-address", reason);
    try {
      const response = await request(url, {
        dispatcher: this.#agent,
        headers: { "user-agent": this.#options.userAgent, ...headers },
        signal,
      });
      return answerOf(url, response, signal);
    } catch (error) {
      throw refusalOf(error, signal);
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function answerOf(url: URL, response: Dispatcher.ResponseData, signal: AbortSignal): Answer {
  const { statusCode: status, headers, body } = response;
  // Without a listener, an error after `close` would end the program.
  body.on("error", () => undefined);
  return { url, status, headers, body: decoded(headers, body, signal), close: () => void body.destroy() };
}

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** Without the transfer's compression: limits count what comes out, or a bomb of a kilobyte fills the memory. */
async function* decoded(
  headers: Headers,
  body: Dispatcher.ResponseData["body"],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    const encodings = valuesOf(headers, "content-encoding").join(",").toLowerCase().split(",");
    const codings = encodings.map((coding) => coding.trim()).filter((coding) => coding !== "" && coding !== "identity");
    const [coding] = codings;
    const decoder = coding === undefined ? undefined : DECODERS[coding];
    if (codings.length > 1 || (coding !== undefined && decoder === undefined)) {
      throw new Refusal("unsupported", `content encoding ${codings.join(", ")}`);
    }
    // The callback has nothing to do: the reader below sees the error.
    const stream = decoder === undefined ? body : pipeline(body, decoder(), () => undefined);
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    throw refusalOf(error, signal);
  } finally {
    body.destroy();
  }
}

/** Pieces of a body in one, at most `limit` bytes. @throws Refusal too-large */
export async function readAtMost(
  body: AsyncIterable<Uint8Array>,
  limit: number,
  look?: (received: readonly Uint8Array[], size: number) => void | Promise<void>,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw new Refusal("too-large", `more than ${limit} bytes`);
    chunks.push(chunk);
    await look?.(chunks, size);
  }
  return Buffer.concat(chunks);
}

const TIMEOUTS: ReadonlySet<string> = new Set([
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "ETIMEDOUT",
]);

/** Whatever a connection can fail with, as a status; a stop that was asked for stays what it is. */
function refusalOf(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof Refusal) return error;
  if (signal.aborted) return signal.reason;
  if (error instanceof BlockedAddress) return new Refusal("blocked-address", error.message, { cause: error });
  const { code, message = String(error) } = error as NodeJS.ErrnoException;
  if (code === "ENOTFOUND") return new Refusal("unknown-host", "no host of that name", { cause: error });
  if (code !== undefined && TIMEOUTS.has(code)) return new Refusal("timeout", code, { cause: error });
  // zlib's own, and Brotli's.
  if (code?.startsWith("Z_") || code?.startsWith("ERR__"))
    return new Refusal("decode-error", message, { cause: error });
  return new Refusal("network-error", code ?? message, { cause: error });
}
