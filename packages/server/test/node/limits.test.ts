// How much one client may ask, and who a client is.

import { once } from "node:events";
import { connect } from "node:net";
import type { RunningServer } from "@ballsight/server";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { Uploads } from "../../src/gradio/uploads.ts";
import { ByteBudget, parseJson } from "../../src/http/body.ts";
import { filesOf } from "../../src/http/multipart.ts";
import { RateLimit } from "../../src/http/rateLimit.ts";
import { png, post, startToy } from "../helpers/toyServer.ts";

let server: RunningServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

describe("rate", () => {
  const taken = (limit: RateLimit, client: string, times: readonly number[]) =>
    times.map((now) => {
      try {
        limit.take(client, now);
        return "taken";
      } catch (error) {
        return (error as { details: { seconds: number } }).details.seconds;
      }
    });

  test("half a minute's worth at once, then one per interval; refusals say how long", () => {
    const limit = new RateLimit(6);
    expect(taken(limit, "a", [0, 0, 0, 0, 0])).toEqual(["taken", "taken", "taken", 10, 10]);
    expect(taken(limit, "b", [0])).toEqual(["taken"]);
    expect(taken(limit, "a", [4000, 9999, 10_000, 10_000, 1e9, 1e9, 1e9, 1e9])).toEqual([
      6,
      1,
      "taken",
      10,
      "taken",
      "taken",
      "taken",
      10,
    ]);
  });

  test("never more than the burst and the rate, whenever somebody comes", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 200 }), (gaps) => {
        const limit = new RateLimit(60);
        let now = 0;
        const times = gaps.map((gap) => {
          now += gap;
          return now;
        });
        const got = taken(limit, "a", times).filter((outcome) => outcome === "taken").length;
        expect(got).toBeLessThanOrEqual(30 + (now - (times[0] as number)) / 1000 + 1);
      }),
    );
  });

  test("counts the address that one's own proxy wrote, not what a client made up", async () => {
    server = await startToy({ rate: 4, trustProxy: 1 });
    const photo = await png("Red");
    const ask = async (forwarded: string) => {
      const response = await fetch(`${server?.url}/v1/predict`, {
        method: "POST",
        body: photo.slice(),
        headers: { "x-forwarded-for": forwarded },
      });
      await response.arrayBuffer();
      return response.status;
    };
    expect([await ask("1.2.3.4"), await ask("9.9.9.9, 1.2.3.4"), await ask("8.8.8.8, 1.2.3.4")]).toEqual([
      200, 200, 429,
    ]);
    // A network of IPv6 is one customer's.
    expect([await ask("2001:db8::1"), await ask("2001:db8::2"), await ask("2001:db8:0:0:9::3")]).toEqual([
      200, 200, 429,
    ]);
    expect(await ask("1.2.3.5")).toBe(200);
  });

  test("a request of many photos counts as many, and one beyond the burst leaves a debt", () => {
    const limit = new RateLimit(60);
    limit.take("a", 0, 20);
    expect(() => limit.take("a", 0, 20)).toThrow(/try again in 10 s/);
    limit.take("b", 0, 40, 30);
    expect(() => limit.take("b", 10_000)).toThrow(/try again in 1 s/);
    limit.take("b", 11_000);
  });

  test("photos of one inference and files of one upload are counted one by one", async () => {
    server = await startToy({ rate: 10, trustProxy: 1 });
    const photo = await png("Red");
    const inputs = [
      { name: "photo", shape: [3], datatype: "BYTES", data: Array(3).fill(Buffer.from(photo).toString("base64")) },
    ];
    const infer = async () =>
      (await post(`${server?.url}/v2/models/toy/infer`, { inputs }, { "x-forwarded-for": "1.2.3.4" })).status;
    expect([await infer(), await infer()]).toEqual([200, 429]);
    const upload = async () => {
      const form = new FormData();
      for (let i = 0; i < 3; i++) form.append("files", new Blob([photo]), "a.png");
      const headers = { "x-forwarded-for": "5.6.7.8" };
      return (await fetch(`${server?.url}/upload`, { method: "POST", body: form, headers })).status;
    };
    expect([await upload(), await upload()]).toEqual([200, 429]);
  });
});

describe("uploads", () => {
  const bytes = (size: number) => new Uint8Array(size).fill(7);

  test("the oldest make room, what is too old is gone, and none can be guessed", () => {
    const uploads = new Uploads(100);
    const first = uploads.add(bytes(60), "a", 0);
    const second = uploads.add(bytes(60), "a", 1000);
    expect(() => uploads.get(first, "image", 1001)).toThrow(/upload the photo again/);
    expect(uploads.get(second, "image", 1001)).toEqual(bytes(60));
    expect(uploads.bytes).toBe(60);
    expect(() => uploads.get(second, "image", 700_000)).toThrow(/upload the photo again/);
    uploads.sweep(700_000);
    expect(uploads.bytes).toBe(0);
    expect(first).toMatch(/^upload\/[0-9a-f]{32}\/photo$/);
  });

  test("who has most makes room for others", () => {
    const uploads = new Uploads(100);
    const small = uploads.add(bytes(10), "small", 0);
    const large = [1, 2, 3, 4].map((now) => uploads.add(bytes(40), "large", now));
    expect(uploads.get(small, "image", 5)).toEqual(bytes(10));
    for (const path of large.slice(0, 2)) expect(() => uploads.get(path, "image", 5)).toThrow(/upload the photo again/);
    for (const path of large.slice(2)) expect(uploads.get(path, "image", 5)).toEqual(bytes(40));
    uploads.sweep(1e9);
    expect(uploads.bytes).toBe(0);
  });

  test("a copy is handed out: whoever takes it may give it away", () => {
    const uploads = new Uploads(100);
    const path = uploads.add(bytes(3), "a");
    uploads.get(path, "image").fill(0);
    expect(uploads.get(path, "image")).toEqual(bytes(3));
  });
});

describe("multipart", () => {
  test("reads what undici writes, whatever the bytes and names are", async () => {
    const file = fc.record({ content: fc.uint8Array({ maxLength: 300 }), name: fc.stringMatching(/^[\w .-]{1,20}$/) });
    await fc.assert(
      fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 5 }), fc.boolean(), async (files, withField) => {
        const form = new FormData();
        if (withField) form.append("note", "a value, no file");
        for (const { content, name } of files) form.append("files", new Blob([new Uint8Array(content)]), name);
        const response = new Response(form);
        const body = new Uint8Array(await response.arrayBuffer());
        const found = await filesOf(body, response.headers.get("content-type") ?? "");
        expect(found.map(({ bytes: got, filename }) => [Buffer.from(got), filename])).toEqual(
          files.map(({ content, name }) => [Buffer.from(content), name]),
        );
      }),
    );
  });

  const body = (head: string, content = "hello", end = "\r\n--b--\r\n") =>
    filesOf(Buffer.from(`--b\r\n${head}\r\n\r\n${content}${end}`), "multipart/form-data; boundary=b");

  test("names as RFC 5987 writes them, which aiohttp does for those beyond ASCII", async () => {
    const [file] = await body("Content-Disposition: form-data; name=\"files\"; filename*=utf-8''B%C3%A4lle.png");
    expect(file?.filename).toBe("Bälle.png");
    expect(Buffer.from(file?.bytes ?? []).toString()).toBe("hello");
  });

  test.each([
    ["a body that ends in a part", 'Content-Disposition: form-data; name="files"; filename="a"', "hello", ""],
    ["another boundary", 'Content-Disposition: form-data; name="files"; filename="a"', "hello", "\r\n--c--\r\n"],
    ["too many parts", "X: 1", "\r\n--b\r\nX: 1\r\n\r\n".repeat(20)],
  ])("%s is refused", async (_, head, content, end?: string) => {
    await expect(body(head, content, end)).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  });
});

describe("the budget of bodies", () => {
  test("one client has a quarter, all have the whole; what was given back can be taken again", () => {
    const budget = new ByteBudget(100);
    budget.take("1.2.3.4", 20);
    expect(() => budget.take("1.2.3.4", 10)).toThrow(/from one client/);
    budget.take("1.2.3.4", 5);
    for (const client of ["2.2.2.2", "3.3.3.3"]) budget.take(client, 25);
    budget.take("127.0.0.1", 25);
    expect(() => budget.take("4.4.4.4", 1)).toThrow(/room in the queue/);
    budget.give("1.2.3.4", 25);
    budget.take("4.4.4.4", 25);
  });

  test("clients that send slowly do not keep others from sending", async () => {
    server = await startToy({ trustProxy: 1, maxBytes: 2_000_000, bodyBytes: 4_000_000 });
    const { port } = new URL(server.url);
    const sockets = Array.from({ length: 6 }, () => {
      const socket = connect(Number(port), "127.0.0.1");
      socket.on("error", () => undefined);
      socket.write(
        "POST /v1/predict HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Length: 1999999\r\n\r\n",
      );
      // Four of them fill the room of all.
      socket.write(Buffer.alloc(999_990));
      return socket;
    });
    const refused = sockets.map((socket) => Promise.race([once(socket, "data"), once(socket, "close")]));
    await Promise.race(refused);
    const ask = async () =>
      fetch(`${server?.url}/v1/predict`, {
        method: "POST",
        body: await png("Red"),
        headers: { "x-forwarded-for": "5.6.7.8" },
      });
    expect((await ask()).status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });
});

describe("JSON", () => {
  const schema = z.looseObject({});
  const parse = (text: string) => parseJson(Buffer.from(text), schema, "the body");

  test("with more values than a photo needs is refused before it is parsed", () => {
    // Not even JSON: what is asked first is how many values there are.
    for (const part of ["1,", "[", '{"a":'])
      expect(() => parse(`[${part.repeat(20_000)}`)).toThrow(/at most 10000 values/);
    expect(
      parse(`{"image":"data:image/png;base64,${"A".repeat(1_000_000)}","more":[${"1,".repeat(9000)}1]}`),
    ).toBeDefined();
  });
});
