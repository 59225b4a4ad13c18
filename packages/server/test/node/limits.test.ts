// How much one client may ask, and who a client is.

import type { RunningServer } from "@ballsight/server";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { Uploads } from "../../src/gradio/uploads.ts";
import { filesOf } from "../../src/http/multipart.ts";
import { RateLimit } from "../../src/http/rateLimit.ts";
import { png, startToy } from "../helpers/toyServer.ts";

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
});

describe("uploads", () => {
  const bytes = (size: number) => new Uint8Array(size).fill(7);

  test("the oldest make room, what is too old is gone, and none can be guessed", () => {
    const uploads = new Uploads(100);
    const first = uploads.add(bytes(60), 0);
    const second = uploads.add(bytes(60), 1000);
    expect(() => uploads.get(first, "image", 1001)).toThrow(/upload the photo again/);
    expect(uploads.get(second, "image", 1001)).toEqual(bytes(60));
    expect(uploads.bytes).toBe(60);
    expect(() => uploads.get(second, "image", 700_000)).toThrow(/upload the photo again/);
    uploads.sweep(700_000);
    expect(uploads.bytes).toBe(0);
    expect(first).toMatch(/^upload\/[0-9a-f]{32}\/photo$/);
  });

  test("a copy is handed out: whoever takes it may give it away", () => {
    const uploads = new Uploads(100);
    const path = uploads.add(bytes(3));
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
        const found = filesOf(body, response.headers.get("content-type") ?? "");
        expect(found.map(({ bytes: got, filename }) => [Buffer.from(got), filename])).toEqual(
          files.map(({ content, name }) => [Buffer.from(content), name]),
        );
      }),
    );
  });
});
