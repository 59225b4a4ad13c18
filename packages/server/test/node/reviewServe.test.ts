// The review on a real port: of this machine only, and of another number where the wanted one is taken.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { Hono } from "hono";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedReview, serveReview } from "../../src/review/serve.ts";

const app = new Hono().get("/", (c) => c.text("here"));
const other = createServer();
let taken: number;
let served: ServedReview;

beforeAll(async () => {
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  taken = (other.address() as AddressInfo).port;
  served = await serveReview(app, taken);
});
afterAll(async () => {
  await served.close();
  other.close();
});

test("the next port that is free", async () => {
  expect(served.port).toBeGreaterThan(taken);
  expect(served.port).toBeLessThan(taken + 10);
  expect(await (await fetch(`http://127.0.0.1:${served.port}/`)).text()).toBe("here");
});

const outer = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === "IPv4" && !address.internal)?.address;

test.skipIf(outer === undefined)("not at the address that other machines see (needs a network card)", async () => {
  await expect(fetch(`http://${outer}:${served.port}/`)).rejects.toThrow();
});

test("closing does not wait for tabs that keep their events open", async () => {
  const open = new Hono().get(
    "/",
    () => new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(1)) })),
  );
  const another = await serveReview(open, 0);
  const response = await fetch(`http://127.0.0.1:${another.port}/`);
  await another.close();
  await expect(response.text()).rejects.toThrow();
});
