// One photo from a host that misbehaves in every way there is: what the ledger would say of it, and that nothing is left behind.

import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { crc32, deflateSync, gzipSync } from "node:zlib";
import type { AddressRules } from "@ballsight/server/addresses";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Client, type ClientOptions } from "../../src/collect/download/client.ts";
import { type DownloadSettings, download } from "../../src/collect/download/download.ts";
import { HostGate } from "../../src/collect/download/politeness.ts";
import { Robots } from "../../src/collect/download/robots.ts";
import { type FakeInternet, fakeInternet, photoBytes } from "../helpers/fakeInternet.ts";

let internet: FakeInternet;
let folder: string;
let client: Client;

beforeAll(async () => {
  internet = await fakeInternet();
});
afterAll(() => internet.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ballsight-download-"));
});
afterEach(async () => {
  internet.intercept = undefined;
  internet.requests.length = 0;
  await client?.close();
  await rm(folder, { recursive: true, force: true });
});

const never = new AbortController().signal;
const gate = () => new HostGate({ parallel: 8, limits: () => ({ parallel: 4, gapMs: 0 }), random: () => 0.01 });

async function get(url: string, settings: Partial<DownloadSettings> = {}, rules: Partial<ClientOptions> = {}) {
  client = new Client({ allowLoopback: true, userAgent: "ballsight/test (https://example.org)", ...rules });
  const all = { client, politeness: gate(), folder, minSide: 128, attempts: 1, ...settings };
  return await download({ url, source: "urls" }, all, never);
}

const photo = (path: string, settings?: Partial<DownloadSettings>, rules?: Partial<ClientOptions>) =>
  get(internet.photo(path), settings, rules);

/** Serves these bytes as a photo, with these headers. */
function serve(body: Uint8Array | string, headers: Record<string, string> = {}, status = 200): string {
  internet.intercept = (_, response) => {
    response.writeHead(status, headers).end(body);
    return true;
  };
  return internet.photo("any/1.jpg");
}

test("a photo: whole, named by its content, measured", async () => {
  const bytes = await photoBytes(1);
  const outcome = await photo("ok/1.jpg");
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  expect(outcome).toMatchObject({ status: "ok", sha256, extension: ".jpg", width: 160, height: 144 });
  if (outcome.status !== "ok") return;
  expect(outcome.look.hashes).toHaveLength(8);
  expect(Buffer.compare(await readFile(outcome.temporary), bytes)).toBe(0);
  expect(await readdir(folder)).toHaveLength(1);
});

test("says who it is, and takes no compression that it need not", async () => {
  let headers: Record<string, unknown> = {};
  internet.intercept = (request) => {
    headers = request.headers;
    return false;
  };
  await photo("ok/1.jpg");
  expect(headers).toMatchObject({
    "user-agent": "ballsight/test (https://example.org)",
    "accept-encoding": "identity",
    accept: "image/*,*/*;q=0.8",
  });
  expect(headers).not.toHaveProperty("referer");
  expect(headers).not.toHaveProperty("cookie");
});

describe("comes to nothing", () => {
  afterEach(async () => expect(await readdir(folder)).toEqual([]));

  test.each([
    ["gone", "dead", "status 404"],
    ["private", "dead", "status 403"],
    ["page", "not-image", "a web page (HTML)"],
    ["truncated", "decode-error", /premature|truncated|invalid/i],
    ["reset", "network-error", /UND_ERR_SOCKET|ECONNRESET/],
    ["broken-off", "network-error", /UND_ERR|ECONNRESET|aborted|terminated/],
    ["error", "server-error", "status 500"],
    ["limited", "rate-limited", "status 429"],
    ["small", "too-small", "60 x 54 pixels"],
    ["optout", "blocked-optout", "X-Robots-Tag: noai, noimageai"],
    ["loop", "dead", "more than 5 redirects"],
    ["inward", "blocked-address", "address 169.254.169.254 is not public"],
  ] as const)("%s", async (kind, status, reason) => {
    expect(await photo(`${kind}/1.jpg`)).toEqual({
      status,
      reason: typeof reason === "string" ? reason : expect.stringMatching(reason),
    });
  });

  test("a body without end, at the limit", async () => {
    expect(await photo("endless/1.jpg", { maxBytes: 1_000_000 })).toEqual({
      status: "too-large",
      reason: "more than 1000000 bytes",
    });
  });

  test("a gzip bomb, at the limit of what comes out", async () => {
    client = new Client({ allowLoopback: true, userAgent: "ballsight/test" });
    const { get } = client;
    let size = 0;
    // What comes out, counted on the way to whoever reads it.
    client.get = async (...args) => {
      const answer = await get.apply(client, args);
      const counted = async function* () {
        for await (const chunk of answer.body) {
          size += chunk.length;
          yield chunk;
        }
      };
      return { ...answer, body: counted() };
    };
    const settings = { client, politeness: gate(), folder, minSide: 128, maxBytes: 5_000_000 };
    const outcome = await download({ url: internet.photo("bomb/1.jpg"), source: "urls" }, settings, never);
    expect(outcome).toMatchObject({ status: "too-large" });
    expect(size).toBeGreaterThan(5_000_000);
    expect(size).toBeLessThan(5_200_000);
  });

  test("a bomb of pixels", async () => {
    expect(await get(serve(pixelBomb()))).toMatchObject({ status: "too-large", reason: "20000 x 10000 pixels" });
  });

  test("a strip that no crop fits", async () => {
    expect(await get(serve(png(40_000, 130)))).toMatchObject({ status: "too-narrow" });
  });

  test.each([
    ["nothing", "", "not-image", "0 bytes"],
    ["a page in small", "<!doctype html><p>gone", "not-image", "a web page (HTML)"],
    ["a text", "404 not found", "not-image", "a text file"],
    ["a drawing", '<svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported", "an SVG drawing"],
    ["a document", "%PDF-1.7", "unsupported", "a PDF document"],
    ["a bitmap", "BM\0\0\0\0", "unsupported", "a BMP picture"],
    ["a JPEG's first bytes", "\xff\xd8\xff\xe0", "not-image", expect.anything()],
  ])("%s, whatever the header says", async (_, body, status, reason) => {
    const outcome = await get(serve(body, { "content-type": "image/jpeg" }));
    expect(outcome).toEqual({ status, reason });
  });

  test("a photo whose header says that it is longer", async () => {
    internet.intercept = (_, response) => {
      response.writeHead(200, { "content-length": "999999" });
      void photoBytes(1).then((bytes) => response.write(bytes, () => response.destroy()));
      return true;
    };
    expect(await photo("any/1.jpg")).toMatchObject({ status: "network-error" });
  });

  test("a photo whose header says that it is shorter", async () => {
    const bytes = await photoBytes(1);
    const url = await rawServer(Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"), bytes]));
    expect(await get(url)).toMatchObject({ status: "decode-error" });
  });

  test.each([
    ["no HTTP at all", "hello\r\n\r\n"],
    ["headers without end", `HTTP/1.1 200 OK\r\nx: ${"a".repeat(100_000)}`],
  ])("%s", async (_, answer) => {
    expect(await get(await rawServer(Buffer.from(answer)))).toMatchObject({ status: "network-error" });
  });

  test("encodings that are not known, and bombs in two layers", async () => {
    const bytes = await photoBytes(1);
    expect(await get(serve(bytes, { "content-encoding": "zstd" }))).toMatchObject({ status: "unsupported" });
    expect(await get(serve(gzipSync(gzipSync(bytes)), { "content-encoding": "gzip, gzip" }))).toMatchObject({
      status: "unsupported",
    });
    for (const coding of ["gzip", "br", "deflate"]) {
      expect(await get(serve(bytes, { "content-encoding": coding }))).toMatchObject({ status: "decode-error" });
    }
  });

  test("an answer that does not come, and one that stops half-way", async () => {
    for (const kind of ["silent", "slow"]) {
      expect(await photo(`${kind}/1.jpg`, { deadlineMs: 300 })).toEqual({
        status: "timeout",
        reason: "not there in time",
      });
      await client.close();
      expect(await photo(`${kind}/1.jpg`, {}, { idleMs: 1000 })).toMatchObject({
        status: "timeout",
        reason: expect.stringMatching(/^UND_ERR_(HEADERS|BODY)_TIMEOUT$/),
      });
    }
  }, 60_000);

  test("a body that drips, at the deadline", async () => {
    internet.intercept = (_, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(Buffer.from([0xff, 0xd8, 0xff])), 20);
      response.on("close", () => clearInterval(drip));
      return true;
    };
    expect(await photo("any/1.jpg", { deadlineMs: 500 })).toMatchObject({ status: "timeout" });
  });

  test("nobody there, and no host of that name", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect(await get(`http://127.0.0.1:${port}/`)).toEqual({ status: "network-error", reason: "ECONNREFUSED" });
    await client.close();
    const resolve: AddressRules["resolve"] = (_host, _options, callback) =>
      callback(Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" }), []);
    expect(await get("http://no.example.org/", {}, { resolve })).toEqual({
      status: "unknown-host",
      reason: "no host of that name",
    });
  });

  test("a name that resolves to an address of this network, at once and behind a redirect", async () => {
    const resolve: AddressRules["resolve"] = (_host, _options, callback) =>
      callback(null, [{ address: "10.0.0.7", family: 4 }]);
    const blocked = {
      status: "blocked-address",
      reason: "photos.example.org resolves to 10.0.0.7, which is not public",
    };
    expect(await get("http://photos.example.org/a.jpg", {}, { resolve })).toEqual(blocked);
    await client.close();
    const url = serve("", { location: "http://photos.example.org/a.jpg" }, 302);
    expect(await get(url, {}, { resolve })).toEqual(blocked);
  });

  test("a name that means this machine, without the tests' switch", async () => {
    const resolve: AddressRules["resolve"] = (_host, _options, callback) =>
      callback(null, [{ address: "127.0.0.1", family: 4 }]);
    const rules = { allowLoopback: false, resolve };
    expect(await get("http://photos.example.org/ok/1.jpg", {}, rules)).toMatchObject({ status: "blocked-address" });
    await client.close();
    for (const host of ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "localhost"]) {
      expect(await get(`http://${host}/a.jpg`, {}, { allowLoopback: false })).toMatchObject({
        status: "blocked-address",
      });
      await client.close();
    }
    expect(internet.requests).toEqual([]);
  });

  test.each(["ftp://example.org/a.jpg", "file:///etc/passwd", "javascript:alert(1)"])(
    "a redirect to %s",
    async (location) => {
      expect(await get(serve("", { location }, 301))).toMatchObject({ status: "blocked-address" });
    },
  );

  test("a redirect to nowhere, no address, and a file of this machine in a list", async () => {
    expect(await get(serve("", {}, 302))).toMatchObject({ status: "dead", reason: "status 302 without an address" });
    expect(await get(serve("", { location: "http://[" }, 302))).toMatchObject({ status: "dead" });
    expect(await get("not an address")).toEqual({ status: "dead", reason: "no address" });
    expect(await get("file:///etc/hostname")).toMatchObject({ status: "blocked-address" });
  });
});

test("redirects are followed, five of them", async () => {
  expect(await photo("moved/1.jpg")).toMatchObject({ status: "ok" });
  await client.close();
  internet.intercept = (_, response, url) => {
    const left = Number(url.searchParams.get("left") ?? 0);
    if (left > 0) response.writeHead(307, { location: `?left=${left - 1}` }).end();
    return left > 0;
  };
  expect(await photo("ok/1.jpg?left=5")).toMatchObject({ status: "ok" });
  await client.close();
  expect(await photo("ok/1.jpg?left=6")).toMatchObject({ status: "dead" });
});

test("gzip that nobody asked for is undone", async () => {
  expect(await photo("gzip/1.jpg")).toMatchObject({ status: "ok" });
});

test("a refusal that passes is asked again, and an answer to it is the answer", async () => {
  for (const [status, expected] of [
    [429, 3],
    [503, 3],
    [500, 3],
    [404, 1],
    [403, 1],
  ] as const) {
    internet.requests.length = 0;
    internet.intercept = (_, response) => {
      response.writeHead(status, { "retry-after": "0" }).end();
      return true;
    };
    await photo("ok/1.jpg", { attempts: 3 });
    expect({ status, asked: internet.requests.length }).toEqual({ status, asked: expected });
    await client.close();
  }
  let refusals = 2;
  internet.intercept = (_, response) => {
    if (refusals-- <= 0) return false;
    response.destroy();
    return true;
  };
  expect(await photo("ok/1.jpg", { attempts: 3 })).toMatchObject({ status: "ok" });
});

test("large bodies are read four at a time, and whoever waits for that loses no time of its own", async () => {
  const large = Buffer.concat([await photoBytes(1), Buffer.alloc(3_000_000)]);
  const held: ServerResponse[] = [];
  internet.intercept = (_, response, url) => {
    response.writeHead(200);
    if (url.pathname.includes("hold")) {
      held.push(response);
      response.write(large.subarray(0, 2_500_000));
    } else response.end(large);
    return true;
  };
  client = new Client({ allowLoopback: true, userAgent: "ballsight/test", idleMs: 60_000 });
  const politeness = new HostGate({ parallel: 8, limits: () => ({ parallel: 8, gapMs: 0 }) });
  const settings = { client, politeness, folder, minSide: 128, attempts: 1 };
  const of = (name: string, deadlineMs: number) =>
    download({ url: internet.photo(name), source: "urls" }, { ...settings, deadlineMs }, never);
  const four = [1, 2, 3, 4].map((id) => of(`hold/${id}.jpg`, 60_000));
  await vi.waitFor(() => expect(held).toHaveLength(4), 30_000);
  await sleep(1000);
  const fifth = of("any/5.jpg", 2000);
  let isDone = false;
  fifth.finally(() => {
    isDone = true;
  });
  await sleep(3000);
  expect(isDone).toBe(false);
  for (const response of held) response.destroy();
  expect(await Promise.all(four)).toMatchObject(four.map(() => ({ status: "network-error" })));
  expect(await fifth).toMatchObject({ status: "ok" });
}, 60_000);

test("a host that sends headers and stalls is left alone before long", async () => {
  client = new Client({ allowLoopback: true, userAgent: "ballsight/test" });
  const politeness = gate();
  const settings = { client, politeness, folder, minSide: 128, deadlineMs: 50, attempts: 1 };
  const statuses: string[] = [];
  for (let i = 0; i < 9; i++) {
    statuses.push((await download({ url: internet.photo(`slow/${i}.jpg`), source: "urls" }, settings, never)).status);
  }
  expect(statuses).toEqual([...Array(8).fill("timeout"), "postponed"]);
});

test("a server's fault that asks to be left out of indexes is a fault, and a page that is gone is gone", async () => {
  for (const [status, expected] of [
    [503, "rate-limited"],
    [500, "server-error"],
    [404, "dead"],
    [200, "blocked-optout"],
    [302, "blocked-optout"],
  ] as const) {
    const url = serve("", { "x-robots-tag": "noindex", "retry-after": "0", location: "/photo/ok/1.jpg" }, status);
    expect(await get(url)).toMatchObject({ status: expected });
    await client.close();
  }
});

test("Retry-After that is longer than a wait is worth ends it at once", async () => {
  const url = serve("", { "retry-after": "3600" }, 429);
  expect(await get(url, { attempts: 3 })).toEqual({
    status: "postponed",
    reason: expect.stringMatching(/is left alone for 3\d{3} s$/),
  });
  expect(internet.requests).toHaveLength(1);
});

test.each([
  [{ "x-robots-tag": "noai" }, true],
  [{ "x-robots-tag": "index, NoImageAI" }, true],
  [{ "x-robots-tag": "noindex" }, true],
  [{ "x-robots-tag": "ballsight: noai" }, true],
  [{ "x-robots-tag": "*: noai" }, true],
  [{ "x-robots-tag": "otherbot: noai" }, false],
  [{ "x-robots-tag": "otherbot: noindex, noai" }, false],
  [{ "x-robots-tag": "otherbot: noindex, ballsight: noai" }, true],
  [{ "x-robots-tag": "unavailable_after: 25 Jun 2027 15:00:00 PST, noai" }, true],
  [{ "x-robots-tag": "nosnippet, max-image-preview: large" }, false],
  [{ "tdm-reservation": "1" }, true],
  [{ "tdm-reservation": "0" }, false],
  [{ "content-signal": "search=yes, ai-train=no" }, true],
  [{ "content-signal": "ai-train=yes" }, false],
] as const)("%j opts out: %s", async (headers, out) => {
  const url = serve(await photoBytes(1), headers);
  expect((await get(url)).status).toBe(out ? "blocked-optout" : "ok");
  await client.close();
  expect((await get(url, { ignoreOptOut: true })).status).toBe("ok");
});

test("robots.txt, where it is asked for", async () => {
  const rules: Record<string, [number, string]> = {
    allowed: [200, "User-agent: *\nDisallow: /private/\n"],
    forbidden: [200, "User-agent: ballsight\nDisallow: /photo/\n\nUser-agent: *\nAllow: /\n"],
    absent: [404, ""],
    broken: [500, ""],
  };
  for (const [kind, [status, text]] of Object.entries(rules)) {
    internet.intercept = (_, response, url) => {
      if (url.pathname !== "/robots.txt") return false;
      response.writeHead(status).end(text);
      return true;
    };
    client = new Client({ allowLoopback: true, userAgent: "ballsight/test" });
    const settings = {
      client,
      politeness: gate(),
      robots: new Robots(client, gate()),
      folder,
      minSide: 128,
      attempts: 1,
    };
    internet.requests.length = 0;
    for (const id of [1, 2]) {
      const outcome = await download({ url: internet.photo(`ok/${id}.jpg`), source: "urls" }, settings, never);
      const isOpen = kind === "allowed" || kind === "absent";
      expect({ kind, status: outcome.status }).toEqual({ kind, status: isOpen ? "ok" : "blocked-robots" });
    }
    expect(internet.requests.filter((path) => path === "/robots.txt")).toHaveLength(1);
    await client.close();
  }
});

test("robots.txt: moved, long, out of reach for a moment, asked for by one who leaves", async () => {
  client = new Client({ allowLoopback: true, userAgent: "ballsight/test" });
  let answer: (response: ServerResponse, path: string) => unknown = () => undefined;
  internet.intercept = (_, response, url) => {
    const isRobots = !url.pathname.startsWith("/photo/");
    if (isRobots) answer(response, url.pathname);
    return isRobots;
  };
  let robots = new Robots(client, gate());
  const settings = () => ({ client, politeness: gate(), robots, folder, minSide: 128, attempts: 1 });
  const status = async () =>
    (await download({ url: internet.photo("ok/1.jpg"), source: "urls" }, settings(), never)).status;
  const rules = "User-agent: *\nDisallow: /photo/\n";

  answer = (response) => response.destroy();
  expect(await status()).toBe("network-error");
  answer = (response) => response.writeHead(200).end();
  expect(await status()).toBe("ok");

  robots = new Robots(client, gate());
  answer = (response, path) =>
    path === "/robots.txt" ? response.writeHead(301, { location: "/moved" }).end() : response.writeHead(200).end(rules);
  expect(await status()).toBe("blocked-robots");

  robots = new Robots(client, gate());
  answer = (response) => response.writeHead(200).end(`${rules}${"# and so on\n".repeat(60_000)}`);
  expect(await status()).toBe("blocked-robots");

  robots = new Robots(client, gate());
  let asked: ServerResponse | undefined;
  answer = (response) => {
    asked = response;
  };
  const url = new URL(internet.photo("ok/1.jpg"));
  const controller = new AbortController();
  const leaves = robots.allows(url, controller.signal);
  const stays = robots.allows(url, never);
  controller.abort(new Error("not needed any more"));
  await expect(leaves).rejects.toThrow("not needed any more");
  await vi.waitFor(() => expect(asked).toBeDefined(), 30_000);
  asked?.writeHead(200).end("");
  expect(await stays).toBe(true);
});

test("a stop that was asked for is no outcome", async () => {
  client = new Client({ allowLoopback: true, userAgent: "ballsight/test" });
  const controller = new AbortController();
  const settings = { client, politeness: gate(), folder, minSide: 128 };
  const running = download({ url: internet.photo("silent/1.jpg"), source: "urls" }, settings, controller.signal);
  setTimeout(() => controller.abort(new Error("enough")), 50);
  await expect(running).rejects.toThrow("enough");
  expect(await readdir(folder)).toEqual([]);
});

test("a file of this machine, for the folder's source alone", async () => {
  const path = join(folder, "mine.jpg");
  await writeFile(path, await photoBytes(3));
  client = new Client({ userAgent: "ballsight/test" });
  const settings = { client, politeness: gate(), folder, minSide: 128 };
  const of = (url: string) => download({ url, source: "folder" }, settings, never);
  expect(await of(pathToFileURL(path).href)).toMatchObject({ status: "ok", extension: ".jpg" });
  expect(await of(pathToFileURL(join(folder, "none.jpg")).href)).toMatchObject({ status: "dead" });
  await writeFile(path, "no photo");
  expect(await of(pathToFileURL(path).href)).toMatchObject({ status: "not-image" });
});

const rawServers: Server[] = [];
afterEach(() => {
  for (const server of rawServers.splice(0)) server.close();
});

/** Writes these bytes to whoever connects and asks. */
async function rawServer(answer: Uint8Array): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.write(answer, () => setTimeout(() => socket.destroy(), 200)));
  });
  rawServers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/photo.jpg`;
}

/** A PNG of one bit per pixel. */
function png(width: number, height: number): Buffer {
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const pixels = deflateSync(Buffer.alloc((width / 8 + 1) * height), { level: 9 });
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]);
}

const pixelBomb = () => png(20_000, 10_000);
