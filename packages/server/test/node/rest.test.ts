// REST, Open Inference Protocol v2 and what watches over the server.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import type { RunningServer } from "@ballsight/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Colour, dataUrl, plain, png, post, startToy } from "../helpers/toyServer.ts";

let server: RunningServer;

beforeAll(async () => {
  server = await startToy({ maxBytes: 100_000, maxPixels: 1_000_000 });
});
afterAll(async () => {
  await server?.close();
});

const url = (path: string) => `${server.url}${path}`;

async function send(body: BodyInit, headers: Record<string, string> = {}, path = "/v1/predict") {
  const response = await fetch(url(path), { method: "POST", body, headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe("POST /v1/predict", () => {
  test("takes a body, a form, and a data URL", async () => {
    const photo = await png("Green");
    const form = new FormData();
    form.append("image", new Blob([photo]), "a.png");
    const answers = [
      await send(photo, { "content-type": "image/png" }),
      // What curl --data-binary says of a photo.
      await send(photo, { "content-type": "application/x-www-form-urlencoded" }),
      await send(form),
      await send(JSON.stringify({ image: dataUrl(photo) }), { "content-type": "application/json" }),
    ];
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(body).toMatchObject({ label: "Green", width: 64, height: 48, backend: "cpu", model: { id: "toy" } });
    }
  });

  test("gives as many labels as it is asked for, best first", async () => {
    const { body } = await send(await png("Red"), {}, "/v1/predict?top=2");
    const top = body.top as { label: string; confidence: number }[];
    expect(top).toHaveLength(2);
    expect(top[0]).toEqual({ label: body.label, confidence: body.confidence });
    // softmax of the mean normalised channels of (220, 20, 30): ((v / 255) - 0.5) / 0.25, worked out by hand.
    const logits = [220, 20, 30].map((value) => (value / 255 - 0.5) / 0.25);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    expect(top[0]?.confidence).toBeCloseTo(Math.exp(logits[0] as number) / sum, 3);
  });

  test("a photo is seen upright", async () => {
    const turned = await plain("Red", 40, 20).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    expect((await send(new Uint8Array(turned))).body).toMatchObject({ width: 20, height: 40 });
  });

  test.each([
    ["nothing", async () => new Uint8Array(), 400, "EMPTY_FILE"],
    ["text", async () => new TextEncoder().encode("hello"), 415, "NOT_AN_IMAGE"],
    [
      "SVG",
      async () => new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg'/>"),
      415,
      "IMAGE_UNSUPPORTED",
    ],
    [
      "half a photo",
      async () => new Uint8Array((await plain("Red").png().toBuffer()).subarray(0, 60)),
      422,
      "IMAGE_TRUNCATED",
    ],
    [
      "too many pixels",
      async () => new Uint8Array(await plain("Red", 1100, 1000).png().toBuffer()),
      413,
      "IMAGE_TOO_LARGE",
    ],
    ["too many bytes", async () => new Uint8Array(100_001), 413, "FILE_TOO_LARGE"],
    ["a strip", async () => new Uint8Array(await plain("Red", 2000, 2).png().toBuffer()), 422, "IMAGE_TOO_NARROW"],
  ] as const)("refuses %s", async (_, bytes, status, code) => {
    const answer = await send(await bytes());
    expect(answer).toMatchObject({ status, body: { error: { code } } });
  });

  test("refuses wrong kinds, options and forms", async () => {
    const photo = await png("Red");
    expect(await send(photo, { "content-type": "text/html" })).toMatchObject({
      status: 415,
      body: { error: { code: "MEDIA_TYPE_UNKNOWN" } },
    });
    expect(await send(photo, {}, "/v1/predict?top=0")).toMatchObject({
      status: 400,
      body: { error: { code: "REQUEST_INVALID" } },
    });
    expect(await send("{", { "content-type": "application/json" })).toMatchObject({ status: 400 });
    expect(
      await send(JSON.stringify({ url: "http://127.0.0.1/" }), { "content-type": "application/json" }),
    ).toMatchObject({
      status: 403,
      body: { error: { code: "URL_REFUSED" } },
    });
    expect(await send("--x--", { "content-type": "multipart/form-data; boundary=x" })).toMatchObject({ status: 400 });
    expect(await send("x", { "content-type": "multipart/form-data" })).toMatchObject({ status: 400 });
  });
});

test("URLs of public addresses alone are fetched, where a server is told to", async () => {
  const strict = await startToy({ urls: {} });
  const loose = await startToy({ urls: { allowLoopback: true } });
  try {
    const ask = (at: string, photo: string) => post(`${at}/v1/predict`, { url: photo });
    for (const blocked of [
      `${server.url}/v1/models`,
      "http://127.1/",
      "http://2130706433/",
      "http://[::ffff:127.0.0.1]/",
      "ftp://example.org/a",
    ]) {
      expect(await ask(strict.url, blocked)).toMatchObject({ status: 403, body: { error: { code: "URL_REFUSED" } } });
    }
    const answer = await ask(loose.url, `${server.url}/v1/models`);
    expect(answer).toMatchObject({ status: 415, body: { error: { code: "NOT_AN_IMAGE" } } });
    expect(await ask(loose.url, `${server.url}/nowhere`)).toMatchObject({
      status: 502,
      body: { error: { code: "URL_FAILED" } },
    });
  } finally {
    await strict.close();
    await loose.close();
  }
});

describe("models", () => {
  test("are listed, and the file comes with an ETag", async () => {
    const { models } = (await (await fetch(url("/v1/models"))).json()) as { models: Record<string, unknown>[] };
    expect(models).toMatchObject([{ id: "toy", labels: ["Blue", "Green", "Red"], file: "/model.onnx" }]);
    const file = await fetch(url("/model.onnx"));
    expect((await file.arrayBuffer()).byteLength).toBe(models[0]?.bytes);
    const etag = file.headers.get("etag") as string;
    expect(etag).toBe(`"${models[0]?.sha256}"`);
    expect((await fetch(url("/model.onnx"), { headers: { "if-none-match": etag } })).status).toBe(304);
  });
});

describe("pages of other sites", () => {
  const headersOf = async (at: string, path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${at}${path}`, { headers: { origin: "https://other.example", ...headers } });
    await response.arrayBuffer();
    return response.headers;
  };

  test("may ask the API, and not for the model file or the figures", async () => {
    for (const path of ["/v1/models", "/config", "/v2", "/healthz", "/nowhere"]) {
      expect((await headersOf(server.url, path)).get("access-control-allow-origin"), path).toBe("*");
    }
    for (const path of ["/model.onnx", "/model.onnx/", "/metrics"]) {
      const headers = await headersOf(server.url, path);
      expect(headers.get("access-control-allow-origin"), path).toBeNull();
      expect(headers.get("cross-origin-resource-policy"), path).toBe("same-origin");
    }
  });

  test("that are named may have all; a stranger's name for this machine has nothing", async () => {
    const named = await startToy({ origins: ["https://mine.example"] });
    try {
      const mine = { origin: "https://mine.example" };
      for (const path of ["/model.onnx", "/v1/models"]) {
        expect((await headersOf(named.url, path, mine)).get("access-control-allow-origin")).toBe(mine.origin);
        expect((await headersOf(named.url, path)).get("access-control-allow-origin")).toBeNull();
      }
      const statusAs = async (host: string) => {
        const outgoing = request(`${named.url}/model.onnx`, { headers: { host } }).end();
        const [response] = await once(outgoing, "response");
        response.resume();
        return response.statusCode;
      };
      const { port } = new URL(named.url);
      expect(await statusAs(`evil.example:${port}`)).toBe(400);
      for (const host of [`localhost:${port}`, `[::1]:${port}`, "mine.example"]) expect(await statusAs(host)).toBe(200);
    } finally {
      await named.close();
    }
  });
});

describe("Open Inference Protocol v2", () => {
  const infer = (body: unknown, path = "/v2/models/toy/infer") => post(url(path), body);
  const photos = async (...colours: Colour[]) =>
    Promise.all(colours.map(async (colour) => Buffer.from(await png(colour)).toString("base64")));

  test("health and metadata", async () => {
    const get = async (path: string) => (await fetch(url(path))).json();
    expect(await get("/v2")).toMatchObject({ name: "ballsight", extensions: ["binary_tensor_data", "classification"] });
    expect(await get("/v2/health/live")).toEqual({ live: true });
    expect(await get("/v2/health/ready")).toEqual({ ready: true });
    const model = (await get("/v2/models/toy")) as { versions: string[] };
    expect(model).toMatchObject({ name: "toy", inputs: [{ name: "photo", datatype: "BYTES" }, { name: "image" }] });
    expect(await get(`/v2/models/toy/versions/${model.versions[0]}/ready`)).toEqual({ name: "toy", ready: true });
    expect(await get("/v2/models/other")).toEqual({ error: expect.stringContaining("toy") });
  });

  test("photos as BYTES in JSON, several at once, in order", async () => {
    const { status, body } = await infer({
      id: "7",
      inputs: [{ name: "photo", shape: [3], datatype: "BYTES", data: await photos("Red", "Blue", "Green") }],
      outputs: [{ name: "probabilities" }, { name: "logits", parameters: { classification: 1 } }],
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ model_name: "toy", id: "7" });
    const [probabilities, classes] = body.outputs as { shape: number[]; data: (number | string)[] }[];
    expect(probabilities?.shape).toEqual([3, 3]);
    expect(classes?.data.map((text) => String(text).split(":").slice(1).join(":"))).toEqual([
      "2:Red",
      "0:Blue",
      "1:Green",
    ]);
  });

  test("pixels as UINT8, nested or flat, give what the photo gives", async () => {
    const nested = [Array.from({ length: 48 }, () => Array.from({ length: 64 }, () => [20, 200, 40]))];
    const shape = [1, 48, 64, 3];
    const ask = async (data: unknown) =>
      (
        (await infer({ inputs: [{ name: "image", shape, datatype: "UINT8", data }] })).body.outputs as {
          data: number[];
        }[]
      )[0]?.data;
    const byPhoto = (
      await infer({ inputs: [{ name: "photo", shape: [1], datatype: "BYTES", data: await photos("Green") }] })
    ).body.outputs as { data: number[] }[];
    expect(await ask(nested)).toEqual(byPhoto[0]?.data);
    expect(await ask(nested.flat(3))).toEqual(byPhoto[0]?.data);
  });

  test("the binary extension, in and out", async () => {
    const photo = await png("Blue");
    const raw = Buffer.concat([Buffer.from(Uint32Array.of(photo.length).buffer), photo]);
    const json = Buffer.from(
      JSON.stringify({
        inputs: [{ name: "photo", shape: [1], datatype: "BYTES", parameters: { binary_data_size: raw.length } }],
        outputs: [{ name: "probabilities", parameters: { binary_data: true } }, { name: "embedding" }],
      }),
    );
    const response = await fetch(url("/v2/models/toy/infer"), {
      method: "POST",
      headers: { "inference-header-content-length": String(json.length), "content-type": "application/octet-stream" },
      body: Buffer.concat([json, raw]),
    });
    expect(response.status).toBe(200);
    const length = Number(response.headers.get("inference-header-content-length"));
    const body = Buffer.from(await response.arrayBuffer());
    const { outputs } = JSON.parse(body.subarray(0, length).toString()) as { outputs: Record<string, unknown>[] };
    expect(outputs).toMatchObject([
      { name: "probabilities", parameters: { binary_data_size: 12 } },
      { name: "embedding", shape: [1, 3] },
    ]);
    const floats = new Float32Array(new Uint8Array(body.subarray(length)).buffer);
    expect(floats).toHaveLength(3);
    expect(floats.indexOf(Math.max(...floats))).toBe(0);
  });

  test.each([
    [1, 1100, 1000],
    [2, 800, 800],
  ])("the limit of pixels holds for those that come unpacked: %i x %i x %i", async (n, height, width) => {
    const pixels = new Uint8Array(n * height * width * 3);
    const inputs = [
      {
        name: "image",
        shape: [n, height, width, 3],
        datatype: "UINT8",
        parameters: { binary_data_size: pixels.length },
      },
    ];
    const json = Buffer.from(JSON.stringify({ inputs }));
    const headers = { "inference-header-content-length": String(json.length) };
    const answer = await send(Buffer.concat([json, pixels]), headers, "/v2/models/toy/infer");
    expect([400, 413]).toContain(answer.status);
    expect(answer.body).toEqual({ error: expect.stringContaining("expected at most") });
  });

  test.each([
    [{ inputs: [] }],
    [{ inputs: [{ name: "photo", shape: [2], datatype: "BYTES", data: ["aGk="] }] }],
    [{ inputs: [{ name: "photo", shape: [1e9], datatype: "BYTES", data: ["aGk="] }] }],
    [{ inputs: [{ name: "image", shape: [1, 1e6, 1e6, 3], datatype: "UINT8", data: [1] }] }],
    [{ inputs: [{ name: "image", shape: [1, 2, 2, 3], datatype: "UINT8", data: Array(12).fill(256) }] }],
    [{ inputs: [{ name: "image", shape: [1, 2, 2, 3], datatype: "FP32", data: Array(12).fill(1) }] }],
    [{ inputs: [{ name: "other", shape: [1], datatype: "BYTES", data: ["aGk="] }] }],
    [{ inputs: [{ name: "photo", shape: [1], datatype: "BYTES", parameters: { binary_data_size: 5 } }] }],
    [{ inputs: [{ name: "photo", shape: [1], datatype: "BYTES", data: ["aGk="] }], outputs: [{ name: "nonsense" }] }],
  ])("refuses %j", async (body) => {
    const answer = await infer(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ error: expect.stringContaining("expected") });
  });
});

describe("about", () => {
  test("alive, ready, figures", async () => {
    await send(await png("Red"));
    expect((await fetch(url("/healthz"))).status).toBe(200);
    expect(await (await fetch(url("/readyz"))).json()).toMatchObject({ status: "ready", workers: 2 });
    const metrics = await (await fetch(url("/metrics"))).text();
    expect(metrics).toMatch(/ballsight_photos_total\{outcome="answered"\} [1-9]/);
    expect(metrics).toMatch(/ballsight_stage_seconds_count\{stage="infer"\} [1-9]/);
    expect(metrics).toMatch(/ballsight_requests_total\{route="\/v1\/predict",status="200"\} [1-9]/);
  });

  test("openapi.json names every route, and the page shows each without a script", async () => {
    const document = (await (await fetch(url("/openapi.json"))).json()) as {
      openapi: string;
      servers: object[];
      paths: Record<string, object>;
    };
    expect(document.openapi).toBe("3.1.0");
    // Not the Host that was sent, nor http behind a proxy that speaks TLS.
    expect(document.servers).toEqual([{ url: "/" }]);
    for (const path of [
      "/v1/predict",
      "/v2/models/{model}/infer",
      "/gradio_api/queue/join",
      "/config",
      "/healthz",
      "/metrics",
    ]) {
      expect(document.paths).toHaveProperty([path]);
    }
    const page = await fetch(url("/docs"));
    const html = await page.text();
    for (const path of Object.keys(document.paths)) expect(html).toContain(`<code>${path}</code>`);
    expect(html).not.toMatch(/<script|src=|https?:\/\/(?!127\.0\.0\.1)/);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  test("the page names https where one's own proxy says so, and there alone", async () => {
    const behind = await startToy({ trustProxy: 1 });
    try {
      const docs = async (at: string) =>
        (await fetch(`${at}/docs`, { headers: { "x-forwarded-proto": "https" } })).text();
      expect(await docs(behind.url)).toContain(`${behind.url.replace("http:", "https:")}/v1/predict`);
      expect(await docs(server.url)).toContain(`${server.url}/v1/predict`);
    } finally {
      await behind.close();
    }
  });

  test("the version is the package's", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    expect(await (await fetch(url("/v2"))).json()).toMatchObject({ version });
  });
});
