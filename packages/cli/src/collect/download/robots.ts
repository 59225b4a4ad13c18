// robots.txt (RFC 9309), for those who want it asked: it is written for crawlers that follow links, which this program does not.

import robotsParser from "robots-parser";
import { Refusal } from "../photo.ts";
import { type Client, readAtMost } from "./client.ts";
import type { Politeness } from "./politeness.ts";

const AGENT = "ballsight";
/** RFC 9309, 2.5: a parser reads at least this much. */
const MOST_BYTES = 500 * 1024;
const DEADLINE_MS = 15_000;

// Its types describe an ES module, but the package is CommonJS, whose one export is the function.
const parseRobots = robotsParser as unknown as typeof robotsParser.default;
type Robot = ReturnType<typeof parseRobots>;

export class Robots {
  readonly #client: Client;
  readonly #politeness: Politeness;
  /** One question per origin and run, which is less than the day that the RFC allows. */
  readonly #rules = new Map<string, Promise<Robot | boolean>>();

  constructor(client: Client, politeness: Politeness) {
    this.#client = client;
    this.#politeness = politeness;
  }

  async allows(url: URL, signal: AbortSignal): Promise<boolean> {
    let rules = this.#rules.get(url.origin);
    if (rules === undefined) {
      rules = this.#ask(url, signal);
      this.#rules.set(url.origin, rules);
      // A stop is no answer.
      rules.catch(() => this.#rules.delete(url.origin));
    }
    const known = await rules;
    return typeof known === "boolean" ? known : (known.isAllowed(url.href, AGENT) ?? true);
  }

  /** The rules, or one answer for all: 4xx means that there are none, and who cannot be asked has not agreed (2.3.1). */
  async #ask(url: URL, signal: AbortSignal): Promise<Robot | boolean> {
    const file = new URL("/robots.txt", url);
    try {
      return await this.#politeness.visit(file.host, signal, async (report) => {
        const bounded = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
        const answer = await this.#client.get(file, { accept: "text/plain" }, bounded);
        try {
          report({ refused: answer.status === 429 || answer.status >= 500 });
          if (answer.status >= 500 || answer.status === 429) return false;
          if (answer.status !== 200) return true;
          return parseRobots(file.href, (await readAtMost(answer.body, MOST_BYTES)).toString("utf8"));
        } finally {
          answer.close();
        }
      });
    } catch (error) {
      if (signal.aborted) throw error;
      return error instanceof Refusal && error.status === "too-large";
    }
  }
}
