// The review's back end: the page, its photos, its decisions, and what other tabs decide, as events.

import { BallsightError } from "@ballsight/vision";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { streamSSE } from "hono/streaming";
import type { Changes, ReviewDesk } from "./desk.ts";
import { closedPage, localOnly, withToken } from "./guard.ts";
import type { PageFile } from "./page.ts";
import { decideRequest, parse, undoRequest } from "./requests.ts";

/** "Select all" of a hundred thousand photos is 15 MB. */
const MAX_BODY = 64 * 1024 * 1024;
/** A tab that was closed without a word is noticed by the next beat that cannot be sent. */
const BEAT_MS = 20_000;

export interface ReviewAppOptions {
  readonly desk: ReviewDesk;
  /** First part of every path. */
  readonly token: string;
  readonly page: ReadonlyMap<string, PageFile>;
}

export function reviewApp({ desk, token, page }: ReviewAppOptions): Hono {
  const review = new Hono<{ Variables: object }>();
  review.use(withToken(token));

  review.get("/api/review", (c) => c.json(desk.review()));
  review.get("/api/changes/:revision{[0-9]+}", (c) => c.json(desk.changesSince(Number(c.req.param("revision")))));
  review.get("/api/photos/:id{[0-9]+}", async (c) => {
    const detail = await desk.detail(Number(c.req.param("id")));
    return detail === undefined ? c.json(unknownPhoto(c.req.param("id")), 404) : c.json(detail);
  });
  review.get("/api/pictures/:size{small|large}/:sha256{[0-9a-f]+}", async (c) => {
    const { size, sha256 } = c.req.param();
    const jpeg = await desk.picture(sha256, size as "small" | "large");
    if (jpeg === undefined) return c.json(unknownPhoto(sha256.slice(0, 12)), 404);
    // Named by its content: it never changes.
    c.header("Cache-Control", "private, max-age=31536000, immutable");
    return c.body(new Uint8Array(jpeg), 200, { "Content-Type": "image/jpeg" });
  });
  review.post("/api/decisions", bodyLimit({ maxSize: MAX_BODY }), async (c) =>
    c.json(await desk.decide(parse(decideRequest, await bodyOf(c)))),
  );
  review.post("/api/undo", bodyLimit({ maxSize: MAX_BODY }), async (c) =>
    c.json(await desk.undo(parse(undoRequest, await bodyOf(c)).step)),
  );
  review.get("/api/events", (c) =>
    streamSSE(c, async (stream) => {
      const send = (changes: Changes) => stream.writeSSE({ event: "changes", data: JSON.stringify(changes) });
      const end = desk.subscribe((changes) => void send(changes));
      const beat = setInterval(() => void stream.writeSSE({ event: "beat", data: "" }), BEAT_MS);
      // Nobody waits for the next beat to end the program.
      beat.unref();
      const closed = new Promise<void>((resolve) => stream.onAbort(resolve));
      await stream.writeSSE({ event: "hello", data: JSON.stringify(desk.head()) });
      await closed;
      clearInterval(beat);
      end();
    }),
  );
  review.get("/*", (c) => {
    // The page names its files relative to itself.
    if (c.req.path === `/${token}`) return c.redirect(`/${token}/`);
    const name = c.req.path.split("/").slice(2).join("/") || "index.html";
    const file = page.get(name);
    if (file === undefined) return c.notFound();
    // Files in `assets` are named by their content.
    if (name !== "index.html") c.header("Cache-Control", "private, max-age=31536000, immutable");
    return c.body(file.content, 200, { "Content-Type": file.type });
  });

  const app = new Hono();
  app.use(closedPage, localOnly);
  app.use("/:token/api/*", async (c, next) => {
    c.header("Cache-Control", "no-store");
    await next();
  });
  app.route("/:token", review);
  app.onError((error, c) => answer(error, c));
  return app;
}

async function bodyOf(c: Context): Promise<unknown> {
  return await c.req.json().catch(() => undefined);
}

const unknownPhoto = (name: string) => ({ error: new BallsightError("PHOTO_UNKNOWN", { name }).toJSON() });

function answer(error: Error, c: Context): Response {
  const known = error instanceof BallsightError ? error : undefined;
  const told = known ?? new BallsightError("INTERNAL", { reason: `${error.name}: ${error.message}` }, { cause: error });
  // What is the matter now, so that the page can show it at once.
  const { changes } = told.details as { readonly changes?: unknown };
  return c.json({ error: told.toJSON(), ...(changes !== undefined && { now: changes }) }, told.status as 400);
}
