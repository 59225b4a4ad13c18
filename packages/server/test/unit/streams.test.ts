// Streams and sessions at their limits, without a socket.

import { fail } from "@ballsight/vision";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { type QueuedWork, Sessions } from "../../src/gradio/sessions.ts";
import type { ServerEnv, Services } from "../../src/http/services.ts";
import { type EventStream, Streams } from "../../src/http/sse.ts";

/** A stream as a client at that address gets it; `close` is called when it is over. */
function opener(streams: Streams) {
  let stream: EventStream | undefined;
  let closed = 0;
  const app = new Hono<ServerEnv>();
  app.use(async (c, next) => {
    c.set("services", { trustProxy: 1 } as Services);
    await next();
  });
  app.onError((error, c) => c.text(error.message, 503));
  app.get("/", (c) =>
    streams.respond(c, {
      heartbeat: "data: beat",
      onOpen: (opened) => {
        stream = opened;
      },
      onClose: () => {
        closed += 1;
      },
    }),
  );
  const open = async (client: string) => app.request("/", { headers: { "x-forwarded-for": client } });
  return { open, stream: () => stream as EventStream, closed: () => closed };
}

describe("streams", () => {
  test("a client that never reads is cut off after a thousand frames", async () => {
    const streams = new Streams();
    const { open, stream, closed } = opener(streams);
    const response = await open("1.2.3.4");
    for (let i = 0; i < 1000; i++) stream().send("data: 1");
    expect([closed(), streams.size]).toEqual([0, 1]);
    for (let i = 0; i < 5; i++) stream().send("data: 1");
    expect([closed(), streams.size]).toEqual([1, 0]);
    expect(await response.text()).toMatch(/^(data: 1\n\n){1000,1005}$/);
  });

  test("a hundred for one client, a thousand for all; one that ends makes room", async () => {
    const streams = new Streams();
    const { open } = opener(streams);
    const statuses = async (client: string, count: number) => {
      const all = await Promise.all(Array.from({ length: count }, () => open(client)));
      return all.filter(({ status }) => status === 200).length;
    };
    expect(await statuses("1.2.3.4", 150)).toBe(100);
    const last = await open("127.0.0.1");
    expect(await statuses("127.0.0.1", 400)).toBe(400);
    for (let i = 0; i < 6; i++) await statuses(`2.2.2.${i}`, 100);
    expect(streams.size).toBe(1000);
    expect((await open("9.9.9.9")).status).toBe(503);
    await last.body?.cancel();
    expect((await open("9.9.9.9")).status).toBe(200);
    streams.endAll();
    expect(streams.size).toBe(0);
  });
});

describe("sessions", () => {
  const work = (onAbort = () => {}): QueuedWork => ({
    rank: 0,
    run: (signal) =>
      new Promise((_, reject) => {
        const leave = () => {
          onAbort();
          try {
            fail("CLIENT_LEFT", { name: "image" });
          } catch (error) {
            reject(error);
          }
        };
        signal.addEventListener("abort", leave);
      }),
  });
  const listen = (sessions: Sessions, hash: string) => {
    const heard: string[] = [];
    sessions.stream(hash).onOpen({ send: (frame) => heard.push(frame), end: () => undefined });
    return heard;
  };

  test("over a thousand the oldest that nobody listens to goes, and its work", () => {
    const sessions = new Sessions();
    let dropped = 0;
    sessions.join("heard", work());
    listen(sessions, "heard");
    sessions.join(
      "unheard",
      work(() => {
        dropped += 1;
      }),
    );
    for (let i = 2; i < 1000; i++) sessions.join(`s${i}`, work());
    expect([sessions.size, dropped]).toEqual([1000, 0]);
    sessions.join("new", work());
    expect([sessions.size, dropped]).toEqual([1000, 1]);
    expect(listen(sessions, "unheard").join()).toContain("session_not_found");
    expect(listen(sessions, "new").join()).toContain("estimation");
  });

  test("a thousand that are listened to are too many for another", () => {
    const sessions = new Sessions();
    for (let i = 0; i < 1000; i++) {
      sessions.join(`s${i}`, work());
      listen(sessions, `s${i}`);
    }
    expect(() => sessions.join("one more", work())).toThrow(/1000 sessions/);
  });

  test("a hundred photos of one session may wait", () => {
    const sessions = new Sessions();
    for (let i = 0; i < 100; i++) sessions.join("s", work());
    expect(() => sessions.join("s", work())).toThrow(/100 photos of this session/);
  });
});
