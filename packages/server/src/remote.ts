// Photos behind URLs, where a server is told to fetch them: public addresses alone, checked before every hop and at the connection.

import { BallsightError, fail } from "@ballsight/vision";
import { Agent, request } from "undici";
import { type AddressRules, BlockedAddress, guardedLookup, refuseUrl } from "./addresses.ts";

const MAX_HOPS = 3;
const IDLE_MS = 5000;
/** At a time, of all clients: a queue of slow hosts must not become one of open sockets. */
const MAX_FETCHES = 16;
/** For all hops together. */
const TOTAL_MS = 15_000;

export class Remote {
  readonly #agent: Agent;
  readonly #rules: AddressRules;
  readonly #maxBytes: number;
  #fetches = 0;

  constructor(maxBytes: number, rules: AddressRules = {}) {
    this.#rules = rules;
    this.#maxBytes = maxBytes;
    this.#agent = new Agent({
      connect: { lookup: guardedLookup(rules), timeout: IDLE_MS },
      headersTimeout: IDLE_MS,
      bodyTimeout: IDLE_MS,
    });
  }

  /** @throws URL_REFUSED, URL_FAILED, FILE_TOO_LARGE, SERVER_BUSY */
  async fetch(text: string, name: string, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#fetches >= MAX_FETCHES) fail("SERVER_BUSY", { limit: MAX_FETCHES, what: "URLs", seconds: 1 });
    this.#fetches += 1;
    const until = AbortSignal.any([signal, AbortSignal.timeout(TOTAL_MS)]);
    try {
      return await this.#follow(text, name, until);
    } catch (cause) {
      if (cause instanceof BallsightError) throw cause;
      if (cause instanceof BlockedAddress) fail("URL_REFUSED", { name, reason: "no public address" }, { cause });
      // What exactly failed would tell a stranger about the network around this server.
      return fail("URL_FAILED", { name, received: "no answer" }, { cause });
    } finally {
      this.#fetches -= 1;
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #follow(text: string, name: string, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    let url = parse(text, undefined, name);
    for (let hop = 0; hop <= MAX_HOPS; hop++) {
      const reason = refuseUrl(url, this.#rules);
      if (reason !== undefined) fail("URL_REFUSED", { name, reason });
      // No compression: a bomb would count only when it is unpacked.
      const headers = { accept: "image/*", "accept-encoding": "identity", "user-agent": "ballsight" };
      const { statusCode, headers: answer, body } = await request(url, { dispatcher: this.#agent, headers, signal });
      body.on("error", () => undefined);
      if (statusCode >= 300 && statusCode < 400 && typeof answer.location === "string") {
        body.destroy();
        url = parse(answer.location, url, name);
        continue;
      }
      if (statusCode !== 200) {
        body.destroy();
        fail("URL_FAILED", { name, received: `status ${statusCode}` });
      }
      return await this.#read(body, name);
    }
    return fail("URL_FAILED", { name, received: `more than ${MAX_HOPS} redirects` });
  }

  async #read(body: AsyncIterable<Uint8Array>, name: string): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of body) {
      size += chunk.length;
      if (size > this.#maxBytes) {
        fail("FILE_TOO_LARGE", { name, limit: this.#maxBytes, received: `more than ${this.#maxBytes}` });
      }
      chunks.push(chunk);
    }
    return new Uint8Array(Buffer.concat(chunks));
  }
}

function parse(text: string, base: URL | undefined, name: string): URL {
  try {
    return new URL(text, base);
  } catch (cause) {
    return fail("URL_REFUSED", { name, reason: "it cannot be read" }, { cause });
  }
}
