// Wikimedia Commons (https://commons.wikimedia.org): the best licence data there is; an official interface.

import { setTimeout as sleep } from "node:timers/promises";
import { RESTS } from "../download/politeness.ts";
import { retryAfter } from "../download/retrieve.ts";
import { licenseOf } from "../licenses.ts";
import { type FoundPhoto, present } from "../photo.ts";
import { asArray, asObject, jsonObject, plainText, type Service, webUrl } from "./service.ts";
import { type ClassWords, type Page, type Query, type Source, SourceStopped } from "./source.ts";

export interface WikimediaOptions {
  readonly service: Service;
  /** The whole address of api.php. */
  readonly base?: string | undefined;
}

const BASE = "https://commons.wikimedia.org/w/api.php";
const PAGE_SIZE = 50;
const MOST_PAGES = 20;
/** One of the widths that are kept ready (others are refused): more than any network sees, a twentieth of an original. */
const WIDTH = 960;
const FIELDS = "LicenseShortName|License|LicenseUrl|UsageTerms|Artist|Restrictions|ObjectName";
const PARAMETERS = {
  action: "query",
  format: "json",
  formatversion: "2",
  generator: "search",
  gsrnamespace: "6",
  gsrlimit: String(PAGE_SIZE),
  prop: "imageinfo",
  iiprop: "url|size|mime|extmetadata",
  iiurlwidth: String(WIDTH),
  iiextmetadatafilter: FIELDS,
  // Declines while the databases lag, as its policy asks of programs that can wait.
  maxlag: "5",
};
const LAG_ATTEMPTS = 4;
const LAG_WAIT_MS = 5000;

export class Wikimedia implements Source {
  readonly name = "wikimedia";
  readonly #service: Service;
  readonly #base: string;

  constructor({ service, base = BASE }: WikimediaOptions) {
    this.#service = service;
    this.#base = base;
  }

  /** The phrase as such first, then its words anywhere. Licences are no filter of its search. */
  queries(label: string, { phrases }: ClassWords): readonly Query[] {
    return [
      ...phrases.map((phrase) => ({ label, text: `"${phrase.replaceAll('"', "")}"` })),
      ...phrases.map((text) => ({ label, text })),
    ];
  }

  async search({ text }: Query, cursor: string | undefined, signal: AbortSignal): Promise<Page> {
    const offset = Number(cursor ?? 0);
    const url = new URL(this.#base);
    const gsrsearch = `${text} filetype:bitmap`;
    url.search = new URLSearchParams({ ...PARAMETERS, gsrsearch, gsroffset: String(offset) }).toString();
    const body = await this.#ask(url, signal);
    // No hits: an answer without a query.
    const pages = asArray(asObject(body.query)?.pages);
    const order = (page: unknown) => Number(asObject(page)?.index ?? 0);
    const items = [...pages].sort((a, b) => order(a) - order(b)).flatMap(photoOf);
    const next = Number(asObject(body.continue)?.gsroffset);
    const more = Number.isInteger(next) && next > offset && next < PAGE_SIZE * MOST_PAGES;
    return { items, next: more ? String(next) : undefined };
  }

  async #ask(url: URL, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#service.get(url, { accept: "application/json" }, signal);
      const body = jsonObject(answer.text);
      const error = asObject(body?.error);
      if (error === undefined) {
        if (answer.status === 200 && body !== undefined && ("query" in body || "batchcomplete" in body)) return body;
        if (answer.status !== 200) throw new SourceStopped(`status ${answer.status}`);
        throw new SourceStopped("an answer that is not the one of its documentation");
      }
      const code = plainText(error.code) ?? "error";
      if (code !== "maxlag" && code !== "ratelimited") {
        throw new SourceStopped(`error ${code} (${plainText(error.info) ?? "no reason"})`);
      }
      if (attempt === LAG_ATTEMPTS) throw new SourceStopped(`${code}, ${LAG_ATTEMPTS} times`, LAG_WAIT_MS);
      const wait = retryAfter(answer) ?? LAG_WAIT_MS;
      if (wait > RESTS.mostMs) throw new SourceStopped(code, wait);
      await sleep(wait, undefined, { signal });
    }
  }
}

function photoOf(page: unknown): FoundPhoto[] {
  const info = asObject(asArray(asObject(page)?.imageinfo)[0]);
  if (info === undefined) return [];
  // Smaller originals have no thumbnail of that width: `thumburl` is then the file itself.
  const url = webUrl(info.thumburl) ?? webUrl(info.url);
  if (url === undefined) return [];
  const metadata = asObject(info.extmetadata) ?? {};
  const field = (name: string) => plainText(asObject(metadata[name])?.value);
  const license = licenseIn(field("License"), field("LicenseShortName"), webUrl(field("LicenseUrl")));
  const title = field("ObjectName") ?? plainText(asObject(page)?.title)?.replace(/^File:/, "");
  return [
    present({
      url,
      page_url: webUrl(info.descriptionurl),
      title,
      creator: field("Artist"),
      license: license?.name ?? field("UsageTerms"),
      license_url: license?.url,
      restrictions: field("Restrictions"),
    }) as FoundPhoto,
  ];
}

/** The code first, since it is the same in every language; then what people read. */
function licenseIn(code: string | undefined, name: string | undefined, url: string | undefined) {
  const byCode = licenseOf(code ?? "", "", url);
  return byCode !== undefined && byCode.allows.size > 1 ? byCode : licenseOf(name ?? code ?? "", "", url);
}
