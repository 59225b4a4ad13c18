// Openverse (https://openverse.org): openly licensed photos of Flickr, Wikimedia, museums; an official interface.

import { fail } from "@ballsight/vision";
import type { Headers } from "../download/optOut.ts";
import { type LicenseFilter, licenseOf } from "../licenses.ts";
import { type FoundPhoto, present } from "../photo.ts";
import { asObject, firstValue, jsonObject, plainText, type Service, type ServiceAnswer, webUrl } from "./service.ts";
import { type ClassWords, type Page, type Query, type Quota, queryName, type Source, SourceStopped } from "./source.ts";

export interface OpenverseOptions {
  readonly service: Service;
  readonly license: LicenseFilter;
  readonly account?: OpenverseAccount | undefined;
  /** With the path's beginning: "https://api.openverse.org/v1/". */
  readonly base?: string | undefined;
}

/** As `POST /v1/auth_tokens/register/` hands them out. */
export interface OpenverseAccount {
  readonly id: string;
  readonly secret: string;
}

/**
 * From BALLSIGHT_OPENVERSE_CLIENT_ID and BALLSIGHT_OPENVERSE_CLIENT_SECRET; undefined where neither is set.
 * @throws BAD_OPTION where only one is
 */
export function openverseAccount(env: NodeJS.ProcessEnv): OpenverseAccount | undefined {
  const names = ["BALLSIGHT_OPENVERSE_CLIENT_ID", "BALLSIGHT_OPENVERSE_CLIENT_SECRET"] as const;
  const [id = "", secret = ""] = names.map((name) => env[name]?.trim());
  if (id === "" && secret === "") return undefined;
  if (id !== "" && secret !== "") return { id, secret };
  const [option, other] = id === "" ? names : ([names[1], names[0]] as const);
  return fail("BAD_OPTION", { option, expected: `a value, as ${other} has one,`, received: "nothing" });
}

const BASE = "https://api.openverse.org/v1/";
/** What a visitor without an account may ask for at a time. */
const PAGE_SIZE = 20;
/** With one it is 50; this divides the depth. */
const ACCOUNT_PAGE_SIZE = 48;
/** So many photos of a question are given to anybody. */
const DEPTH = 240;
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

/** Licences of a question that allow what the filter asks for: they do not overlap, and each has a depth of its own. */
const LICENSES: Readonly<Record<LicenseFilter, readonly string[]>> = {
  any: ["by", "by-sa", "by-nc,by-nc-sa", "by-nd,by-nc-nd", "cc0,pdm"],
  cc: ["by", "by-sa", "by-nc,by-nc-sa", "by-nd,by-nc-nd", "cc0,pdm"],
  commercial: ["by", "by-sa", "by-nd", "cc0,pdm"],
  "public-domain": ["cc0", "pdm"],
};

export class Openverse implements Source {
  readonly name = "openverse";
  readonly #service: Service;
  readonly #base: string;
  readonly #account: OpenverseAccount | undefined;
  /** By the plain question's. */
  readonly #filters: readonly Readonly<Record<string, string>>[];
  #token: string | undefined;

  constructor({ service, license, account, base = BASE }: OpenverseOptions) {
    this.#service = service;
    this.#base = base;
    this.#account = account;
    const plain = LICENSE_TYPES[license];
    this.#filters = [
      ...VARIATIONS.map((variation) => ({ ...plain, ...variation })),
      // In the place of the licences' type, which it is one of.
      ...LICENSES[license].map((names) => ({ license: names })),
    ];
  }

  queries(label: string, { phrases }: ClassWords): readonly Query[] {
    const [first, ...others] = this.#filters;
    const plain = phrases.map((text): Query => ({ label, text, filters: first! }));
    const varied = others.flatMap((filters) => plain.map((query) => ({ ...query, filters, within: queryName(query) })));
    return [...plain, ...varied];
  }

  async search({ text, filters = {} }: Query, cursor: string | undefined, signal: AbortSignal): Promise<Page> {
    const size = this.#account === undefined ? PAGE_SIZE : ACCOUNT_PAGE_SIZE;
    const page = pageAt(cursor, size);
    const url = new URL("images/", this.#base);
    const q = [...text].slice(0, MOST_QUERY).join("");
    const parameters = { q, page: String(page), page_size: String(size), category: "photograph", ...filters };
    url.search = new URLSearchParams({ ...parameters, filter_dead: "true", mature: "false" }).toString();
    const answer = await this.#get(url, signal);
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
    const most = DEPTH / size;
    const pages = typeof body.page_count === "number" ? body.page_count : most;
    const more = page < Math.min(pages, most) && body.results.length > 0;
    const next = more ? cursorOf(page + 1, size) : undefined;
    return { items, next, complete: page >= pages && page < most, quota: quotaOf(answer.headers) };
  }

  async #get(url: URL, signal: AbortSignal): Promise<ServiceAnswer> {
    const headers = { accept: "application/json" };
    if (this.#account === undefined) return await this.#service.get(url, headers, signal);
    const isFresh = this.#token === undefined;
    this.#token ??= await this.#askToken(this.#account, signal);
    const answer = await this.#service.get(url, { ...headers, authorization: `Bearer ${this.#token}` }, signal);
    if (answer.status !== 401 || isFresh) return answer;
    // Tokens hold for some hours.
    this.#token = await this.#askToken(this.#account, signal);
    return await this.#service.get(url, { ...headers, authorization: `Bearer ${this.#token}` }, signal);
  }

  async #askToken({ id, secret }: OpenverseAccount, signal: AbortSignal): Promise<string> {
    const form = { grant_type: "client_credentials", client_id: id, client_secret: secret };
    const { status, text } = await this.#service.post(new URL("auth_tokens/token/", this.#base), form, signal);
    const body = jsonObject(text);
    const token = body?.access_token;
    // It becomes a header.
    if (status === 200 && typeof token === "string" && /^[!-~]+$/.test(token)) return token;
    const reason = plainText(body?.error) ?? plainText(body?.detail);
    const words = `status ${status}${reason === undefined ? "" : `, ${reason}`}`;
    throw new SourceStopped(`no token for this account (${words}; see BALLSIGHT_OPENVERSE_CLIENT_ID)`);
  }
}

/** "3": the third page of 20; "3/48": of 48. With an account or without, the place is the same. */
const cursorOf = (page: number, size: number): string => (size === PAGE_SIZE ? String(page) : `${page}/${size}`);

function pageAt(cursor: string | undefined, size: number): number {
  const [page, before] = (cursor ?? "1").split("/");
  return Math.floor(((Number(page) - 1) * Number(before ?? PAGE_SIZE)) / size) + 1;
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
