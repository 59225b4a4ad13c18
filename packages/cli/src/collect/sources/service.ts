// Questions to a search service: one at a time, patient where it asks for patience, stopped where it refuses.

import { setTimeout as sleep } from "node:timers/promises";
import { type Client, readAtMost } from "../download/client.ts";
import { type Headers, valuesOf } from "../download/optOut.ts";
import { HostClosed, type Politeness, RESTS } from "../download/politeness.ts";
import { retryAfter } from "../download/retrieve.ts";
import { Refusal } from "../photo.ts";
import { SourceStopped } from "./source.ts";

export interface ServiceOptions {
  readonly client: Client;
  readonly politeness: Politeness;
  /** How often a question without an answer is put. */
  readonly attempts?: number;
  /** Told when a service asks to wait, milliseconds. */
  readonly onWait?: (host: string, ms: number) => void;
}

/** Of one service. */
interface Patience {
  readonly attempts?: number;
  /** How long it is left alone where it names no time itself, milliseconds. */
  readonly restMs?: number;
}

/** What is asked and how: a GET unless there is a form. */
interface Question {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
}

export interface ServiceAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const MOST_BYTES = 10_000_000;
const DEADLINE_MS = 30_000;
const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 500;

export class Service {
  readonly #options: ServiceOptions;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  /**
   * The answer, once it is none that asks to come again. Redirects are not followed: a service that moves has changed.
   * @throws SourceStopped; what `signal` was aborted with
   */
  async get(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    patience: Patience = {},
  ): Promise<ServiceAnswer> {
    return await this.#answer({ url, headers }, signal, patience);
  }

  /** The same for a form. @throws SourceStopped; what `signal` was aborted with */
  async post(url: URL, form: Readonly<Record<string, string>>, signal: AbortSignal): Promise<ServiceAnswer> {
    return await this.#answer({ url, headers: { accept: "application/json" }, form }, signal, {});
  }

  async #answer(
    question: Question,
    signal: AbortSignal,
    { attempts = this.#options.attempts ?? ATTEMPTS, restMs }: Patience,
  ): Promise<ServiceAnswer> {
    for (let attempt = 1; ; attempt++) {
      const last = attempt >= attempts;
      const outcome = await this.#ask(question, signal).catch((error: unknown) => {
        if (error instanceof HostClosed) throw new SourceStopped(error.message, RESTS.mostMs, { cause: error });
        if (!(error instanceof Refusal)) throw error;
        const { status, message } = error;
        if (last || status === "blocked-address")
          throw new SourceStopped(`no answer (${message})`, restMs, { cause: error });
        return undefined;
      });
      if (outcome !== undefined) {
        const { status } = outcome;
        const again = status === 429 || status >= 500;
        if (!again) return outcome;
        const wait = retryAfter(outcome);
        const words = status === 429 ? "too many questions (status 429)" : `a fault of its own (status ${status})`;
        if (last || (wait ?? 0) > RESTS.mostMs) throw new SourceStopped(words, wait ?? restMs);
        if (wait !== undefined && wait > 0) this.#options.onWait?.(question.url.host, wait);
      }
      await sleep(FIRST_PAUSE_MS * 2 ** attempt * Math.random(), undefined, { signal });
    }
  }

  async #ask({ url, headers, form }: Question, signal: AbortSignal): Promise<ServiceAnswer> {
    const { client, politeness } = this.#options;
    return await politeness.visit(url.host, signal, async (report) => {
      const deadline = AbortSignal.timeout(DEADLINE_MS);
      try {
        const bounded = AbortSignal.any([signal, deadline]);
        const all = { "accept-encoding": "gzip", ...headers };
        const answer =
          form === undefined ? await client.get(url, all, bounded) : await client.post(url, form, all, bounded);
        try {
          const { status } = answer;
          const text = (await readAtMost(answer.body, MOST_BYTES)).toString("utf8");
          const refused = status === 429 || status >= 500;
          report({ refused, ...(refused && { waitMs: retryAfter(answer) }) });
          return { status, headers: answer.headers, text };
        } finally {
          answer.close();
        }
      } catch (error) {
        if (signal.aborted) throw error;
        report({ refused: true });
        if (deadline.aborted) throw new Refusal("timeout", "not there in time", { cause: error });
        throw error;
      }
    });
  }
}

/** The JSON object in an answer, whatever its content type says; undefined where there is none. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

export const asArray = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Titles and names may hold HTML and entities, and wherever they go later, one line is enough. Undefined where nothing is left. */
export function plainText(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  // What is longer is nobody's title, and looking for the ends of its tags would take forever.
  const text = value
    .slice(0, MOST_MARKUP)
    .replace(/<(?:style|script)\b[\s\S]*?<\/(?:style|script)>/gi, " ")
    .replace(/<[^<>]*>/g, " ")
    .replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(amp|lt|gt|quot|apos|nbsp));/gi, entity)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  return text === "" ? undefined : [...text].slice(0, MOST_TEXT).join("");
}

const MOST_MARKUP = 20_000;
const MOST_TEXT = 500;
const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };

function entity(whole: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) return NAMED[name.toLowerCase()] ?? whole;
  const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal);
  const isCharacter = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : whole;
}

/** A web address, else undefined: a `javascript:` link has no place in the credits. */
export function webUrl(value: unknown, base?: string): string | undefined {
  if (typeof value !== "string" || !URL.canParse(value, base)) return undefined;
  const url = new URL(value, base);
  return url.protocol === "http:" || url.protocol === "https:" ? url.href : undefined;
}

export const firstValue = (headers: Headers, name: string): string | undefined => valuesOf(headers, name)[0];
