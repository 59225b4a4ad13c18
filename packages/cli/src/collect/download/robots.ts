// robots.txt (RFC 9309), for those who want it asked: it is written for crawlers that follow links, which this program does not.

import robotsParser from "robots-parser";
import { Refusal, type Status } from "../photo.ts";
import type { Client } from "./client.ts";
import type { Politeness } from "./politeness.ts";
import { isRedirect, locationOf, retryAfter } from "./retrieve.ts";

const AGENT = "ballsight";
/** RFC 9309, 2.5: a parser reads at least this much. */
const MOST_BYTES = 500 * 1024;
const DEADLINE_MS = 15_000;
const MOST_REDIRECTS = 5;

// Its types describe an ES module, but the package is CommonJS, whose one export is the function.
const parseRobots = robotsParser as unknown as typeof robotsParser.default;
type Robot = ReturnType<typeof parseRobots>;

/** What says nothing of the rules: it is the photo's fate this time, and asked again for the next one. */
const PASSING: ReadonlySet<Status> = new Set<Status>(["timeout", "network-error", "unknown-host", "blocked-address"]);

export class Robots {
  readonly #client: Client;
  readonly #politeness: Politeness;
  readonly #signal: AbortSignal;
  /** One question per origin and run, which is less than the day that the RFC allows. */
  readonly #rules = new Map<string, Promise<Robot | boolean>>();

  /** @param signal the run's: an answer is for all who wait for it, so none of them alone can stop the question */
  constructor(client: Client, politeness: Politeness, signal: AbortSignal = new AbortController().signal) {
    this.#client = client;
    this.#politeness = politeness;
    this.#signal = signal;
  }

  /** @throws Refusal, HostClosed where the host cannot be asked now; what `signal` was aborted with */
  async allows(url: URL, signal: AbortSignal): Promise<boolean> {
    let rules = this.#rules.get(url.origin);
    if (rules === undefined) {
      rules = this.#ask(new URL("/robots.txt", url));
      this.#rules.set(url.origin, rules);
      rules.catch(() => this.#rules.delete(url.origin));
    }
    const known = await orStopped(rules, signal);
    return typeof known === "boolean" ? known : (known.isAllowed(url.href, AGENT) ?? true);
  }

  /** The rules, or one answer for all: 4xx means that there are none, and who cannot answer has not agreed (2.3.1). */
  async #ask(first: URL): Promise<Robot | boolean> {
    let file = first;
    try {
      for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
        const step = await this.#visit(file);
        if (typeof step === "boolean") return step;
        // The rules of where it was found count for where it was asked (2.3.1.2).
        if (typeof step === "string") return parseRobots(first.href, step);
        file = step;
      }
      return true;
    } catch (error) {
      if (this.#signal.aborted || !(error instanceof Refusal) || PASSING.has(error.status)) throw error;
      return false;
    }
  }

  /** The text, where it has gone to, or whether its absence allows. */
  async #visit(file: URL): Promise<string | URL | boolean> {
    return await this.#politeness.visit(file.host, this.#signal, async (report) => {
      const deadline = AbortSignal.timeout(DEADLINE_MS);
      try {
        const bounded = AbortSignal.any([this.#signal, deadline]);
        const answer = await this.#client.get(file, { accept: "text/plain" }, bounded);
        try {
          const refused = answer.status === 429 || answer.status >= 500;
          const text = answer.status === 200 ? await beginningOf(answer.body) : undefined;
          report({ refused, ...(refused && { waitMs: retryAfter(answer) }) });
          if (refused) return false;
          return isRedirect(answer.status) ? locationOf(answer) : (text ?? true);
        } finally {
          answer.close();
        }
      } catch (error) {
        if (this.#signal.aborted) throw error;
        report({ refused: true });
        if (deadline.aborted) throw new Refusal("timeout", "robots.txt not there in time", { cause: error });
        throw error;
      }
    });
  }
}

/** What comes after a parser's limit does not count. */
async function beginningOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MOST_BYTES) break;
  }
  const text = Buffer.concat(chunks).subarray(0, MOST_BYTES).toString("utf8");
  // Half a line would be another rule.
  return size > MOST_BYTES ? text.slice(0, text.lastIndexOf("\n") + 1) : text;
}

async function orStopped<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  return await Promise.race([promise, stopped]).finally(() => signal.removeEventListener("abort", stop!));
}
