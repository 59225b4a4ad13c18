// DuckDuckGo's image search: the whole web, no licences, no official interface. Best effort: it is asked politely and left at the first no.

import { valuesOf } from "../download/optOut.ts";
import { type FoundPhoto, normalUrl, present } from "../photo.ts";
import { asArray, asObject, jsonObject, plainText, type Service, type ServiceAnswer, webUrl } from "./service.ts";
import { type ClassWords, type Page, type Query, queryName, type Source, SourceStopped } from "./source.ts";

export interface DuckDuckGoOptions {
  readonly service: Service;
  readonly base?: string | undefined;
}

const BASE = "https://duckduckgo.com/";
/** Photos a page; what follows the fifth repeats. */
const PAGE_SIZE = 100;
const MOST_PAGES = 5;
/** Longer questions are refused. */
const MOST_QUERY = 499;
/** Refusals last about so long. */
const COOL_DOWN_MS = 10 * 60_000;
/** One no is enough. */
const PATIENCE = { attempts: 1, restMs: COOL_DOWN_MS };
/** Six slots: time, size, color, type, layout, license. */
const SLOTS = ["time", "size", "color", "type", "layout", "license"] as const;
const LAYOUTS: readonly Readonly<Record<string, string>>[] = [
  {},
  { layout: "Square" },
  { layout: "Wide" },
  { layout: "Tall" },
  { size: "Large" },
  { size: "Medium" },
  // What the index behind it takes for so licensed: other photos of the same words, and no word on their licence.
  { license: "Public" },
  { license: "Share" },
];
/** As the page itself asks. */
const HEADERS = {
  accept: "*/*",
  "accept-language": "en-US,en;q=0.5",
  "sec-fetch-dest": "empty",
  "sec-fetch-mode": "cors",
  "sec-fetch-site": "same-origin",
  "sec-gpc": "1",
  priority: "u=4",
};

export class DuckDuckGo implements Source {
  readonly name = "duckduckgo";
  readonly #service: Service;
  readonly #base: string;
  /** By query; the last few are all that is ever asked for. */
  readonly #tokens = new Map<string, string>();
  /** Of the page that the token was in: a token is good for whoever got it. */
  #cookies = "";

  constructor({ service, base = BASE }: DuckDuckGoOptions) {
    this.#service = service;
    this.#base = base;
  }

  queries(label: string, { web }: ClassWords): readonly Query[] {
    return LAYOUTS.flatMap((layout) =>
      web.map((text) => {
        const plain = { label, text, filters: { type: "photo" } };
        if (Object.keys(layout).length === 0) return plain;
        return { ...plain, filters: { ...plain.filters, ...layout }, within: queryName(plain) };
      }),
    );
  }

  async search({ text, filters = {} }: Query, cursor: string | undefined, signal: AbortSignal): Promise<Page> {
    const q = text.slice(0, MOST_QUERY);
    const offset = Number(cursor ?? 0);
    const url = new URL("i.js", this.#base);
    const f = SLOTS.map((slot) => (filters[slot] === undefined ? "" : `${slot}:${filters[slot]}`)).join(",");
    const vqd = await this.#token(q, signal);
    const place = offset > 0 && { s: String(offset) };
    url.search = new URLSearchParams({ o: "json", q, l: "wt-wt", vqd, p: "1", ct: "EN", f, ...place }).toString();
    const cookie = this.#cookies === "" ? {} : { cookie: this.#cookies };
    const answer = await this.#service.get(url, { ...HEADERS, ...cookie, referer: this.#base }, signal, PATIENCE);
    expectAnswer(answer);
    const body = jsonObject(answer.text);
    if (body === undefined || !Array.isArray(body.results)) {
      throw new SourceStopped("an answer that is no list of photos; its pages may have changed", COOL_DOWN_MS);
    }
    const items = asArray(body.results).flatMap(photoOf);
    return { items, next: nextOf(body, offset, this.#base), complete: body.next === undefined };
  }

  /** In the page of the question, under three spellings that came one after the other. */
  async #token(q: string, signal: AbortSignal): Promise<string> {
    const known = this.#tokens.get(q);
    if (known !== undefined) return known;
    const url = new URL(this.#base);
    url.search = new URLSearchParams({ q, iar: "images", t: "h_" }).toString();
    const answer = await this.#service.get(
      url,
      { accept: "text/html", "accept-language": HEADERS["accept-language"] },
      signal,
      PATIENCE,
    );
    expectAnswer(answer);
    const set = valuesOf(answer.headers, "set-cookie").map((line) => line.split(";")[0]!.trim());
    if (set.length > 0) this.#cookies = set.join("; ");
    const token = /vqd=(?:"([^"]+)"|'([^']+)'|([\d-]+)(?=&))/.exec(answer.text)?.slice(1).find(Boolean);
    if (token === undefined) {
      throw new SourceStopped("a page without the token that searches need; it may have changed", COOL_DOWN_MS);
    }
    this.#tokens.set(q, token);
    return token;
  }
}

function expectAnswer({ status, text }: ServiceAnswer): void {
  if (status === 200 && !/anomaly-modal|anomaly\.js/.test(text)) return;
  const words: Readonly<Record<number, string>> = {
    200: "a question whether a person asks",
    202: "a question whether a person asks (status 202)",
    403: "no (status 403)",
    418: "no (status 418)",
  };
  throw new SourceStopped(words[status] ?? `status ${status}`, COOL_DOWN_MS);
}

/** `next` is an address without the token: only its place counts. */
function nextOf(body: Readonly<Record<string, unknown>>, offset: number, base: string): string | undefined {
  if (typeof body.next !== "string") return undefined;
  const url = normalUrl(body.next, base);
  const place = url === undefined ? Number.NaN : Number(new URL(url).searchParams.get("s"));
  return Number.isInteger(place) && place > offset && place < PAGE_SIZE * MOST_PAGES ? String(place) : undefined;
}

function photoOf(value: unknown): FoundPhoto[] {
  const result = asObject(value);
  const url = webUrl(result?.image);
  if (url === undefined) return [];
  return [present({ url, page_url: webUrl(result?.url), title: plainText(result?.title) }) as FoundPhoto];
}
