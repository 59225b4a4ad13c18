// Search services and photo hosts on this machine, in the services' exact shapes, that misbehave by the address they are asked for.

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { crc32, deflateSync, gzipSync } from "node:zlib";
import sharp from "sharp";

/** What a search has for a question: paths of photos on this server, best first. */
export type Catalog = (service: "openverse" | "wikimedia" | "duckduckgo", query: string) => readonly string[];

export interface FakeInternet {
  readonly origin: string;
  /** For the program in a child process, and for `openNetwork`. */
  readonly env: Readonly<Record<string, string>>;
  /** Paths and queries that were asked for, in order. */
  readonly requests: string[];
  /** Answers before anything else does, where it returns true. */
  intercept: ((request: IncomingMessage, response: ServerResponse, url: URL) => boolean) | undefined;
  /** Milliseconds until a photo's answer begins. */
  latencyMs: number;
  photo(path: string): string;
  close(): Promise<void>;
}

const known = new Map<string, Promise<Buffer>>();

function once(name: string, make: () => Promise<Buffer>): Promise<Buffer> {
  const bytes = known.get(name) ?? make();
  known.set(name, bytes);
  return bytes;
}

/** A JPEG of 160 x 144 pixels that looks like no other number's: smooth random colours. */
export function photoBytes(id: number): Promise<Buffer> {
  return once(`photo/${id}`, () => drawn(id).jpeg({ quality: 80 }).toBuffer());
}

/** The same picture in another size and quality. */
const recodedBytes = (id: number) =>
  once(`recoded/${id}`, () => drawn(id).resize(320, 288).jpeg({ quality: 60 }).toBuffer());

const smallBytes = (id: number) => once(`small/${id}`, () => drawn(id).resize(60, 54).jpeg().toBuffer());

/** Makes what the paths' answers take time for, so that a busy machine is not slower than a program's patience. */
export async function prepare(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const [kind = "", name = "0"] = path.split("/");
    const id = Number.parseInt(name, 10);
    await photoBytes(TAKEN.has(kind) || kind === "moved" ? id : id % COMMON);
    if (kind === "recoded") await recodedBytes(id);
    else if (kind === "small") await smallBytes(id % COMMON);
    else if (kind === "bomb") bombOf(await photoBytes(id % COMMON));
    else if (kind === "pixels") pixelBomb();
  }
}

export function drawn(id: number): sharp.Sharp {
  let state = (Math.imul(id + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0;
  const data = Uint8Array.from({ length: 9 * 8 * 3 }, () => {
    // xorshift32 (Marsaglia 2003)
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 24;
  });
  return sharp(data, { raw: { width: 9, height: 8, channels: 3 } }).resize(160, 144, { fit: "fill", kernel: "cubic" });
}

export async function fakeInternet(catalog: Catalog = () => []): Promise<FakeInternet> {
  const requests: string[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
    requests.push(url.pathname + url.search);
    if (internet.intercept?.(request, response, url)) return;
    if (url.pathname.startsWith("/photo/")) {
      const answer = () => void servePhoto(url.pathname, response);
      if (internet.latencyMs > 0) setTimeout(answer, internet.latencyMs);
      else answer();
      return;
    }
    if (url.pathname === "/openverse/v1/images/") openverse(url, response);
    else if (url.pathname === "/wikimedia/api.php") wikimedia(url, response);
    else if (url.pathname === "/duckduckgo/") {
      response.writeHead(200, { "content-type": "text/html", "set-cookie": ["a=1; path=/", "b=2; path=/"] });
      response.end(`<html><script>vqd="4-123456789";</script>${url.searchParams.get("q")}</html>`);
    } else if (url.pathname === "/duckduckgo/i.js") duckduckgo(url, request, response);
    else response.writeHead(404).end();
  };
  // A host each, since the program treats hosts one by one.
  const servers = await Promise.all([0, 1, 2, 3].map(() => listen(answer)));
  const [origin, ...services] = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const internet: FakeInternet = {
    origin: origin!,
    env: {
      BALLSIGHT_ALLOW_LOOPBACK: "1",
      BALLSIGHT_OPENVERSE_URL: `${services[0]}/openverse/v1/`,
      BALLSIGHT_WIKIMEDIA_URL: `${services[1]}/wikimedia/api.php`,
      BALLSIGHT_DUCKDUCKGO_URL: `${services[2]}/duckduckgo/`,
    },
    requests,
    intercept: undefined,
    latencyMs: 0,
    photo: (path) => `${origin}/photo/${path}`,
    close: async () => {
      for (const server of servers) server.closeAllConnections();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
  const json = (response: ServerResponse, body: object, headers: Record<string, string> = {}) =>
    response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));

  function openverse(url: URL, response: ServerResponse): void {
    const { searchParams } = url;
    const size = Number(searchParams.get("page_size") ?? 20);
    const page = Number(searchParams.get("page") ?? 1);
    const question = ["license", "license_type", "aspect_ratio", "size"].flatMap((name) => {
      const value = searchParams.get(name);
      return value === null ? [] : [`${name}:${value}`];
    });
    const all = catalog("openverse", [searchParams.get("q"), ...question].join(" "));
    const results = all.slice((page - 1) * size, page * size).map((path, i) => ({
      id: `00000000-0000-0000-0000-${String(i).padStart(12, "0")}`,
      indexed_on: "2020-01-01T00:00:00Z",
      title: `<b>Photo</b> ${path}`,
      foreign_landing_url: `https://www.flickr.com/photos/somebody/${i}`,
      url: internet.photo(path),
      creator: "Some &amp; Body",
      creator_url: "https://www.flickr.com/people/somebody",
      license: "by-sa",
      license_version: "2.0",
      license_url: "https://creativecommons.org/licenses/by-sa/2.0/",
      provider: "flickr",
      source: "flickr",
      category: null,
      filesize: null,
      filetype: null,
      tags: [{ name: "ball", accuracy: null }],
      attribution: `"${path}" by Some & Body is licensed under CC BY-SA 2.0.`,
      fields_matched: ["title"],
      mature: false,
      height: 144,
      width: 160,
      thumbnail: `${origin}/thumb`,
      detail_url: `${origin}/detail`,
      related_url: `${origin}/related`,
    }));
    json(
      response,
      { result_count: all.length, page_count: Math.ceil(all.length / size), page_size: size, page, results },
      {
        "x-ratelimit-limit-anon_burst": "20/min",
        "x-ratelimit-available-anon_burst": "19",
        "x-ratelimit-limit-anon_sustained": "200/day",
        "x-ratelimit-available-anon_sustained": String(200 - requests.length),
      },
    );
  }

  function wikimedia({ searchParams }: URL, response: ServerResponse): void {
    const limit = Number(searchParams.get("gsrlimit") ?? 10);
    const offset = Number(searchParams.get("gsroffset") ?? 0);
    const all = catalog("wikimedia", (searchParams.get("gsrsearch") ?? "").replace(/ filetype:bitmap$/, ""));
    const here = all.slice(offset, offset + limit);
    if (here.length === 0) return void json(response, { batchcomplete: true });
    const extmetadata = {
      License: { value: "cc-by-sa-4.0", source: "commons-templates", hidden: "" },
      LicenseShortName: { value: "CC BY-SA 4.0", source: "commons-desc-page", hidden: "" },
      LicenseUrl: { value: "https://creativecommons.org/licenses/by-sa/4.0", source: "commons-desc-page" },
      Artist: {
        value: '<a href="//commons.wikimedia.org/wiki/User:X" title="User:X">X &quot;Y&quot;</a>',
        source: "commons",
      },
      AttributionRequired: { value: "true", source: "commons-desc-page", hidden: "" },
    };
    // In arbitrary order, as the service has it.
    const pages = here
      .map((path, i) => ({
        pageid: 1000 + offset + i,
        ns: 6,
        title: `File:${path}`,
        index: offset + i + 1,
        imagerepository: "local",
        imageinfo: [
          {
            size: 12345,
            width: 4000,
            height: 3600,
            thumburl: internet.photo(path),
            thumbwidth: 960,
            thumbheight: 864,
            url: `${internet.photo(path)}?original`,
            descriptionurl: `https://commons.wikimedia.org/wiki/File:${offset + i}`,
            mime: "image/jpeg",
            extmetadata,
          },
        ],
      }))
      .sort((a, b) => ((a.pageid * 7919) % 101) - ((b.pageid * 7919) % 101));
    const next = offset + limit;
    const more = next < all.length;
    json(response, {
      ...(more ? { continue: { gsroffset: next, continue: "gsroffset||" } } : { batchcomplete: true }),
      query: { pages },
    });
  }

  function duckduckgo({ searchParams }: URL, { headers }: IncomingMessage, response: ServerResponse): void {
    const asThePage =
      headers.cookie === "a=1; b=2" &&
      headers["sec-gpc"] === "1" &&
      headers.priority === "u=4" &&
      headers["sec-fetch-site"] === "same-origin" &&
      headers.referer !== undefined &&
      searchParams.get("ct") === "EN";
    if (searchParams.get("vqd") !== "4-123456789" || !asThePage) return void response.writeHead(403).end();
    const offset = Number(searchParams.get("s") ?? 0);
    const q = searchParams.get("q") ?? "";
    const all = catalog("duckduckgo", `${q} ${searchParams.get("f")}`);
    const results = all.slice(offset, offset + 100).map((path) => ({
      title: `Photo ${path}`,
      image: internet.photo(path),
      thumbnail: "https://tse1.mm.bing.net/th?id=1",
      url: "https://shop.example.org/ball",
      width: 160,
      height: 144,
      source: "Bing",
      image_token: "a",
      thumbnail_token: "b",
    }));
    const next =
      offset + 100 < all.length
        ? { next: `i.js?q=${encodeURIComponent(q)}&o=json&p=1&s=${offset + 100}&u=bing&f=,,,&l=us-en` }
        : {};
    json(response, {
      ads: null,
      ...next,
      query: q,
      queryEncoded: encodeURIComponent(q),
      response_type: "images",
      results,
    });
  }

  return internet;
}

async function listen(answer: RequestListener): Promise<Server> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** How many pictures do for those that are not taken. */
const COMMON = 50;
const TAKEN: ReadonlySet<string> = new Set(["ok", "gzip", "mirrored", "turned", "broken-off"]);

/** `/photo/<kind>/<id>.jpg` */
async function servePhoto(path: string, response: ServerResponse): Promise<void> {
  const [, , kind = "", name = "0"] = path.split("/");
  const id = Number.parseInt(name, 10);
  // Drawing takes longer than all else: those that nobody takes need not be others.
  const bytes = await photoBytes(TAKEN.has(kind) ? id : id % COMMON);
  const jpeg = { "content-type": "image/jpeg" };
  switch (kind) {
    case "ok":
      return void response.writeHead(200, { ...jpeg, "content-length": bytes.length }).end(bytes);
    case "gone":
      return void response.writeHead(404, { "content-type": "text/html" }).end("<html>gone</html>");
    case "private":
      return void response.writeHead(403).end();
    case "page":
      return void response
        .writeHead(200, jpeg)
        .end(`<!DOCTYPE html><html>${"This photo is gone. ".repeat(1000)}</html>`);
    case "truncated":
      return void response.writeHead(200, jpeg).end(bytes.subarray(0, bytes.length >> 1));
    case "reset":
      return void response.destroy();
    case "broken-off":
      response.writeHead(200, { ...jpeg, "content-length": bytes.length });
      return void response.write(bytes.subarray(0, 500), () => response.destroy());
    case "error":
      return void response.writeHead(500).end("fault");
    case "limited":
      return void response.writeHead(429, { "retry-after": "0" }).end();
    case "silent":
      return; // never answers
    case "slow":
      // Stops in the middle and holds the line.
      response.writeHead(200, jpeg);
      return void response.write(bytes.subarray(0, 500));
    case "endless": {
      response.writeHead(200, jpeg);
      response.write(bytes);
      const filler = Buffer.alloc(65_536, 1);
      const more = () => {
        while (!response.destroyed && response.write(filler));
        if (!response.destroyed) response.once("drain", more);
      };
      return void more();
    }
    case "bomb":
      return void response.writeHead(200, { ...jpeg, "content-encoding": "gzip" }).end(bombOf(bytes));
    case "gzip":
      return void response.writeHead(200, { ...jpeg, "content-encoding": "gzip" }).end(gzipSync(bytes));
    case "small":
      return void response.writeHead(200, jpeg).end(await smallBytes(id % COMMON));
    case "recoded":
      return void response.writeHead(200, jpeg).end(await recodedBytes(id));
    case "mirrored":
      return void response.writeHead(200, jpeg).end(await sharp(bytes).flop().png().toBuffer());
    case "turned":
      return void response.writeHead(200, jpeg).end(await sharp(bytes).rotate(90).jpeg({ quality: 90 }).toBuffer());
    case "optout":
      return void response.writeHead(200, { ...jpeg, "x-robots-tag": "noai, noimageai" }).end(bytes);
    case "pixels":
      return void response.writeHead(200, { "content-type": "image/png" }).end(pixelBomb());
    case "longer":
      // Than its header says: what comes is half of it.
      response.writeHead(200, { ...jpeg, "content-length": bytes.length >> 1, connection: "close" }).flushHeaders();
      return void response.socket?.end(bytes);
    case "shorter":
      // The rest never comes.
      response.writeHead(200, { ...jpeg, "content-length": bytes.length + 1000, connection: "close" });
      return void response.write(bytes, () => response.destroy());
    case "loop":
      return void response.writeHead(302, { location: path }).end();
    case "moved":
      return void response.writeHead(301, { location: `/photo/ok/${name}` }).end();
    case "inward":
      return void response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end();
    default:
      return void response.writeHead(404).end();
  }
}

let bomb: Buffer | undefined;

/** A JPEG's beginning and then 200 MB of zeros, in 200 kB. */
function bombOf(bytes: Buffer): Buffer {
  bomb ??= gzipSync(Buffer.concat([bytes, Buffer.alloc(200_000_000)]));
  return bomb;
}

/** A PNG of one bit per pixel. */
export function png(width: number, height: number): Buffer {
  const chunk = (type: string, content: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), content]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(content.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const data = deflateSync(Buffer.alloc((width / 8 + 1) * height), { level: 9 });
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

let pixels: Buffer | undefined;

/** 200 megapixels in some kilobytes. */
export function pixelBomb(): Buffer {
  pixels ??= png(20_000, 10_000);
  return pixels;
}
