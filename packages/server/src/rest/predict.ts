// POST /v1/predict: a photo in whatever way is at hand, its labels and confidences back.

import { fail } from "@ballsight/vision";
import { z } from "@hono/zod-openapi";
import { decodeDataUrl, isDataUrl } from "../dataUrl.ts";
import { describe, jsonLimit, parseJson, readBody } from "../http/body.ts";
import { filesOf, MULTIPART_BYTES } from "../http/multipart.ts";
import { type App, define } from "../http/route.ts";
import type { ServerContext } from "../http/services.ts";
import { predict } from "../predict.ts";
import { ErrorAnswer, ModelFacts, modelFacts } from "./models.ts";

const DEFAULT_TOP = 5;

const Answer = z.object({ label: z.string(), confidence: z.number().min(0).max(1) }).openapi("Answer");

const PredictAnswer = z
  .object({
    model: ModelFacts,
    label: z.string(),
    confidence: z.number().min(0).max(1),
    top: z.array(Answer).openapi({ description: "Best first" }),
    width: z.int().openapi({ description: "Of the photo, upright, pixels" }),
    height: z.int(),
    backend: z.literal("cpu"),
    timing_ms: z.object({ queue: z.number(), decode: z.number(), infer: z.number() }),
  })
  .openapi("PredictAnswer");

const JsonPhoto = z
  .object({
    image: z.string().optional().openapi({ description: "A data URL: data:image/jpeg;base64,..." }),
    url: z
      .string()
      .max(2048)
      .optional()
      .openapi({ description: "Only where the server was started with --allow-urls" }),
  })
  .openapi("JsonPhoto");

const binary = { schema: z.string().openapi({ format: "binary" }) };

export function predictRoute(app: App): void {
  define(
    app,
    {
      method: "post",
      path: "/v1/predict",
      tags: ["REST"],
      summary: "Names what is in a photo",
      description:
        "JPEG, PNG, WebP, AVIF, GIF or TIFF, told apart by their first bytes, whatever the content-type says.",
      request: {
        query: z.object({
          top: z.coerce
            .number()
            .int()
            .min(1)
            .max(1000)
            .optional()
            .openapi({ description: "How many labels; 5 by default" }),
        }),
        body: {
          content: {
            "image/*": binary,
            "application/octet-stream": binary,
            "multipart/form-data": { schema: z.object({ image: binary.schema }) },
            "application/json": { schema: JsonPhoto },
          },
        },
      },
      responses: {
        200: { description: "Labels, best first", content: { "application/json": { schema: PredictAnswer } } },
        default: { description: "What is wrong", content: { "application/json": { schema: ErrorAnswer } } },
      },
    },
    answer,
    { work: "compute" },
  );
}

async function answer(c: ServerContext): Promise<Response> {
  const { pool } = c.var.services;
  const top = topOf(c.req.query("top"));
  const { bytes, name } = await photoOf(c);
  const result = await predict(pool, bytes, name, { signal: c.req.raw.signal });
  const best = result.prediction
    .top(top)
    .map(({ label, confidence }) => ({ label, confidence: Number(confidence.toFixed(6)) }));
  const ms = (value: number) => Math.round(value * 100) / 100;
  return c.json({
    model: modelFacts(result.model),
    ...best[0],
    top: best,
    width: result.width,
    height: result.height,
    backend: "cpu",
    timing_ms: { queue: ms(result.queueMs), decode: ms(result.decodeMs), infer: ms(result.inferMs) },
  });
}

function topOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TOP;
  const top = Number(text);
  if (/^\d{1,4}$/.test(text) && top >= 1 && top <= 1000) return top;
  return fail("REQUEST_INVALID", { name: "top", expected: "a whole number from 1 to 1000", received: describe(text) });
}

/** The photo's bytes; `name` is what errors call it. */
async function photoOf(c: ServerContext): Promise<{ bytes: Uint8Array<ArrayBuffer>; name: string }> {
  const { maxBytes } = c.var.services;
  const type = c.req.header("content-type") ?? "";
  const essence = type.split(";")[0]?.trim().toLowerCase() ?? "";
  if (essence === "application/json") {
    const body = parseJson(await readBody(c, jsonLimit(maxBytes)), JsonPhoto, "the body");
    return { bytes: await fromJson(c, body), name: "image" };
  }
  if (essence === "multipart/form-data") {
    const [file] = await filesOf(await readBody(c, maxBytes + MULTIPART_BYTES), type);
    if (file === undefined) {
      return fail("REQUEST_INVALID", { name: "the multipart body", expected: "a file", received: "none" });
    }
    return { bytes: file.bytes, name: file.filename === "" ? "image" : file.filename };
  }
  // curl --data-binary says that a photo is a form; text is what nobody sends as a photo.
  if (essence === "" || /^(?:image\/|application\/(?:octet-stream|x-www-form-urlencoded)$)/.test(essence)) {
    return { bytes: await readBody(c, maxBytes), name: "the body" };
  }
  return fail("MEDIA_TYPE_UNKNOWN", {
    expected: "image/*, application/octet-stream, multipart/form-data or application/json",
    received: describe(essence),
  });
}

async function fromJson(c: ServerContext, { image, url }: z.infer<typeof JsonPhoto>): Promise<Uint8Array<ArrayBuffer>> {
  const { remote, maxBytes } = c.var.services;
  if (image !== undefined) {
    if (isDataUrl(image)) return decodeDataUrl(image, "image", maxBytes);
    return fail("REQUEST_INVALID", { name: "image", expected: "a data URL in base64", received: describe(image) });
  }
  if (url === undefined) {
    return fail("REQUEST_INVALID", { name: "image", expected: "a data URL", received: "nothing" });
  }
  if (remote === undefined) {
    return fail("URL_REFUSED", { name: "url", reason: "this server was started without --allow-urls" });
  }
  return remote.fetch(url, "url", c.req.raw.signal);
}
