// The review's routes without a socket: who gets in, what is taken, what is answered.

import { BallsightError } from "@ballsight/vision";
import { describe, expect, test, vi } from "vitest";
import { reviewApp } from "../../src/review/app.ts";
import type { Changes, DecideRequest, ReviewDesk } from "../../src/review/desk.ts";

const TOKEN = "t0ken-of-this-review";
const HASH = "a".repeat(64);
const NOTHING: Changes = { revision: 7, last: null, changes: [] };

function desk(more: Partial<ReviewDesk> = {}): ReviewDesk {
  return {
    head: () => ({ session: "s", revision: 7 }),
    review: () => ({
      session: "s",
      revision: 7,
      data: "/data/balls",
      who: "ada",
      classes: ["Golf"],
      photos: [],
      last: null,
    }),
    changesSince: () => NOTHING,
    detail: async () => undefined,
    picture: async (sha256) => (sha256 === HASH ? new Uint8Array([0xff, 0xd8]) : undefined),
    decide: async () => NOTHING,
    undo: async () => NOTHING,
    subscribe: () => () => undefined,
    ...more,
  };
}

const page = new Map([
  ["index.html", { type: "text/html; charset=utf-8", content: new TextEncoder().encode("<p>review</p>") }],
  ["assets/index.js", { type: "text/javascript; charset=utf-8", content: new TextEncoder().encode("1") }],
]);

const app = (more?: Partial<ReviewDesk>) => reviewApp({ desk: desk(more), token: TOKEN, page });
const ask = async (path: string, init: RequestInit = {}, more?: Partial<ReviewDesk>) => {
  const headers = { host: "127.0.0.1:7861", ...init.headers };
  return await app(more).request(path, { ...init, headers });
};
const post = (path: string, body: unknown, more?: Partial<ReviewDesk>, headers = {}) =>
  ask(`/${TOKEN}/api/${path}`, { method: "POST", body: JSON.stringify(body), headers }, more);
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;

const decision = { step: "0123456789ab", base: 7, action: "keep", photos: [{ sha256: HASH, file: "Golf/a.jpg" }] };

describe("who gets in", () => {
  test("the page with the token, and nobody without it", async () => {
    const home = await ask(`/${TOKEN}/`);
    expect([home.status, await home.text()]).toEqual([200, "<p>review</p>"]);
    expect(home.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect((await ask(`/${TOKEN}/assets/index.js`)).headers.get("content-type")).toContain("javascript");
    for (const path of ["/", "/wrong/", `/${TOKEN}x/api/review`, `/${TOKEN.toUpperCase()}/api/review`]) {
      const refused = await ask(path);
      expect([path, refused.status >= 403 && refused.status <= 404]).toEqual([path, true]);
    }
    expect(await codeOf(await ask("/wrong/api/review"))).toBe("REVIEW_FORBIDDEN");
  });

  test("without the slash the page would not find its files", async () => {
    const response = await ask(`/${TOKEN}`);
    expect([response.status, response.headers.get("location")]).toEqual([302, `/${TOKEN}/`]);
  });

  test.each(["evil.example", "evil.example:7861", "127.0.0.1.evil.example", "", "127.0.0.1@evil.example"])(
    "not under another name: %s (DNS rebinding)",
    async (host) => {
      expect((await ask(`/${TOKEN}/api/review`, { headers: { host } })).status).toBe(403);
    },
  );

  test.each(["127.0.0.1:7861", "localhost:7861", "[::1]:7861"])("under this machine's: %s", async (host) => {
    expect((await ask(`/${TOKEN}/api/review`, { headers: { host } })).status).toBe(200);
  });

  test("not from another page, even of this machine", async () => {
    const decide = vi.fn(async () => NOTHING);
    for (const origin of ["https://evil.example", "http://127.0.0.1:9999", "null"]) {
      expect((await post("decisions", decision, { decide }, { origin })).status).toBe(403);
    }
    expect(decide).not.toHaveBeenCalled();
    expect((await post("decisions", decision, { decide }, { origin: "http://127.0.0.1:7861" })).status).toBe(200);
  });
});

describe("what is answered", () => {
  test("pictures by content alone", async () => {
    const jpeg = await ask(`/${TOKEN}/api/pictures/small/${HASH}`);
    expect([jpeg.status, jpeg.headers.get("content-type")]).toEqual([200, "image/jpeg"]);
    const refused: [path: string, status: number][] = [
      [`api/pictures/small/${"b".repeat(64)}`, 404],
      ["api/pictures/small/..%2F..%2Fetc%2Fpasswd", 404],
      [`api/pictures/huge/${HASH}`, 404],
      ["assets/..%2F..%2Fpackage.json", 404],
      // Above the token there is nothing for anybody.
      ["assets/../../../package.json", 403],
      ["assets/%2e%2e/%2e%2e/package.json", 403],
    ];
    for (const [path, status] of refused)
      expect([path, (await ask(`/${TOKEN}/${path}`)).status]).toEqual([path, status]);
  });

  test("a decision goes to the desk as it came", async () => {
    const decide = vi.fn(async (_: DecideRequest) => NOTHING);
    const response = await post("decisions", { ...decision, action: "relabel", to: "Golf" }, { decide });
    expect([response.status, await response.json()]).toEqual([200, NOTHING]);
    expect(decide.mock.calls[0]![0]).toEqual({ ...decision, action: "relabel", to: "Golf" });
  });

  test.each([
    ["nothing", undefined],
    ["no action", { ...decision, action: "delete" }],
    ["no photos", { ...decision, photos: [] }],
    ["a path for a hash", { ...decision, photos: [{ sha256: "../../etc/passwd", file: "a" }] }],
    ["a revision that is none", { ...decision, base: -1 }],
    ["a step that is none", { ...decision, step: "a b" }],
  ])("%s is refused before the desk hears of it", async (_, body) => {
    const decide = vi.fn(async () => NOTHING);
    const response = await post("decisions", body, { decide });
    expect([response.status, await codeOf(response)]).toEqual([400, "BAD_OPTION"]);
    expect(decide).not.toHaveBeenCalled();
  });

  test("an outdated decision comes back with how things stand", async () => {
    const decide = async () => {
      throw new BallsightError("DECISION_OUTDATED", { name: "Golf/a.jpg" }, { details: { changes: NOTHING } });
    };
    const response = await post("decisions", decision, { decide });
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ error: { code: "DECISION_OUTDATED" }, now: NOTHING });
  });

  test("a fault of ours tells no more than its message", async () => {
    const undo = async () => {
      throw new TypeError("oh");
    };
    const response = await post("undo", { step: "0123456789ab" }, { undo });
    expect([response.status, await codeOf(response)]).toEqual([500, "INTERNAL"]);
  });

  test("events begin with where things are, then tell every change, and end with the tab", async () => {
    const listeners = new Set<(changes: Changes) => void>();
    const subscribe = (listener: (changes: Changes) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    };
    const closing = new AbortController();
    const response = await ask(`/${TOKEN}/api/events`, { signal: closing.signal }, { subscribe });
    const reader = response.body!.getReader();
    const next = async () => new TextDecoder().decode((await reader.read()).value);
    expect(await next()).toBe('event: hello\ndata: {"session":"s","revision":7}\n\n');
    for (const listener of listeners) listener({ ...NOTHING, revision: 8 });
    expect(await next()).toContain('"revision":8');
    await reader.cancel();
    await vi.waitFor(() => expect(listeners.size).toBe(0));
  });
});
