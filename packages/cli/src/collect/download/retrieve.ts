// A file from a URL: redirects followed one by one, each checked like the first; statuses to words; refusals repeated when they may pass.

import { setTimeout as sleep } from "node:timers/promises";
import { normalUrl, Refusal, type Status } from "../photo.ts";
import type { Answer, Client } from "./client.ts";
import { optOut, valuesOf } from "./optOut.ts";
import type { Politeness, Verdict } from "./politeness.ts";
import type { Robots } from "./robots.ts";

export interface RetrieveSettings {
  readonly client: Client;
  readonly politeness: Politeness;
  /** Asked before every host's first file; none where robots.txt is not asked for. */
  readonly robots?: Robots | undefined;
  /** Headers that ask to be left out are obeyed unless this is set. */
  readonly ignoreOptOut?: boolean | undefined;
  /** For one attempt, waiting for a turn apart, milliseconds. */
  readonly deadlineMs?: number | undefined;
  /** How often a refusal that may pass is put to the test. */
  readonly attempts?: number | undefined;
}

/** Runs what is no fault of the host, a wait for memory, beside the deadline. */
export type Untimed = <T>(wait: () => Promise<T>) => Promise<T>;

type Read<T> = (answer: Answer, untimed: Untimed) => Promise<T>;

const DEADLINE_MS = 30_000;
/** No further attempt after this: decisions about other photos wait for this one. */
const PATIENCE_MS = 60_000;
/** Of a deadline: a process that was stopped for an hour, or whose machine slept, has lost no more than that. */
const STEP_MS = 1000;
const ATTEMPTS = 3;
const MOST_REDIRECTS = 5;
const HEADERS = { accept: "image/*,*/*;q=0.8", "accept-encoding": "identity" };

/** A slow host is as slow the second time, so a timeout is not among them. */
const MAY_PASS: ReadonlySet<Status> = new Set<Status>(["rate-limited", "server-error", "network-error"]);
const FIRST_PAUSE_MS = 300;

/**
 * Hands the answer of the last redirect to `read`, whose result it returns.
 * @throws Refusal; HostClosed where the host is to be left alone; what `signal` was aborted with
 */
export async function retrieve<T>(
  url: string,
  settings: RetrieveSettings,
  signal: AbortSignal,
  read: Read<T>,
): Promise<T> {
  const { attempts = ATTEMPTS } = settings;
  const began = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await follow(new URL(url), settings, signal, read);
    } catch (error) {
      const isLast = attempt >= attempts || performance.now() - began > PATIENCE_MS;
      if (!(error instanceof Refusal) || !MAY_PASS.has(error.status) || isLast) throw error;
    }
    // The host's own rest is the gate's matter; this one only keeps a connection that broke from being tried at once.
    await sleep(FIRST_PAUSE_MS * 2 ** attempt * Math.random(), undefined, { signal });
  }
}

async function follow<T>(first: URL, settings: RetrieveSettings, signal: AbortSignal, read: Read<T>): Promise<T> {
  let left = settings.deadlineMs ?? DEADLINE_MS;
  let url = first;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    if (settings.robots !== undefined && !(await settings.robots.allows(url, signal))) {
      throw new Refusal("blocked-robots", `robots.txt of ${url.host}`);
    }
    const step = await settings.politeness.visit(url.host, signal, async (report) => {
      const deadline = deadlineOf(left, signal);
      try {
        return await visit(url, settings, deadline, read, report);
      } finally {
        left = deadline.clear();
      }
    });
    if ("result" in step) return step.result;
    url = step.location;
  }
  throw new Refusal("dead", `more than ${MOST_REDIRECTS} redirects`);
}

async function visit<T>(
  url: URL,
  { client, ignoreOptOut }: RetrieveSettings,
  { signal, untimed }: Deadline,
  read: Read<T>,
  report: (verdict: Verdict) => void,
): Promise<{ readonly result: T } | { readonly location: URL }> {
  let bytes = 0;
  try {
    const answer = counted(await client.get(url, HEADERS, signal), (n) => {
      bytes += n;
    });
    const refused = answer.status === 403 || answer.status === 429 || answer.status >= 500;
    try {
      if (refused) {
        // 403 is mostly about one photo: many in a row close the host, but one is no reason for a rest.
        const waitMs = retryAfter(answer) ?? (answer.status === 403 ? 0 : undefined);
        report({ refused, waitMs });
      }
      // A page that says why there is no photo may ask to be left out of indexes: that is no word on the photo.
      if (!isRedirect(answer.status)) expectFound(answer.status);
      const header = ignoreOptOut ? undefined : optOut(answer.headers);
      if (header !== undefined) throw new Refusal("blocked-optout", header);
      const step = isRedirect(answer.status)
        ? { location: locationOf(answer) }
        : { result: await read(answer, untimed) };
      report({ refused: false, bytes });
      return step;
    } catch (error) {
      // Whatever else it came to, the host has answered.
      if (error instanceof Refusal && !refused && !isHostsFault(error)) report({ refused: false, bytes });
      throw error;
    } finally {
      answer.close();
    }
  } catch (error) {
    // Headers alone are no answer either: who stalls in the middle keeps everybody waiting.
    if (isHostsFault(error)) report({ refused: true, bytes });
    throw error;
  }
}

function counted(answer: Answer, count: (bytes: number) => void): Answer {
  const body = async function* () {
    for await (const chunk of answer.body) {
      count(chunk.length);
      yield chunk;
    }
  };
  return { ...answer, body: body() };
}

interface Deadline {
  readonly signal: AbortSignal;
  readonly untimed: Untimed;
  /** Stops it. Returns what is left, milliseconds. */
  clear(): number;
}

/** A deadline that is the host's fault, beside the stop that is the user's wish. */
function deadlineOf(ms: number, stop: AbortSignal): Deadline {
  const controller = new AbortController();
  let left = ms;
  let began = 0;
  let timer: NodeJS.Timeout | undefined;
  const run = () => {
    began = performance.now();
    timer = setTimeout(step, Math.max(0, Math.min(left, STEP_MS)));
  };
  const pause = () => {
    clearTimeout(timer);
    left -= Math.min(STEP_MS, performance.now() - began);
  };
  const step = () => {
    pause();
    // Timers may come a moment early.
    if (left < 1) controller.abort(new Refusal("timeout", "not there in time"));
    else run();
  };
  run();
  const forward = () => controller.abort(stop.reason);
  if (stop.aborted) forward();
  stop.addEventListener("abort", forward, { once: true });
  return {
    signal: controller.signal,
    untimed: async (wait) => {
      pause();
      return await wait().finally(run);
    },
    clear: () => {
      pause();
      stop.removeEventListener("abort", forward);
      return left;
    },
  };
}

const isHostsFault = (error: unknown): boolean =>
  error instanceof Refusal && (error.status === "timeout" || error.status === "network-error");

export const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status);

export function locationOf(answer: Answer): URL {
  const [location = ""] = valuesOf(answer.headers, "location");
  const url = location === "" ? undefined : normalUrl(location, answer.url.href);
  if (url === undefined) throw new Refusal("dead", `status ${answer.status} without an address`);
  return new URL(url);
}

function expectFound(status: number): void {
  if (status === 200) return;
  const reason = `status ${status}`;
  if (status === 429 || status === 503) throw new Refusal("rate-limited", reason);
  if (status >= 500) throw new Refusal("server-error", reason);
  if (status === 408) throw new Refusal("timeout", reason);
  // 403 too: Flickr answers it for photos that were made private.
  throw new Refusal("dead", reason);
}

/** Seconds or a date (RFC 9110, 10.2.3), as milliseconds from now; undefined where there is none. */
export function retryAfter({ headers }: Pick<Answer, "headers">, now = Date.now()): number | undefined {
  const [text] = valuesOf(headers, "retry-after");
  if (text === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
