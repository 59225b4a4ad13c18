// Gradio's HTTP API with one function, /predict: every route bare, as clients of 2023 ask, and under /gradio_api.

import { randomBytes } from "node:crypto";
import { BallsightError, fail } from "@ballsight/vision";
import { z } from "@hono/zod-openapi";
import { fault } from "../fault.ts";
import { readBody, readJson } from "../http/body.ts";
import { clientOf } from "../http/client.ts";
import { filesOf, MULTIPART_BYTES } from "../http/multipart.ts";
import { type App, define, type RouteOptions } from "../http/route.ts";
import type { ServerContext, Services } from "../http/services.ts";
import type { Streams } from "../http/sse.ts";
import { predict } from "../predict.ts";
import { GRADIO_INFO, gradioConfig } from "./config.ts";
import { photoOf } from "./input.ts";
import { envelope, type Label, labelOf } from "./label.ts";

export const GRADIO_PREFIX = "/gradio_api";
const TAG = "Gradio";

const SessionHash = z.string().min(1).max(128);
const Data = z.array(z.unknown()).min(1).max(16);
const PredictBody = z
  .looseObject({ data: Data, fn_index: z.literal(0).nullish(), session_hash: SessionHash.nullish() })
  .openapi("GradioPredict", {
    example: { data: [{ path: "upload/.../photo", meta: { _type: "gradio.FileData" } }] },
  });
const JoinBody = PredictBody.extend({ session_hash: SessionHash }).openapi("GradioJoin");
const NamedBody = z.looseObject({ image: z.unknown().optional() }).openapi("GradioNamed");
const CancelBody = z.looseObject({ event_id: z.string().max(128).nullish() }).openapi("GradioCancel");
const EventId = z.object({ event_id: z.string() }).openapi("GradioEvent");
const LabelAnswer = z
  .object({
    label: z.string(),
    confidences: z.array(z.object({ label: z.string(), confidence: z.number() })),
  })
  .openapi("GradioLabel");

const json = <Schema extends z.ZodType>(schema: Schema) => ({ content: { "application/json": { schema } } });
const answers = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  200: { description, ...json(schema) },
  default: { description: "`error` and `detail` say what is wrong", ...json(z.object({ error: z.string() })) },
});
const streams = (description: string) => ({
  200: { description, content: { "text/event-stream": { schema: z.string() } } },
});

export function gradioRoutes(app: App, streamsOpen: Streams): void {
  const appId = String(randomBytes(6).readUIntBE(0, 6));
  const prefixed = (path: string, options: RouteOptions = {}): RouteOptions => ({
    documentedPath: `${GRADIO_PREFIX}${path}`,
    ...options,
  });

  define(
    app,
    {
      method: "get",
      path: "/config",
      tags: [TAG],
      summary: "What Gradio's clients ask first",
      responses: { 200: { description: "The app" } },
    },
    (c) => c.json(gradioConfig(c.var.services.maxBytes, appId)),
  );
  define(
    app,
    {
      method: "get",
      path: "/info",
      tags: [TAG],
      summary: "The functions, their inputs and outputs",
      responses: { 200: { description: "One function, /predict" } },
    },
    (c) => c.json(GRADIO_INFO),
    prefixed("/info"),
  );
  define(
    app,
    {
      method: "get",
      path: "/app_id",
      tags: [TAG],
      summary: "Changes when the server is started anew",
      responses: { 200: { description: "The id" } },
    },
    (c) => c.json({ app_id: appId }),
    prefixed("/app_id"),
  );

  const uploadBody = {
    "multipart/form-data": { schema: z.object({ files: z.string().openapi({ format: "binary" }) }) },
  };
  define(
    app,
    {
      method: "post",
      path: "/upload",
      tags: [TAG],
      summary: "Hands a photo over; the path is good for ten minutes",
      request: { body: { content: uploadBody } },
      responses: answers(z.array(z.string()), "A path per file"),
    },
    upload,
    prefixed("/upload", { work: "store" }),
  );

  for (const path of ["/run/predict", "/api/predict"]) {
    define(
      app,
      {
        method: "post",
        path,
        tags: [TAG],
        summary: "Question and answer in one",
        request: { body: json(PredictBody) },
        responses: answers(z.looseObject({ data: z.array(LabelAnswer) }), "`data` holds one label"),
      },
      run,
      prefixed(path, { work: "compute" }),
    );
  }

  define(
    app,
    {
      method: "post",
      path: "/queue/join",
      tags: [TAG],
      summary: "Asks a question whose answer comes on the session's stream",
      request: { body: json(JoinBody) },
      responses: answers(EventId, "The event's id"),
    },
    join,
    prefixed("/queue/join", { work: "compute" }),
  );
  define(
    app,
    {
      method: "get",
      path: "/queue/data",
      tags: [TAG],
      summary: "The stream of a session",
      request: { query: z.object({ session_hash: SessionHash }) },
      responses: streams("Events until all questions of the session are answered"),
    },
    (c) => {
      const hash = c.req.query("session_hash") ?? "";
      if (hash === "" || hash.length > 128) {
        return fail("REQUEST_INVALID", {
          name: "session_hash",
          expected: "1 to 128 characters",
          received: hash.length,
        });
      }
      return streamsOpen.respond(c, c.var.services.sessions.stream(hash));
    },
    prefixed("/queue/data"),
  );

  define(
    app,
    {
      method: "post",
      path: "/call/predict",
      tags: [TAG],
      summary: "Asks a question; the answer is at /call/predict/{event_id}",
      request: { body: json(PredictBody) },
      responses: answers(EventId, "The id to ask with"),
    },
    async (c) => call(c, (await readJson(c, PredictBody)).data[0]),
    prefixed("/call/predict", { work: "compute" }),
  );
  define(
    app,
    {
      method: "post",
      path: "/call/v2/predict",
      tags: [TAG],
      summary: "The same with named inputs",
      request: { body: json(NamedBody) },
      responses: answers(EventId, "The id to ask with"),
    },
    async (c) => call(c, (await readJson(c, NamedBody)).image),
    prefixed("/call/v2/predict", { work: "compute" }),
  );
  for (const path of ["/call/predict/{event_id}", "/call/v2/predict/{event_id}"]) {
    define(
      app,
      {
        method: "get",
        path,
        tags: [TAG],
        summary: "The answer to a call",
        request: { params: EventId },
        responses: streams("`event: complete` with one label, or `event: error`"),
      },
      (c) => streamsOpen.respond(c, c.var.services.calls.stream(c.req.param("event_id") ?? "")),
      prefixed(path),
    );
  }

  define(
    app,
    {
      method: "get",
      path: "/heartbeat/{session_hash}",
      tags: [TAG],
      summary: "A stream that says that the server lives",
      request: { params: z.object({ session_hash: z.string() }) },
      responses: streams("`ALIVE` every 15 seconds"),
    },
    // Python's client asks again at once, without a pause, when this ends.
    (c) => {
      const alive = "data: ALIVE";
      return streamsOpen.respond(c, { heartbeat: alive, onOpen: ({ send }) => send(alive), onClose: () => undefined });
    },
    prefixed("/heartbeat/{session_hash}"),
  );
  for (const path of ["/cancel", "/reset"]) {
    define(
      app,
      {
        method: "post",
        path,
        tags: [TAG],
        summary: "Drops a question that is not answered yet",
        request: { body: json(CancelBody) },
        responses: answers(z.object({ success: z.boolean() }), "Done, or nothing was to be done"),
      },
      cancel,
      prefixed(path),
    );
  }
}

async function upload(c: ServerContext): Promise<Response> {
  const { uploads, maxBytes, rate } = c.var.services;
  const type = c.req.header("content-type") ?? "";
  if (!/^multipart\/form-data\b/i.test(type)) {
    return fail("MEDIA_TYPE_UNKNOWN", { expected: "multipart/form-data", received: type === "" ? "none" : "another" });
  }
  const files = await filesOf(await readBody(c, maxBytes + MULTIPART_BYTES), type);
  if (files.length === 0) {
    return fail("REQUEST_INVALID", { name: "files", expected: "at least one file", received: "none" });
  }
  for (const { bytes, filename } of files) {
    if (bytes.length > maxBytes) {
      fail("FILE_TOO_LARGE", { name: filename, limit: maxBytes, received: bytes.length });
    }
  }
  rate.countMore(c, files.length - 1);
  const client = clientOf(c);
  return c.json(files.map(({ bytes }) => uploads.add(bytes, client)));
}

/** What the input says, to a label. */
async function answer(services: Services, value: unknown, signal: AbortSignal, onStart?: () => void): Promise<Label> {
  try {
    const bytes = await photoOf(value, services, signal);
    return labelOf((await predict(services.pool, bytes, "image", { signal, onStart })).prediction);
  } catch (error) {
    throw error instanceof BallsightError ? error : fault(services.log, "/predict", error);
  }
}

async function run(c: ServerContext): Promise<Response> {
  const { data } = await readJson(c, PredictBody);
  const began = performance.now();
  const label = await answer(c.var.services, data[0], c.req.raw.signal);
  return c.json(envelope(label, (performance.now() - began) / 1000));
}

async function join(c: ServerContext): Promise<Response> {
  const { services } = c.var;
  const { data, session_hash } = await readJson(c, JoinBody);
  const id = services.sessions.join(session_hash, {
    rank: services.pool.rank,
    run: (signal, onStart) => answer(services, data[0], signal, onStart),
  });
  return c.json({ event_id: id });
}

function call(c: ServerContext, value: unknown): Response {
  const { services } = c.var;
  return c.json({ event_id: services.calls.add((signal) => answer(services, value, signal)) });
}

async function cancel(c: ServerContext): Promise<Response> {
  const { event_id } = await readJson(c, CancelBody);
  if (typeof event_id === "string") {
    c.var.services.sessions.cancel(event_id);
    c.var.services.calls.cancel(event_id);
  }
  return c.json({ success: true });
}
