// Malformed requests, made by hand and by a seed, as the bytes that go over the wire.

import { Generator } from "@ballsight/vision";
import { dataUrl, plain } from "./toyServer.ts";

export interface Hostile {
  readonly name: string;
  /** A whole request. */
  readonly bytes: Buffer;
}

const JSON_TYPE = "application/json";

function http(method: string, path: string, headers: Record<string, string>, body: Uint8Array | string = ""): Buffer {
  const content = Buffer.from(body as string);
  const lines = [`${method} ${path} HTTP/1.1`, "Host: localhost", "Connection: close"];
  const all: Record<string, string> = { "Content-Length": String(content.length), ...headers };
  for (const [name, value] of Object.entries(all)) lines.push(`${name}: ${value}`);
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), content]);
}

const json = (path: string, body: string) => http("POST", path, { "Content-Type": JSON_TYPE }, body);

/** Whole numbers below `limit`, pictures and texts out of one seed. */
class Dice {
  readonly #generator: Generator;

  constructor(seed: number) {
    this.#generator = new Generator(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#generator.uniform() * limit);
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Uint8Array.from({ length }, () => this.below(256)));
  }

  /** A copy that is cut, overwritten, or has something put in. */
  damaged(bytes: Uint8Array): Buffer {
    const copy = Buffer.from(bytes);
    const at = this.below(copy.length);
    const kind = this.below(4);
    if (kind === 0) return copy.subarray(0, at);
    if (kind === 1) return Buffer.concat([copy.subarray(0, at), this.bytes(1 + this.below(40)), copy.subarray(at)]);
    const flips = kind === 2 ? 1 : 30;
    for (let i = 0; i < flips; i++) copy[this.below(copy.length)] = this.below(256);
    return copy;
  }

  /** A JSON value of whatever kind. */
  value(depth = 0): unknown {
    const kind = this.below(depth > 3 ? 7 : 10);
    if (kind === 0) return null;
    if (kind === 1) return this.below(2) === 0;
    if (kind === 2) return this.of([0, -1, 1.5, 1e308, -1e-308, 2 ** 53, 4294967296]);
    if (kind === 3)
      return this.of(["", "x".repeat(5000), "\u0000", "../../etc/passwd", "data:", "data:image/png;base64,AAAA", "💥"]);
    if (kind === 4)
      return this.of([
        "/etc/passwd",
        "/proc/self/environ",
        "file:///etc/passwd",
        "http://127.0.0.1/",
        "C:\\Windows\\win.ini",
      ]);
    if (kind === 5) return { path: this.value(depth + 1), meta: this.value(depth + 1) };
    if (kind === 6) return { url: this.value(depth + 1), __proto__: 1, constructor: this.value(depth + 1) };
    if (kind === 7) return Array.from({ length: this.below(5) }, () => this.value(depth + 1));
    const keys = ["data", "fn_index", "session_hash", "event_id", "image", "inputs", "url", "__proto__", "toString"];
    return Object.fromEntries(Array.from({ length: this.below(5) }, () => [this.of(keys), this.value(depth + 1)]));
  }
}

const JSON_ROUTES = [
  "/run/predict",
  "/gradio_api/run/predict",
  "/queue/join",
  "/gradio_api/call/predict",
  "/call/v2/predict",
  "/cancel",
  "/v1/predict",
  "/v2/models/toy/infer",
];

async function damagedPhotos(dice: Dice): Promise<Hostile[]> {
  const red = plain("Red", 96, 64);
  const photos = [
    await red.clone().jpeg().withMetadata({ orientation: 6 }).toBuffer(),
    await red.clone().png().toBuffer(),
    await red.clone().webp().toBuffer(),
    await red.clone().gif().toBuffer(),
    await red.clone().tiff().toBuffer(),
    await red.clone().avif({ effort: 0 }).toBuffer(),
  ];
  return Array.from({ length: 90 }, (_, i): Hostile => {
    const photo = dice.damaged(photos[i % photos.length] as Buffer);
    const way = dice.below(3);
    if (way === 0)
      return {
        name: `damaged photo ${i}`,
        bytes: http("POST", "/v1/predict", { "Content-Type": "image/jpeg" }, photo),
      };
    const body = JSON.stringify(way === 1 ? { data: [dataUrl(photo)] } : { image: dataUrl(photo) });
    return { name: `damaged photo ${i} in JSON`, bytes: json(way === 1 ? "/run/predict" : "/v1/predict", body) };
  });
}

function jsonBodies(dice: Dice): Hostile[] {
  const generated = Array.from({ length: 110 }, (_, i): Hostile => {
    const route = dice.of(JSON_ROUTES);
    const value = dice.below(3) === 0 ? { data: [dice.value()], session_hash: "h", image: dice.value() } : dice.value();
    const text = Buffer.from(JSON.stringify(value) ?? "");
    const body = dice.below(4) === 0 && text.length > 0 ? dice.damaged(text) : text;
    return { name: `JSON ${i} to ${route}`, bytes: http("POST", route, { "Content-Type": JSON_TYPE }, body) };
  });
  const nested = "[".repeat(100_000);
  const byHand = [
    nested,
    nested + "]".repeat(100_000),
    `{"data":${nested}`,
    "\ufeff{}",
    "{'data':1}",
    "NaN",
    '{"data":[1e999]}',
    "\xff\xfe",
  ];
  return [...generated, ...byHand.map((body, i) => ({ name: `JSON by hand ${i}`, bytes: json("/run/predict", body) }))];
}

async function multiparts(dice: Dice): Promise<Hostile[]> {
  const photo = await plain("Red").png().toBuffer();
  const part = (head: string, content: Uint8Array | string, end = "\r\n--b--\r\n") =>
    Buffer.concat([Buffer.from(`--b\r\n${head}\r\n\r\n`, "latin1"), Buffer.from(content as string), Buffer.from(end)]);
  const disposition = 'Content-Disposition: form-data; name="files"; filename="a.png"';
  const good = part(disposition, photo);
  const type = { "Content-Type": "multipart/form-data; boundary=b" };
  const byHand: Buffer[] = [
    Buffer.from(""),
    Buffer.from("--b--"),
    Buffer.from("--b\r\n--b--"),
    Buffer.from("--b\r\n\r\n--b--"),
    part(disposition, photo, ""),
    part(disposition, photo, "\r\n--b"),
    part(disposition, photo, "\r\n--c--"),
    part(`X: ${"y".repeat(20_000)}`, photo),
    part('Content-Disposition: form-data; name="files"; filename="../../../etc/passwd"', photo),
    part('Content-Disposition: form-data; name="files"; filename="\u0000\u001b[31m<script>"', "text"),
    part('Content-Disposition: form-data; name="__proto__"; filename="constructor"', "text"),
    part("Content-Disposition: attachment", photo),
    part(disposition, ""),
    Buffer.from(`--b\r\n${disposition}\r\n\r\n${"\r\n--b\r\n\r\n".repeat(50)}`),
    Buffer.from("\r\n".repeat(10_000)),
    Buffer.from("--".repeat(50_000)),
  ];
  const routes = ["/upload", "/gradio_api/upload", "/v1/predict"];
  return [
    ...byHand.map(
      (body, i): Hostile => ({
        name: `multipart by hand ${i}`,
        bytes: http("POST", routes[i % 3] as string, type, body),
      }),
    ),
    ...Array.from(
      { length: 40 },
      (_, i): Hostile => ({ name: `multipart ${i}`, bytes: http("POST", dice.of(routes), type, dice.damaged(good)) }),
    ),
    ...[
      "multipart/form-data",
      "multipart/form-data; boundary=",
      'multipart/form-data; boundary="',
      `multipart/form-data; boundary=${"b".repeat(500)}`,
      "multipart/mixed; boundary=b",
    ].map(
      (value, i): Hostile => ({
        name: `boundary ${i}`,
        bytes: http("POST", "/upload", { "Content-Type": value }, good),
      }),
    ),
  ];
}

function inferences(dice: Dice): Hostile[] {
  const path = "/v2/models/toy/infer";
  return Array.from({ length: 60 }, (_, i): Hostile => {
    const sizes = [0, 1, 12, 13, -1, 1.5, 2 ** 31, 2 ** 53, 1e18, "12", null];
    const sides = [0, 1, 2, 3, -1, 1e6, 1e9, 2 ** 53, 0.5];
    const shape = Array.from({ length: dice.below(6) }, () => dice.of(sides));
    const request = {
      inputs: [
        {
          name: dice.of(["photo", "image", "", "__proto__"]),
          shape: dice.below(2) === 0 ? [1] : shape,
          datatype: dice.of(["BYTES", "UINT8", "FP32", "uint8"]),
          ...(dice.below(2) === 0 && { parameters: { binary_data_size: dice.of(sizes) } }),
          ...(dice.below(2) === 0 && { data: dice.value() }),
        },
      ],
      outputs:
        dice.below(3) === 0
          ? [{ name: dice.of(["cam", "logits", "x"]), parameters: { classification: dice.value(), binary_data: true } }]
          : undefined,
    };
    const text = Buffer.from(JSON.stringify(request));
    const length = dice.of([
      String(text.length),
      "0",
      "1",
      "-1",
      "99999999999",
      "1e3",
      "abc",
      "0x10",
      String(text.length + 12),
    ]);
    const tail =
      dice.below(2) === 0 ? Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8]) : dice.bytes(dice.below(40));
    return {
      name: `inference ${i}`,
      bytes: http("POST", path, { "Inference-Header-Content-Length": length }, Buffer.concat([text, tail])),
    };
  });
}

function paths(): Hostile[] {
  const targets = [
    "/../../../../etc/passwd",
    "/..%2f..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/assets/../../../../../etc/passwd",
    "/assets/..%5c..%5cetc/passwd",
    "/\\..\\..\\etc\\passwd",
    "/file=/etc/passwd",
    "/gradio_api/file=/etc/passwd",
    "/gradio_api/file=../../etc/passwd",
    "/file/etc/passwd",
    "/upload/00000000000000000000000000000000/photo",
    "/proc/self/environ",
    "//etc/passwd",
    "/%00",
    "/%ff%fe",
    "/%",
    "/%zz",
    "/v2/models/..%2f..%2fetc/ready",
    "/v2/models/%00",
    "/call/predict/../../../etc/passwd",
    "/heartbeat/",
    "/queue/data",
    "/queue/data?session_hash=",
    `/queue/data?session_hash=${"x".repeat(5000)}`,
    "/gradio_api/gradio_api/config",
    "/gradio_api/",
    "/gradio_api",
    "/proxy=http://127.0.0.1/",
    "/component_server",
    "/__proto__",
    "/constructor",
    `/${"a/".repeat(3000)}`,
    "http://127.0.0.1:1/config",
    "http://[::1/config",
    "/model.onnx/../../package.json",
  ];
  const methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"];
  return [
    ...targets.map((path): Hostile => ({ name: `GET ${path.slice(0, 60)}`, bytes: http("GET", path, {}) })),
    ...methods.map(
      (method): Hostile => ({ name: `${method} /v1/predict`, bytes: http(method, "/v1/predict", {}, "x") }),
    ),
  ];
}

/** What is no HTTP, or barely. */
function frames(dice: Dice): Hostile[] {
  const texts = [
    "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: evil.example/../x\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nHost: other\r\nConnection: close\r\n\r\n",
    `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"y".repeat(20_000)}\r\nConnection: close\r\n\r\n`,
    "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "GET /\r\n\r\n",
    "HELO localhost\r\n\r\n",
    "\r\n\r\n\r\n",
    "GET  /  HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\nConnection: close\r\n\r\nhello",
    "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nffffffffffffffff\r\n",
    "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\nhello",
    "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999\r\nConnection: close\r\n\r\nhello",
    "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    "GET /queue/join HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  ];
  return [
    ...texts.map((text, i): Hostile => ({ name: `frame by hand ${i}`, bytes: Buffer.from(text, "latin1") })),
    ...Array.from(
      { length: 20 },
      (_, i): Hostile => ({
        name: `noise ${i}`,
        bytes: Buffer.concat([dice.bytes(1 + dice.below(300)), Buffer.from("\r\n\r\n")]),
      }),
    ),
  ];
}

/** Addresses that a server must not ask, `canary` being one that would tell. */
function urls(canary: number): Hostile[] {
  const hosts = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[fe80::1]",
    "[fc00::1]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "metadata.google.internal",
    "rebind.example.org",
    "user:password@127.0.0.1",
    "127.0.0.1#@example.org",
    "①②⑦.⓪.⓪.①",
  ];
  const addresses = [
    ...hosts.flatMap((host) => [`http://${host}:${canary}/`, `http://${host}/`]),
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "ftp://127.0.0.1/",
    "http://",
    "http:///etc/passwd",
    "https://127.0.0.1:443/",
    `http://127.0.0.1:${canary}`,
    "data:text/html,<script>",
  ];
  return addresses.flatMap((url, i): Hostile[] => {
    const asked = { name: `URL ${url}`, bytes: json("/v1/predict", JSON.stringify({ url })) };
    const file = { path: url, url, meta: { _type: "gradio.FileData" } };
    return i % 2 === 0
      ? [asked]
      : [asked, { name: `Gradio URL ${url}`, bytes: json("/run/predict", JSON.stringify({ data: [file] })) }];
  });
}

/** @param canary port of a server of this machine that nobody may ask */
export async function hostileRequests(seed: number, canary: number): Promise<Hostile[]> {
  const dice = new Dice(seed);
  return [
    ...(await damagedPhotos(dice)),
    ...jsonBodies(dice),
    ...(await multiparts(dice)),
    ...inferences(dice),
    ...paths(),
    ...frames(dice),
    ...urls(canary),
  ];
}
