// Openverse (https://openverse.org): openly licensed photos of Flickr, Wikimedia, museums; an official interface.

import type { Headers } from "../download/optOut.ts";
import { type LicenseFilter, licenseOf } from "../licenses.ts";
import { type FoundPhoto, present } from "../photo.ts";
import { asObject, firstValue, jsonObject, plainText, type Service, webUrl } from "./service.ts";
import { type ClassWords, type Page, type Query, type Quota, queryName, type Source, SourceStopped } from "./source.ts";

export interface OpenverseOptions {
  readonly service: Service;
  readonly license: LicenseFilter;
  /** With the path's beginning: "https://api.openverse.org/v1/". */
  readonly base?: string | undefined;
}

const BASE = "https://api.openverse.org/v1/";
/** What a visitor without an account may ask for: pages of 20, 240 photos deep. */
const PAGE_SIZE = 20;
const MOST_PAGES = 12;
/** Longer questions are cut silently. */
const MOST_QUERY = 200;

const LICENSE_TYPES: Readonly<Record<LicenseFilter, Readonly<Record<string, string>>>> = {
  any: {},
  cc: { license_type: "all-cc" },
  commercial: { license_type: "commercial" },
  "public-domain": { license: "cc0,pdm" },
};

/** Each reaches photos that the plain question has too deep. */
const VARIATIONS: readonly Readonly<Record<string, string>>[] = [
  {},
  { aspect_ratio: "square" },
  { aspect_ratio: "tall" },
  { aspect_ratio: "wide" },
  { size: "large" },
  { size: "medium" },
];

export class Openverse implements Source {
  readonly name = "openverse";
  readonly #service: Service;
  readonly #base: string;
  readonly #filter: Readonly<Record<string, string>>;

  constructor({ service, license, base = BASE }: OpenverseOptions) {
    this.#service = service;
    this.#base = base;
    this.#filter = LICENSE_TYPES[license];
  }

  queries(label: string, { phrases }: ClassWords): readonly Query[] {
    return VARIATIONS.flatMap((variation) =>
      phrases.map((text) => {
        const plain = { label, text, filters: this.#filter };
        if (Object.keys(variation).length === 0) return plain;
        return { ...plain, filters: { ...this.#filter, ...variation }, within: queryName(plain) };
      }),
    );
  }

  async search({ text, filters = {} }: Query, cursor: string | undefined, signal: AbortSignal): Promise<Page> {
    const page = Number(cursor ?? 1);
    const url = new URL("images/", this.#base);
    const q = [...text].slice(0, MOST_QUERY).join("");
    const parameters = { q, page: String(page), page_size: String(PAGE_SIZE), category: "photograph", ...filters };
    url.search = new URLSearchParams({ ...parameters, filter_dead: "true", mature: "false" }).toString();
    const answer = await this.#service.get(url, { accept: "application/json" }, signal);
    // Pages beyond the depth are refused with 400 or 401, by what the account may do.
    if (page > 1 && (answer.status === 400 || answer.status === 401 || answer.status === 404)) return { items: [] };
    const body = jsonObject(answer.text);
    if (answer.status !== 200) {
      const detail = plainText(body?.detail);
      throw new SourceStopped(`status ${answer.status}${detail === undefined ? "" : ` (${detail})`}`);
    }
    if (body === undefined || !Array.isArray(body.results)) {
      throw new SourceStopped("an answer that is not the one of its documentation");
    }
    const items = body.results.flatMap(photoOf);
    const pages = typeof body.page_count === "number" ? body.page_count : MOST_PAGES;
    const more = page < Math.min(pages, MOST_PAGES) && body.results.length > 0;
    const next = more ? String(page + 1) : undefined;
    return { items, next, complete: page >= pages && page < MOST_PAGES, quota: quotaOf(answer.headers) };
  }
}

function photoOf(value: unknown): FoundPhoto[] {
  const result = asObject(value);
  const url = webUrl(result?.url);
  if (result === undefined || url === undefined) return [];
  const version = typeof result.license_version === "string" ? result.license_version : "";
  const license =
    typeof result.license === "string" ? licenseOf(result.license, version, webUrl(result.license_url)) : undefined;
  return [
    present({
      url,
      page_url: webUrl(result.foreign_landing_url),
      title: plainText(result.title),
      creator: plainText(result.creator),
      license: license?.name,
      license_url: license?.url,
      attribution: plainText(result.attribution),
    }) as FoundPhoto,
  ];
}

/** `X-RateLimit-Limit-anon_burst: 20/min` and `X-RateLimit-Available-anon_burst: 19`; limits change, so they are read. */
function quotaOf(headers: Headers): Quota[] {
  return Object.keys(headers).flatMap((header) => {
    const name = /^x-ratelimit-available-(.+)$/.exec(header)?.[1];
    const left = Number(firstValue(headers, header));
    if (name === undefined || !Number.isFinite(left)) return [];
    return [{ name, limit: firstValue(headers, `x-ratelimit-limit-${name}`) ?? "", left }];
  });
}
